"""Starts jobs on schedule, each in a process of its own, so that a long job does not slow requests down.

Every replica starts them; the lease of the job lets one process run it.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from cronsim import CronSim

from jiucom.clock import Clock
from jiucom.jobs.job import Job
from jiucom.jobs.metrics import JobMetrics
from jiucom.worker import Worker, end

log = logging.getLogger(__name__)

# Jobs that were due longer ago, while the machine slept, are skipped.
_GRACE = timedelta(minutes=5)
# The longest that a job may run, and the time it has to end after SIGTERM (s).
_LONGEST, _PATIENCE = 3600.0, 10.0
_ELSEWHERE = 3


class Scheduler(Worker):
    """`command` is the platform's command line."""

    def __init__(
        self,
        jobs: Sequence[Job],
        clock: Clock,
        metrics: JobMetrics,
        command: Sequence[str] = (sys.executable, "-m", "jiucom"),
        longest: float = _LONGEST,
    ) -> None:
        self._jobs = jobs
        self._clock = clock
        self._metrics = metrics
        self._command = command
        self._longest = longest
        self._running: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """Stop, and end running jobs: each of them can be interrupted anywhere."""
        await super().stop()
        await end(*self._running)

    async def _run(self) -> None:
        last = self._clock.now()
        while True:
            # All jobs are due at full minutes.
            await asyncio.sleep(60 - self._clock.now().second + 0.1)
            now = self._clock.now()
            for job in self._jobs:
                if due := latest(job.crontab, last, now):
                    task = asyncio.create_task(self._start(job, due), name=f"job {job.name}")
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
            last = now

    async def _start(self, job: Job, due: datetime) -> None:
        try:
            code, output = await self._call("run-job", job.name, "--due", due.isoformat(), "--json")
            if code == 0:
                log.info("job done", extra={"fields": json.loads(output)})
                await self._metrics.turn()
            elif code == _ELSEWHERE:
                log.debug("job %s runs elsewhere", job.name)
            else:
                log.error("job %s failed with exit code %d", job.name, code)
        except TimeoutError:
            log.error("job %s was ended after %d s", job.name, self._longest)
        except Exception:
            log.exception("job %s", job.name)

    async def _call(self, *arguments: str) -> tuple[int, bytes]:
        """Exit code and standard output; standard error is shared with this process."""
        process = await asyncio.create_subprocess_exec(
            *self._command, *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(self._longest):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    async with asyncio.timeout(_PATIENCE):
                        await process.wait()
                except TimeoutError:
                    process.kill()
        return process.returncode or 0, output


def latest(crontab: str, after: datetime, now: datetime) -> datetime | None:
    """When a job was last due after `after` and up to `now` (aware, in the schedule's zone). None if never, or too long ago."""
    due = max(takewhile(lambda at: at <= now, CronSim(crontab, after)), default=None)
    return due if due and now - due <= _GRACE else None
