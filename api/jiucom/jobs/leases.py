"""Leases: one process runs a job at a time. A lease is renewed while the job runs, and expires when the process dies."""

from datetime import datetime
from typing import Any

from jiucom.db import Database
from jiucom.encoding import json_text
from jiucom.jobs.job import Report

LEASE = 60  # s
RENEWAL = 20.0

_PREPARE = """
INSERT INTO job_locks (job, locked_by, locked_until) VALUES (%s, '', '2000-01-01') ON DUPLICATE KEY UPDATE job = job
"""
_TAKE = """
UPDATE job_locks SET locked_by = %s, locked_until = UTC_TIMESTAMP(6) + INTERVAL %s SECOND
WHERE job = %s AND locked_until < UTC_TIMESTAMP(6)
"""
_RENEW = """
UPDATE job_locks SET locked_until = UTC_TIMESTAMP(6) + INTERVAL %s SECOND
WHERE job = %s AND locked_by = %s AND locked_until >= UTC_TIMESTAMP(6)
"""
_RELEASE = "UPDATE job_locks SET locked_until = UTC_TIMESTAMP(6) WHERE job = %s AND locked_by = %s"

_DONE = "SELECT 1 FROM job_runs WHERE job = %s AND status = 'SUCCEEDED' AND started_at >= %s LIMIT 1"
_ABANDON = """
UPDATE job_runs SET status = 'FAILED', error = 'its replica died', finished_at = UTC_TIMESTAMP(6)
WHERE job = %s AND status = 'RUNNING'
"""
_BEGIN = "INSERT INTO job_runs (job, replica, status, started_at) VALUES (%s, %s, 'RUNNING', UTC_TIMESTAMP(6))"
_FINISH = "UPDATE job_runs SET status = %s, detail = %s, error = %s, finished_at = UTC_TIMESTAMP(6) WHERE id = %s"

_LAST = """
SELECT job, CAST(UNIX_TIMESTAMP(finished_at) AS DOUBLE),
    CAST(TIMESTAMPDIFF(MICROSECOND, started_at, finished_at) AS DOUBLE) / 1e6
FROM job_runs WHERE id IN (SELECT MAX(id) FROM job_runs WHERE status = 'SUCCEEDED' AND finished_at IS NOT NULL GROUP BY job)
"""


class Leases:
    """Leases and records of runs, for one process (`holder`)."""

    def __init__(self, db: Database, holder: str) -> None:
        self._db = db
        self._holder = holder

    async def take(self, job: str, due: datetime | None) -> int | None:
        """Take the lease: the id of a new run. None when another process runs the job, or has run it since it was due."""
        async with self._db.transaction() as tx:
            await tx.execute(_PREPARE, (job,))
            if not await tx.execute(_TAKE, (self._holder, LEASE, job)):
                return None
            if due is not None and await tx.fetch_value(_DONE, (job, due)):
                await tx.execute(_RELEASE, (job, self._holder))
                return None
            # With the lease, no other process can be running it.
            await tx.execute(_ABANDON, (job,))
            return await tx.insert(_BEGIN, (job, self._holder))

    async def renew(self, job: str) -> bool:
        """Keep the lease; False when it was lost."""
        async with self._db.statement() as tx:
            return bool(await tx.execute(_RENEW, (LEASE, job, self._holder)))

    async def finish(self, job: str, run: int, report: Report | None, error: str | None) -> None:
        """Record the end of a run and give the lease back."""
        detail: Any = None if report is None else json_text(dict(report))
        async with self._db.transaction() as tx:
            await tx.execute(_FINISH, ("FAILED" if error else "SUCCEEDED", detail, error, run))
            await tx.execute(_RELEASE, (job, self._holder))


async def last_successes(db: Database) -> list[tuple[str, float, float]]:
    """Job, when it last succeeded (s since the epoch) and how long that took (s)."""
    async with db.read() as session:
        return [(str(row[0]), float(row[1]), float(row[2])) for row in await session.fetch_rows(_LAST)]
