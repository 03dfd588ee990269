"""Keeps the metrics of jobs true: runs of other replicas, and those by hand, stand in the database alone."""

import asyncio
import logging

from jiucom.errors import ApiError
from jiucom.jobs.runner import Runner
from jiucom.worker import Worker

log = logging.getLogger(__name__)

# A run is known this late (s).
_INTERVAL = 60.0
# While the database is away.
_RETRY = 5.0


class Recall(Worker):
    """Reads, again and again, when each job last succeeded."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def _run(self) -> None:
        while True:
            pause = _RETRY
            try:
                await self._runner.recall()
                pause = _INTERVAL
            except ApiError as error:
                log.debug("runs of jobs are not known: %s", error.code)
            except Exception:
                log.exception("runs of jobs are not known")
            await asyncio.sleep(pause)
