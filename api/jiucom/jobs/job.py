"""Types of jobs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from jiucom.cache import Cache
from jiucom.db import Database
from jiucom.settings import Settings

# Numbers that a run reports, by name; printed by the command and stored with the run.
Report = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Tools:
    """Passed to jobs. `progress` is called now and then with what has been done so far."""

    db: Database
    cache: Cache
    settings: Settings
    progress: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Job:
    """A name, when it runs (a crontab line, in the zone of the settings), and what it does.

    `run` may be interrupted or repeated at any point: each of its transactions leaves the data consistent.
    """

    name: str
    text: str
    crontab: str
    run: Callable[[Tools], Awaitable[Report]]
