"""Starts the jobs by the clock. Every replica does, and the lease lets one of them through."""

import asyncio
import logging
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from jiucom.jobs.job import Job
from jiucom.jobs.recall import Recall
from jiucom.jobs.registry import JOBS
from jiucom.jobs.runner import JobBusyError, Runner

log = logging.getLogger(__name__)
# What ran is one line of ours.
logging.getLogger("apscheduler").setLevel(logging.WARNING)

# A loop that was busy, or a machine that slept: later than this waits for the next time (s).
_GRACE = 300


class Scheduler:
    """A worker."""

    def __init__(self, runner: Runner, zone: str) -> None:
        self._runner = runner
        self._zone = zone
        self._scheduler: AsyncIOScheduler | None = None
        self._recall = Recall(runner)
        self._running: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to keep time."""
        self._scheduler = AsyncIOScheduler(timezone=self._zone)
        for job in JOBS:
            trigger = CronTrigger.from_crontab(job.crontab, self._zone)
            self._scheduler.add_job(
                self._start, trigger, (job,), id=job.name, misfire_grace_time=_GRACE, coalesce=True, max_instances=1
            )
        self._scheduler.start()
        self._recall.start()

    async def stop(self) -> None:
        """Stop; what runs is cut off, which every job survives."""
        await self._recall.stop()
        if self._scheduler:
            self._scheduler.shutdown(wait=False)
            # Cancelled just now; each still gives its lease back.
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _start(self, job: Job) -> None:
        if task := asyncio.current_task():
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        # All jobs are due at full minutes.
        due = datetime.now(UTC).replace(second=0, microsecond=0)
        try:
            await self._runner.run(job, due)
        except JobBusyError:
            log.debug("job %s runs elsewhere", job.name)
        except Exception:
            log.exception("job %s failed", job.name)
