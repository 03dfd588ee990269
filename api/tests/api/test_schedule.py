"""The schedule: when jobs are due, and that they run in processes of their own."""

import asyncio
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from jiucom.jobs.job import Job, Report, Tools
from jiucom.jobs.leases import Leases
from jiucom.jobs.metrics import JobMetrics
from jiucom.jobs.runner import Runner
from jiucom.jobs.scheduler import Scheduler, latest
from jiucom.schedule import BY_NAME, JOBS
from jiucom.settings import Settings
from jiucom.state import AppState
from jiucom.telemetry.metrics import Metrics
from testing.replica import environment
from testing.waiting import eventually

from .tables import rows

pytestmark = pytest.mark.anyio

SEOUL = ZoneInfo("Asia/Seoul")


def test_the_clean_up_is_at_three_in_seoul() -> None:
    moment = next(CronSim(BY_NAME["notifications"].crontab, datetime(2026, 2, 28, 21, tzinfo=SEOUL)))
    assert moment.astimezone(UTC) == datetime(2026, 2, 28, 18, tzinfo=UTC)


def test_every_crontab_is_one_at_full_minutes() -> None:
    for each in JOBS:
        assert next(CronSim(each.crontab, datetime.now(SEOUL))).second == 0


@pytest.mark.parametrize(
    ("after", "now", "due"),
    [
        ("02:59", "03:00", "03:00"),
        ("03:00", "03:01", None),
        ("02:00", "03:04", "03:00"),
        # A machine that slept.
        ("02:00", "03:06", None),
        ("02:00", "02:59", None),
    ],
)
def test_a_job_is_due_once_and_within_the_grace_time(after: str, now: str, due: str | None) -> None:
    def at(text: str) -> datetime:
        return datetime.fromisoformat(f"2026-02-28T{text}").replace(tzinfo=SEOUL)

    assert latest("0 3 * * *", at(after), at(now)) == (at(due) if due else None)


def commanded(settings: Settings, *arguments: str) -> tuple[str, ...]:
    """Python with the settings in its environment, as in the container."""
    values = {**environment(settings), "PYTHONPATH": str(Path(__file__).parents[2])}
    return "env", *(f"{name}={value}" for name, value in values.items()), sys.executable, *arguments


async def test_jobs_run_in_a_process_of_their_own(
    state: AppState, database: Settings, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Started with the time they were due; each runs once, although several replicas start it; the metrics show it afterwards."""
    caplog.set_level(logging.INFO)
    each, due = BY_NAME["old-runs"], datetime.now(UTC)
    metrics = Metrics()
    command = commanded(database, "-m", "jiucom")
    clock = [Scheduler(JOBS, state.clock, JobMetrics(state.db, metrics), command) for _ in range(2)]
    ((before,),) = await rows(state, "SELECT COUNT(*) FROM job_runs WHERE job = %s", each.name)
    await asyncio.gather(*(one._start(each, due) for one in clock))
    await clock[0]._start(each, due)
    found = await rows(state, "SELECT status, replica FROM job_runs WHERE job = %s ORDER BY id", each.name)
    assert len(found) == before + 1
    assert found[-1][0] == "SUCCEEDED"
    assert int(found[-1][1].split(":")[1]) != os.getpid()
    durations = {sample.labels["name"] for family in metrics.job_duration.collect() for sample in family.samples}
    assert each.name in durations
    done = [record for record in caplog.records if record.getMessage() == "job done"]
    assert [record.fields["job"] for record in done] == [each.name]  # type: ignore[attr-defined]


async def nothing(_: Tools) -> Report:
    return {}


async def test_a_job_ends_with_its_scheduler(state: AppState, database: Settings) -> None:
    """And gives its lease back: the next one need not wait for it to run out."""
    script = Path(__file__).parents[1] / "data" / "endless_job.py"
    command = commanded(database, str(script))
    scheduler = Scheduler(JOBS, state.clock, JobMetrics(state.db, Metrics()), command)
    each = Job("endless", "", "0 3 * * *", nothing)
    running = asyncio.create_task(scheduler._start(each, datetime.now(UTC)))
    scheduler._running.add(running)
    await eventually(lambda: rows(state, "SELECT 1 FROM job_runs WHERE job = 'endless' AND status = 'RUNNING'"), 20)
    await scheduler.stop()
    found = await rows(state, "SELECT status, error FROM job_runs WHERE job = 'endless'")
    assert found == [("FAILED", "cancelled")]
    assert await rows(state, "SELECT 1 FROM job_locks WHERE job = 'endless' AND locked_until > UTC_TIMESTAMP(6)") == []


async def test_a_job_that_is_stopped_while_it_takes_its_lease_gives_it_back(
    state: AppState, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, taken = Leases.take, asyncio.Event()

    async def slowly(self: Leases, *arguments: Any) -> int | None:
        run = await take(self, *arguments)
        taken.set()
        await asyncio.sleep(0.2)
        return run

    monkeypatch.setattr(Leases, "take", slowly)
    running = asyncio.create_task(Runner(tools).run(Job("stopped-early", "", "0 3 * * *", nothing)))
    await taken.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    found = await rows(state, "SELECT status, error FROM job_runs WHERE job = 'stopped-early'")
    assert found == [("FAILED", "cancelled")]


async def test_a_job_that_does_not_end_is_ended(state: AppState, caplog: pytest.LogCaptureFixture) -> None:
    command = (sys.executable, "-c", "import time; time.sleep(600)")
    scheduler = Scheduler(JOBS, state.clock, JobMetrics(state.db, Metrics()), command, longest=0.5)
    await asyncio.wait_for(scheduler._start(Job("endless", "", "0 3 * * *", nothing), datetime.now(UTC)), 30)
    assert "job endless was ended after" in caplog.text
