"""Runs a job once: under its lease, and on record."""

import asyncio
import logging
import os
import secrets
import socket
import time
from datetime import datetime

from jiucom.deadline import deadline, within
from jiucom.errors import ApiError
from jiucom.jobs import leases
from jiucom.jobs.job import Job, Report, Tools
from jiucom.worker import end

log = logging.getLogger(__name__)


class JobBusyError(Exception):
    """Another process runs the job, or has run it since it was due."""


class LeaseLostError(Exception):
    """The lease could not be renewed in time: another process may have started the job."""


class Runner:
    """Runs jobs in this process."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        holder = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._leases = leases.Leases(tools.db, holder)

    async def run(self, job: Job, due: datetime | None = None) -> Report:
        """Run a job; its report. Raises JobBusyError, LeaseLostError, or what the job raises."""
        taking = asyncio.ensure_future(self._leases.take(job.name, due))
        report, error = None, "cancelled"
        try:
            if await asyncio.shield(taking) is None:
                raise JobBusyError(job.name)
            report = await self._while_leased(job)
            error = ""
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"[:500]
            raise
        finally:
            # Also when the process is stopped, even while it takes the lease: the next one need not wait until that expires.
            run = await taking
            if run is not None:
                await asyncio.shield(self._leases.finish(job.name, run, report, error or None))
        return report

    async def _while_leased(self, job: Job) -> Report:
        """Run the job. Stop it when the lease is lost or cannot be renewed in time, before another process may begin."""
        work = asyncio.ensure_future(job.run(self._tools))
        renewed = time.monotonic()
        try:
            while not (await asyncio.wait({work}, timeout=leases.RENEWAL))[0]:
                try:
                    async with deadline(within(leases.RENEWAL / 2)):
                        if not await self._leases.renew(job.name):
                            raise LeaseLostError(job.name)
                    renewed = time.monotonic()
                except ApiError as error:
                    log.warning("the lease of job %s is not renewed yet: %s", job.name, error.code)
                    # The lease would expire during the next try.
                    if time.monotonic() - renewed > leases.LEASE - 1.5 * leases.RENEWAL:
                        raise LeaseLostError(job.name) from error
            return work.result()
        finally:
            await end(work)
