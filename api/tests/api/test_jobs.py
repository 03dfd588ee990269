"""Jobs: what each does, that one process runs it, and the records of runs."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import Gauge

from jiucom.db import WriteSession
from jiucom.domains.prices import recompute
from jiucom.jobs import cleanup, counters, leases
from jiucom.jobs.job import Job, Report, Tools
from jiucom.jobs.metrics import JobMetrics
from jiucom.jobs.runner import JobBusyError, LeaseLostError, Runner
from jiucom.settings import Settings
from jiucom.state import AppState
from jiucom.telemetry.metrics import Metrics
from testing.clients import User, started, state_of
from testing.relay import relay
from testing.waiting import eventually

from .tables import execute, insert, rows

pytestmark = pytest.mark.anyio


def job(run: Callable[[Tools], Any], name: str | None = None) -> Job:
    return Job(name or f"test-{secrets.token_hex(4)}", "", "0 3 * * *", run)


async def nothing(_: Tools) -> Report:
    return {"done": 1}


async def test_notifications_that_were_read_long_ago(state: AppState, tools: Tools, user: User) -> None:
    made = {
        (read, days): await insert(
            state,
            "INSERT INTO notifications (user_id, type, title, message, is_read, created_at)"
            " VALUES (%s, 'SYSTEM', 't', 'm', %s, UTC_TIMESTAMP(6) - INTERVAL %s DAY)",
            user.id,
            read,
            days,
        )
        for read in (False, True)
        for days in (29, 31)
    }
    await cleanup.notifications(tools)
    left = await rows(state, "SELECT id FROM notifications WHERE user_id = %s AND is_deleted = FALSE", user.id)
    assert {row[0] for row in left} == set(made.values()) - {made[True, 31]}
    assert (await user.client.get("/notifications")).json()["data"]["totalElements"] == 3


async def test_batches_go_on_to_the_last_row(
    state: AppState, tools: Tools, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanup, "_BATCH", 2)
    for _ in range(5):
        await insert(
            state,
            "INSERT INTO notifications (user_id, type, title, message, is_read, created_at)"
            " VALUES (%s, 'SYSTEM', 't', 'm', TRUE, '2020-01-01')",
            user.id,
        )
    assert (await cleanup.notifications(tools))["removed"] == 5


async def test_expired_tokens(state: AppState, tools: Tools, user: User) -> None:
    for days in (-2, 2):
        unique = secrets.token_hex(16)
        await insert(
            state,
            "INSERT INTO refresh_tokens (user_id, family_id, jti, token_hash, issued_at, expires_at)"
            " VALUES (%s, %s, %s, %s, UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL %s DAY)",
            user.id,
            unique,
            unique,
            unique * 2,
            days,
        )
        await insert(
            state,
            "INSERT INTO account_tokens (user_id, purpose, email, token_hash, expires_at)"
            " VALUES (%s, 'PASSWORD_RESET', %s, %s, UTC_TIMESTAMP() + INTERVAL %s DAY)",
            user.id,
            user.email,
            unique * 2,
            days,
        )
    report = await cleanup.tokens(tools)
    assert (report["refreshTokens"] >= 1, report["accountTokens"] >= 1) == (True, True)
    for table in ("refresh_tokens", "account_tokens"):
        ((left,),) = await rows(state, f"SELECT COUNT(*) FROM {table} WHERE user_id = %s", user.id)  # noqa: S608
        assert left == 1


async def test_counters_are_checked_and_repaired(state: AppState, tools: Tools, user: User) -> None:
    # Tests of other files change rows by hand.
    await counters.repair(tools)
    assert await counters.check(tools) == []
    post = await insert(
        state,
        "INSERT INTO posts (user_id, board_type, title, content, like_count, comment_count)"
        " VALUES (%s, 'FREE', 't', 'c', 7, 0)",
        user.id,
    )
    comments = [
        await insert(
            state,
            "INSERT INTO comments (post_id, user_id, content, is_deleted) VALUES (%s, %s, 'c', %s)",
            post,
            user.id,
            deleted,
        )
        for deleted in (False, False, True)
    ]
    await insert(
        state,
        "INSERT INTO content_likes (user_id, target_type, target_id) VALUES (%s, 'COMMENT', %s)",
        user.id,
        comments[0],
    )
    build = await insert(state, "INSERT INTO builds (user_id, name, total_price) VALUES (%s, 'b', 5)", user.id)
    drifted = {(each.counter, each.id, each.stored, each.actual) for each in await counters.check(tools)}
    assert drifted == {
        ("posts.like_count", post, 7, 0),
        ("posts.comment_count", post, 0, 2),
        ("comments.like_count", comments[0], 0, 1),
        ("builds.total_price", build, 5, 0),
    }
    before = await rows(state, "SELECT updated_at FROM posts WHERE id = %s", post)
    report = await counters.repair(tools)
    assert report["posts.like_count"] == 1
    assert await counters.check(tools) == []
    assert await rows(state, "SELECT updated_at FROM posts WHERE id = %s", post) == before


async def test_concurrent_writes_are_not_reported_as_drift(state: AppState, tools: Tools, user: User) -> None:
    """Rows and number change in one transaction, each check is one statement: it sees both or neither."""
    post = await insert(
        state, "INSERT INTO posts (user_id, board_type, title, content) VALUES (%s, 'FREE', 't', 'c')", user.id
    )

    async def toggle(tx: WriteSession) -> None:
        await tx.fetch_value("SELECT id FROM posts WHERE id = %s FOR UPDATE", (post,))
        key = (user.id, post)
        gone = await tx.execute(
            "DELETE FROM content_likes WHERE user_id = %s AND target_type = 'POST' AND target_id = %s", key
        )
        if not gone:
            await tx.insert("INSERT INTO content_likes (user_id, target_type, target_id) VALUES (%s, 'POST', %s)", key)
        await tx.execute("UPDATE posts SET like_count = like_count + %s WHERE id = %s", (-1 if gone else 1, post))

    async def toggling() -> None:
        while True:
            await state.db.write(toggle)

    await counters.repair(tools)
    storm = asyncio.create_task(toggling())
    try:
        for _ in range(20):
            assert await counters.check(tools) == []
            await counters.repair(tools)
    finally:
        storm.cancel()
        await asyncio.gather(storm, return_exceptions=True)
    assert await counters.check(tools) == []


async def test_popularity_and_prices_of_parts(state: AppState, tools: Tools) -> None:
    part = await insert(
        state,
        "INSERT INTO parts (name, category, manufacturer, lowest_price, popularity_score)"
        " VALUES ('AMD Ryzen 7 7800X3D', 'CPU', 'AMD', 200000, 1)",
    )
    await insert(state, "INSERT INTO list_prices VALUES (%s, 200000, NULL)", part)
    report = await recompute.recompute(tools)
    assert report["changed"] >= 1
    assert await rows(state, "SELECT popularity_score FROM parts WHERE id = %s", part) == [(95,)]
    assert (await recompute.recompute(tools))["changed"] == 0


async def test_one_of_many_replicas_runs_a_job(state: AppState, tools: Tools) -> None:
    ran = 0

    async def slowly(_: Tools) -> Report:
        nonlocal ran
        ran += 1
        await asyncio.sleep(0.2)
        return {}

    each = job(slowly)
    due = datetime.now(UTC)
    results = await asyncio.gather(*(Runner(tools).run(each, due) for _ in range(5)), return_exceptions=True)
    assert (ran, sum(isinstance(result, JobBusyError) for result in results)) == (1, 4)
    # A replica with a slow clock finds that it has run.
    with pytest.raises(JobBusyError):
        await Runner(tools).run(each, due)
    # Next time, and by hand, it runs again.
    await Runner(tools).run(each, datetime.now(UTC) + timedelta(seconds=1))
    await Runner(tools).run(each)
    assert ran == 3


async def test_a_failure_is_recorded_and_gives_the_lease_back(state: AppState, tools: Tools) -> None:
    async def fails(_: Tools) -> Report:
        raise ZeroDivisionError("no")

    each = job(fails)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await Runner(tools).run(each)
    found = await rows(state, "SELECT status, error, finished_at IS NULL FROM job_runs WHERE job = %s", each.name)
    assert found == [("FAILED", "ZeroDivisionError: no", 0)] * 2


async def test_the_lease_of_a_dead_replica_runs_out(
    state: AppState, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE", 1)
    dead = leases.Leases(state.db, "dead")
    each = job(nothing)
    assert await dead.take(each.name, None) is not None
    with pytest.raises(JobBusyError):
        await Runner(tools).run(each)

    async def runs() -> bool:
        try:
            await Runner(tools).run(each)
        except JobBusyError:
            return False
        return True

    await eventually(runs, 3)
    found = await rows(state, "SELECT status FROM job_runs WHERE job = %s ORDER BY id", each.name)
    assert found == [("FAILED",), ("SUCCEEDED",)]


async def test_a_long_run_keeps_its_lease(state: AppState, tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LEASE", 1)
    monkeypatch.setattr(leases, "RENEWAL", 0.2)
    started, enough = asyncio.Event(), asyncio.Event()

    async def long(_: Tools) -> Report:
        started.set()
        await enough.wait()
        return {}

    each = job(long)
    running = asyncio.create_task(Runner(tools).run(each))
    await started.wait()
    ((first_end,),) = await rows(state, "SELECT locked_until FROM job_locks WHERE job = %s", each.name)
    await eventually(lambda: rows(state, "SELECT 1 WHERE UTC_TIMESTAMP(6) > %s", first_end))
    with pytest.raises(JobBusyError):
        await Runner(tools).run(each)
    enough.set()
    await running


def endless(stopped: asyncio.Event) -> Callable[[Tools], Awaitable[Report]]:
    """A job that runs until it is cancelled, and then sets `stopped`."""

    async def run(_: Tools) -> Report:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()
        return {}

    return run


async def test_a_lost_lease_stops_the_run(state: AppState, tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "RENEWAL", 0.1)
    stopped = asyncio.Event()
    each = job(endless(stopped))
    running = asyncio.create_task(Runner(tools).run(each))
    await eventually(lambda: rows(state, "SELECT 1 FROM job_runs WHERE job = %s", each.name))
    await execute(state, "UPDATE job_locks SET locked_by = 'another' WHERE job = %s", each.name)
    with pytest.raises(LeaseLostError):
        await running
    assert stopped.is_set()


async def test_a_lease_that_cannot_be_renewed_is_given_up_in_time(
    mysql_server: tuple[int, str], changed: Callable[..., Settings], database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A silent database: another process could begin when the lease has run out."""
    monkeypatch.setattr(leases, "LEASE", 3)
    monkeypatch.setattr(leases, "RENEWAL", 0.5)
    stopped = asyncio.Event()
    async with relay(mysql_server[0]) as way, started(changed(db_port=way.port)) as app:
        state = state_of(app)
        each = job(endless(stopped))
        running = asyncio.create_task(Runner(Tools(state.db, state.cache, state.settings)).run(each))
        await eventually(lambda: rows(state, "SELECT 1 FROM job_runs WHERE job = %s", each.name))
        # A short silence is no reason to give up.
        way.freeze()
        await asyncio.sleep(0.8)
        way.thaw()
        await asyncio.sleep(0.6)
        assert not stopped.is_set()
        way.freeze()
        before = time.monotonic()
        await asyncio.wait_for(stopped.wait(), 10)
        assert time.monotonic() - before < leases.LEASE
        way.thaw()
        with pytest.raises(LeaseLostError):
            await running


async def test_runs_of_any_process_are_in_the_metrics(
    state: AppState, tools: Tools, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Also after an error in between."""
    monkeypatch.setattr(JobMetrics, "interval", 0.05)
    here = Metrics()
    each, later = job(nothing), job(nothing)
    keeping = JobMetrics(state.db, here)
    keeping.start()
    try:
        before = time.time()
        await Runner(tools).run(each)
        await eventually(lambda: _seconds(here, each) is not None)
        assert _seconds(here, each, here.job_last_success) == pytest.approx(before, abs=5)
        with monkeypatch.context() as broken:
            broken.setattr(leases, "_LAST", "SELECT nonsense")
            await eventually(lambda: "JobMetrics failed" in caplog.text)
        await Runner(tools).run(later)
        await eventually(lambda: _seconds(here, later) is not None)
    finally:
        await keeping.stop()


def _seconds(metrics: Metrics, each: Job, gauge: Gauge | None = None) -> float | None:
    return next(
        (
            sample.value
            for family in (gauge or metrics.job_duration).collect()
            for sample in family.samples
            if each.name in sample.labels.values()
        ),
        None,
    )


async def test_old_mails(state: AppState, tools: Tools) -> None:
    recipient = f"{secrets.token_hex(4)}@example.com"
    for sent, next_attempt in ((40, 40), (20, 20), (None, 40), (None, 20), (20, 40)):
        await insert(
            state,
            "INSERT INTO mail_outbox (recipient, template, variables, attempts, sent_at, next_attempt_at)"
            " VALUES (%s, 'price-alert', '{}', 99, UTC_TIMESTAMP(6) - INTERVAL %s DAY, UTC_TIMESTAMP(6) - INTERVAL %s DAY)",
            recipient,
            sent,
            next_attempt,
        )
    assert (await cleanup.mails(tools))["removed"] >= 2
    left = await rows(
        state,
        "SELECT DATEDIFF(UTC_TIMESTAMP(), sent_at), DATEDIFF(UTC_TIMESTAMP(), next_attempt_at) FROM mail_outbox"
        " WHERE recipient = %s ORDER BY id",
        recipient,
    )
    assert left == [(20, 20), (None, 20), (20, 40)]


async def test_mails_that_wait_without_a_server(state: AppState, tools: Tools) -> None:
    recipient = f"{secrets.token_hex(4)}@example.com"
    for days in (3, 1):
        await insert(
            state,
            "INSERT INTO mail_outbox (recipient, template, variables, created_at, next_attempt_at)"
            " VALUES (%s, 'password-reset', '{}', UTC_TIMESTAMP(6) - INTERVAL %s DAY, UTC_TIMESTAMP(6))",
            recipient,
            days,
        )
    await cleanup.mails(tools)
    waiting = "SELECT DATEDIFF(UTC_TIMESTAMP(), created_at) FROM mail_outbox WHERE recipient = %s"
    assert await rows(state, waiting, recipient) == [(1,)]


async def test_old_records_of_runs(state: AppState, tools: Tools) -> None:
    name = f"test-{secrets.token_hex(4)}"
    for days, status in ((300, "SUCCEEDED"), (200, "SUCCEEDED"), (100, "FAILED"), (95, "FAILED"), (10, "RUNNING")):
        await insert(
            state,
            "INSERT INTO job_runs (job, replica, status, started_at) VALUES (%s, 'r', %s, UTC_TIMESTAMP(6) - INTERVAL %s DAY)",
            name,
            status,
            days,
        )
    assert (await cleanup.runs(tools))["removed"] == 2
    left = await rows(
        state, "SELECT status, DATEDIFF(UTC_TIMESTAMP(), started_at) FROM job_runs WHERE job = %s ORDER BY id", name
    )
    assert left == [("SUCCEEDED", 200), ("FAILED", 95), ("RUNNING", 10)]
