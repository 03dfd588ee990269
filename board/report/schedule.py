"""When the next mail is due."""

from datetime import UTC, datetime, timedelta

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def next_time(schedule: str, now: datetime) -> datetime:
    """Return the first `mon 09:00` after `now`, in its zone. Raises ValueError for another form."""
    day, _, clock = schedule.lower().partition(" ")
    at = datetime.strptime(clock, "%H:%M").time()
    first = datetime.combine(now.date() + timedelta((_DAYS.index(day) - now.weekday()) % 7), at, now.tzinfo)
    return first if seconds_until(first, now) > 0 else first + timedelta(7)


def seconds_until(due: datetime, now: datetime) -> float:
    """Return the seconds from `now` to `due`; of one zone, their difference would leave out a change of the clocks."""
    return (due.astimezone(UTC) - now.astimezone(UTC)).total_seconds()
