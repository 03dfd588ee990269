"""Runs a job once: under its lease, on record, and measured."""

import asyncio
import logging
import os
import secrets
import socket
import time
from datetime import datetime

from jiucom.jobs.job import Job, Report, Tools
from jiucom.jobs.leases import RENEWAL, Leases
from jiucom.telemetry.metrics import Metrics
from jiucom.worker import end

log = logging.getLogger(__name__)


class JobBusyError(Exception):
    """Another replica runs the job now, or has done so since it was due."""


class LeaseLostError(Exception):
    """The database was away for so long that another replica may have begun."""


class Runner:
    """Runs jobs of one process."""

    def __init__(self, tools: Tools, metrics: Metrics) -> None:
        self._tools = tools
        self._leases = Leases(tools.db, f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}")
        self._succeeded = metrics.job_last_success
        self._duration = metrics.job_duration

    async def run(self, job: Job, due: datetime | None = None) -> Report:
        """What the job did. Raises JobBusyError, or what the job raises."""
        run = await self._leases.take(job.name, due)
        if run is None:
            raise JobBusyError(job.name)
        started = time.monotonic()
        report, error = None, "cancelled"
        try:
            report = await self._while_leased(job)
            error = ""
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"[:500]
            raise
        finally:
            # Also when the process stops: the next one need not wait for the lease to run out.
            await asyncio.shield(self._leases.finish(job.name, run, report, error or None))
        seconds = time.monotonic() - started
        self._duration.labels(job.name).set(seconds)
        self._succeeded.labels(job.name).set(time.time())
        log.info("job done", extra={"fields": {"job": job.name, "seconds": round(seconds, 3), **report}})
        return report

    async def recall(self) -> None:
        """Let the metrics say what the database remembers."""
        for job, finished, seconds in await self._leases.last_successes():
            self._succeeded.labels(job).set(finished)
            self._duration.labels(job).set(seconds)

    async def _while_leased(self, job: Job) -> Report:
        """Run, and stop when the lease is lost."""
        work = asyncio.ensure_future(job.run(self._tools))
        try:
            while not (await asyncio.wait({work}, timeout=RENEWAL))[0]:
                if not await self._leases.renew(job.name):
                    raise LeaseLostError(job.name)
            return work.result()
        finally:
            await end(work)
