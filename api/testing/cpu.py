"""CPU time as a multiple of a fixed piece of Python, so that limits hold on slow and busy machines."""

import time
from collections.abc import Callable


def multiple(work: Callable[[], object], runs: int = 5) -> float:
    """The CPU time of `work` in units of about 5 ms (of the machine that the limits were made on); the minimum of some runs."""
    ratios = []
    for _ in range(runs):
        unit = _seconds(_unit)
        ratios.append(_seconds(work) / unit)
    return min(ratios)


def _unit() -> int:
    return sum(number * number for number in range(200_000))


def _seconds(work: Callable[[], object]) -> float:
    before = time.thread_time()
    work()
    return time.thread_time() - before
