"""Updates the metrics of jobs from the database: jobs run in other processes."""

from jiucom.db import Database
from jiucom.jobs.leases import last_successes
from jiucom.telemetry.metrics import Metrics
from jiucom.worker import Repeated


class JobMetrics(Repeated):
    """Reads the time of each job's last success, once a minute and after a run."""

    interval = 60.0

    def __init__(self, db: Database, metrics: Metrics) -> None:
        self._db = db
        self._succeeded = metrics.job_last_success
        self._duration = metrics.job_duration

    async def turn(self) -> None:
        """Set the metrics from the records of runs."""
        for job, finished, seconds in await last_successes(self._db):
            self._succeeded.labels(job).set(finished)
            self._duration.labels(job).set(seconds)
