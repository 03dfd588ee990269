"""The overview. Days begin at midnight in the zone of the settings."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby

from jiucom.clock import Clock
from jiucom.domains.admin_overview import queries
from jiucom.domains.admin_overview.schemas import DEFAULT_DAYS, DailyQuery, DailyStats, Dashboard
from jiucom.state import AppState

_RECENT = 5
_DAY = timedelta(days=1)


async def get_dashboard(app: AppState) -> Dashboard:
    """Totals and the newest accounts."""
    midnight = _midnight(app.clock, app.clock.now().date())
    async with app.db.read() as session:
        totals = await queries.totals(session, midnight)
        recent = await queries.recent_users(session, _RECENT)
    return Dashboard(
        total_users=totals.total_users,
        today_signups=totals.today_signups,
        total_builds=totals.total_builds,
        total_parts=totals.total_parts,
        total_posts=totals.total_posts,
        recent_users=recent,
    )


async def list_daily(app: AppState, query: DailyQuery) -> list[DailyStats]:
    """One row per day, oldest first, also for days without rows."""
    span = timedelta(days=DEFAULT_DAYS - 1)
    end = query.end or (query.start + span if query.start else app.clock.now().date())
    start = query.start or end - span
    days = [start + timedelta(days=n) for n in range((end - start).days + 1)]
    counts: dict[date, Counter[str]] = {day: Counter() for day in days}
    async with app.db.read() as session:
        for run in _runs(app.clock, days):
            begin, until = _midnight(app.clock, run[0]), _midnight(app.clock, run[-1] + _DAY)
            for table in queries.TABLES:
                for nth, count in (await queries.per_day(session, table, begin, until)).items():
                    # The 25th hour of a day belongs to that day.
                    counts[run[min(nth, len(run) - 1)]][table] += count
    return [DailyStats(day, *(counts[day][table] for table in queries.TABLES)) for day in days]


def _runs(clock: Clock, days: Sequence[date]) -> Iterator[list[date]]:
    """The days, in runs of days of 24 hours: a single run where the zone has no summer time."""
    for _, run in groupby(
        days, lambda day: (_midnight(clock, day).utcoffset(), _midnight(clock, day + _DAY).utcoffset())
    ):
        yield list(run)


def _midnight(clock: Clock, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=clock.zone)
