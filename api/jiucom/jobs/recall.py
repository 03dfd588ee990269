"""Keeps the metrics of jobs true: they run in other processes, and what is known of them stands in the database alone."""

from jiucom.db import Database
from jiucom.jobs.leases import last_successes
from jiucom.telemetry.metrics import Metrics
from jiucom.worker import Repeated


class Recall(Repeated):
    """Reads, again and again, when each job last succeeded."""

    interval = 60.0

    def __init__(self, db: Database, metrics: Metrics) -> None:
        self._db = db
        self._succeeded = metrics.job_last_success
        self._duration = metrics.job_duration

    async def turn(self) -> None:
        """Let the metrics say what the database remembers."""
        for job, finished, seconds in await last_successes(self._db):
            self._succeeded.labels(job).set(finished)
            self._duration.labels(job).set(seconds)
