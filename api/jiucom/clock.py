"""Times: aware and in the zone of the settings for clients, naive UTC in the database."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


class Clock:
    """Now, and stored times, in one zone."""

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)

    def now(self) -> datetime:
        """The present, aware."""
        return datetime.now(self.zone)

    def local(self, stored: datetime) -> datetime:
        """A stored time (naive, UTC) as an aware one in the zone."""
        return stored.replace(tzinfo=UTC).astimezone(self.zone)


def stored(moment: datetime) -> datetime:
    """An aware time as it is stored: naive, UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None)
