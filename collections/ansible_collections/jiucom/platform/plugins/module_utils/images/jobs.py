"""Jobs that need one another, side by side in lanes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter


@dataclass(frozen=True)
class Job:
    """A job: `needs` are the names of jobs that come before it; names of no job do not count."""

    name: str
    lane: str
    run: Callable[[], None]
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Outcome:
    """What failed, and how many seconds each job took."""

    failed: dict[str, Exception]
    seconds: dict[str, float]


def run(jobs: Iterable[Job], lanes: Mapping[str, int]) -> Outcome:
    """Run each job once; a lane says how many of its jobs run at a time.

    After a failure no further job begins, and those that run are waited for.
    """
    known = {job.name: job for job in jobs}
    order = TopologicalSorter({name: job.needs & known.keys() for name, job in known.items()})
    order.prepare()
    running: dict[Future[None], str] = {}
    outcome = Outcome({}, {})

    def timed(job: Job) -> None:
        begun = time.monotonic()
        try:
            job.run()
        finally:
            outcome.seconds[job.name] = round(time.monotonic() - begun, 1)

    with contextlib.ExitStack() as stack:
        pools = {lane: stack.enter_context(ThreadPoolExecutor(workers)) for lane, workers in lanes.items()}
        while order.is_active():
            if not outcome.failed:
                running |= {pools[known[name].lane].submit(timed, known[name]): name for name in order.get_ready()}
            else:
                running = {future: name for future, name in running.items() if not future.cancel()}
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                try:
                    future.result()
                except Exception as fault:
                    outcome.failed[name] = fault
                order.done(name)
    return outcome
