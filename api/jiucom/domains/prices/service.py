"""Reads prices, manages alerts. Changes of prices are in `changes`."""

import re
from datetime import timedelta

import msgspec

from jiucom.cache import Cache, keys
from jiucom.clock import Clock
from jiucom.db import Database, WriteSession
from jiucom.domains.prices import queries
from jiucom.domains.prices.schemas import MAX_ALERTS, Alert, AlertRequest, Comparison, Deal, DealQuery, History
from jiucom.encoding import Json
from jiucom.errors import ApiError, ErrorCode, FieldError, invalid

_TOO_MANY = f"가격 알림은 {MAX_ALERTS}개까지 등록할 수 있습니다. 필요 없는 알림을 먼저 삭제해 주세요."

DEFAULT_PERIOD = "30d"
_DEFAULT_DAYS = 30
_MAX_DAYS = 365
_DAYS = re.compile(r"([+-]?[0-9]{1,18})d?", re.IGNORECASE)


async def comparison(db: Database, cache: Cache, part_id: int) -> Json[Comparison]:
    """Offers of the part, cheapest first. Raises P001."""

    async def load() -> Comparison:
        async with db.read() as session:
            name = await queries.part_name(session, part_id)
            if name is None:
                raise ApiError(ErrorCode.PART_NOT_FOUND)
            prices = await queries.comparison(session, part_id)
        asked = [line.price for line in prices]
        return Comparison(part_id, name, min(asked, default=None), max(asked, default=None), prices)

    return await cache.fetch(keys.PRICE_COMPARISON, (part_id,), load)


async def history(db: Database, clock: Clock, part_id: int, period: str | None) -> History:
    """The prices of the last days up to today. Raises P001, and 400 for a period outside of 1 to 365 days."""
    period = (period or "").strip() or DEFAULT_PERIOD
    today = clock.now().date()
    first = today - timedelta(days=days(period))
    async with db.read() as session:
        name = await queries.part_name(session, part_id)
        if name is None:
            raise ApiError(ErrorCode.PART_NOT_FOUND)
        points = await queries.history(session, part_id, first, today)
    return History(part_id, name, period, points)


async def deals(db: Database, cache: Cache, clock: Clock, query: DealQuery) -> Json[list[Deal]]:
    """Parts below their average of 30 days, the largest discount first. The whole list of a category is cached."""
    since = clock.now().date() - timedelta(days=_DEFAULT_DAYS)

    async def load() -> list[Deal]:
        async with db.read() as session:
            return await queries.deals(session, since, query.category)

    found = await cache.fetch(keys.PRICE_DEALS, (query.category or "ALL",), load)
    first = msgspec.json.decode(found.raw, type=list[msgspec.Raw])[: query.size]
    return Json(b"[%b]" % b",".join(bytes(deal) for deal in first))


async def add_alert(db: Database, user_id: int, request: AlertRequest) -> Alert:
    """Add an alert, or change the target of the user's alert for the part. It is checked at the next change of the price.

    Raises P001, and 409 when the user has MAX_ALERTS already.
    """

    async def work(session: WriteSession) -> Alert | None:
        if await queries.part_name(session, request.part_id) is None:
            raise ApiError(ErrorCode.PART_NOT_FOUND)
        alert_id = await queries.change_alert(session, user_id, request.part_id, request.target_price)
        if not alert_id:
            if await queries.count_alerts(session, user_id) >= MAX_ALERTS:
                raise ApiError(ErrorCode.CONFLICT, _TOO_MANY)
            alert_id = await queries.add_alert(session, user_id, request.part_id, request.target_price)
        return await queries.alert(session, alert_id)

    alert = await db.write(work, retry_duplicates=True)
    if alert is None:
        raise ApiError(ErrorCode.PART_NOT_FOUND)
    return alert


async def alerts(db: Database, user_id: int) -> list[Alert]:
    """The user's active alerts, newest first."""
    async with db.read() as session:
        return await queries.alerts(session, user_id)


async def end_alert(db: Database, user_id: int, alert_id: int) -> None:
    """Make an alert inactive. Raises 404 for an unknown one and A002 for someone else's."""

    async def work(session: WriteSession) -> None:
        if not await queries.end_alert(session, alert_id, user_id):
            known = await queries.alert_owner(session, alert_id) is not None
            raise ApiError(ErrorCode.FORBIDDEN if known else ErrorCode.RESOURCE_NOT_FOUND)

    await db.write(work)


def days(period: str) -> int:
    """The days of a period, 30 if it is not a number. Raises 400 outside of 1 to 365."""
    found = _DAYS.fullmatch(period)
    if found is None:
        return _DEFAULT_DAYS
    number = int(found[1])
    if not 1 <= number <= _MAX_DAYS:
        raise invalid([FieldError("period", f"1일 이상 {_MAX_DAYS}일 이하여야 합니다")])
    return number
