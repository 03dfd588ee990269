"""Reads prices, manages alerts. Changes of prices are in `changes`."""

import re
from datetime import timedelta

import msgspec

from jiucom.auth.principal import Principal
from jiucom.cache import keys
from jiucom.db import WriteSession
from jiucom.domains.prices import queries
from jiucom.domains.prices.schemas import MAX_ALERTS, Alert, AlertRequest, Comparison, Deal, DealQuery, History
from jiucom.encoding import Json
from jiucom.errors import ApiError, ErrorCode, FieldError, found, invalid
from jiucom.state import AppState
from jiucom.web import Page, PageQuery

_TOO_MANY = f"가격 알림은 {MAX_ALERTS}개까지 등록할 수 있습니다. 필요 없는 알림을 먼저 삭제해 주세요."

DEFAULT_PERIOD = "30d"
_DEFAULT_DAYS = 30
_MAX_DAYS = 365
_DAYS = re.compile(r"([+-]?[0-9]{1,18})d?", re.IGNORECASE)


async def get_comparison(app: AppState, part_id: int) -> Json[Comparison]:
    """Offers of the part, cheapest first. Raises P001."""

    async def load() -> Comparison:
        async with app.db.read() as session:
            name = found(await queries.part_name(session, part_id), ErrorCode.PART_NOT_FOUND)
            prices = await queries.comparison(session, part_id)
        asked = [line.price for line in prices]
        return Comparison(part_id, name, min(asked, default=None), max(asked, default=None), prices)

    return await app.cache.fetch(keys.PRICE_COMPARISON, (part_id,), load)


async def get_history(app: AppState, part_id: int, period: str | None) -> History:
    """The prices of the last days up to today. Raises P001, and 400 for a period outside of 1 to 365 days."""
    period = (period or "").strip() or DEFAULT_PERIOD
    today = app.clock.now().date()
    first = today - timedelta(days=days(period))
    async with app.db.read() as session:
        name = found(await queries.part_name(session, part_id), ErrorCode.PART_NOT_FOUND)
        points = await queries.history(session, part_id, first, today)
    return History(part_id, name, period, points)


async def list_deals(app: AppState, query: DealQuery) -> Json[list[Deal]]:
    """Parts below their average of 30 days, the largest discount first. The whole list of a category is cached."""
    since = app.clock.now().date() - timedelta(days=_DEFAULT_DAYS)

    async def load() -> list[Deal]:
        async with app.db.read() as session:
            return await queries.deals(session, since, query.category)

    cached = await app.cache.fetch(keys.PRICE_DEALS, (query.category or "ALL",), load)
    first = msgspec.json.decode(cached.raw, type=list[msgspec.Raw])[: query.size]
    return Json(b"[%b]" % b",".join(bytes(deal) for deal in first))


async def create_alert(app: AppState, user: Principal, request: AlertRequest) -> Alert:
    """Add an alert, or change the target of the user's alert for the part. It is checked at the next change of the price.

    Raises P001, and 409 when the user has MAX_ALERTS already.
    """

    async def work(session: WriteSession) -> Alert | None:
        found(await queries.part_name(session, request.part_id), ErrorCode.PART_NOT_FOUND)
        alert_id = await queries.change_alert(session, user.user_id, request.part_id, request.target_price)
        if not alert_id:
            if await queries.count_alerts(session, user.user_id) >= MAX_ALERTS:
                raise ApiError(ErrorCode.CONFLICT, _TOO_MANY)
            alert_id = await queries.add_alert(session, user.user_id, request.part_id, request.target_price)
        return await queries.alert(session, alert_id)

    return found(await app.db.write(work, retry_duplicates=True), ErrorCode.PART_NOT_FOUND)


async def list_alerts(app: AppState, user: Principal) -> list[Alert]:
    """The user's active alerts, newest first."""
    async with app.db.read() as session:
        return await queries.alerts(session, user.user_id)


async def list_all_alerts(app: AppState, user: Principal, query: PageQuery) -> Page[Alert]:
    """One page of the user's alerts, inactive ones too."""
    async with app.db.read() as session:
        content = await queries.all_alerts(session, user.user_id, query)
        return Page.of(content, query, await queries.count_all_alerts(session, user.user_id))


async def delete_alert(app: AppState, user: Principal, alert_id: int) -> None:
    """Make an alert inactive. Raises 404 for an unknown one and A002 for someone else's."""

    async def work(session: WriteSession) -> None:
        if not await queries.end_alert(session, alert_id, user.user_id):
            known = await queries.alert_owner(session, alert_id) is not None
            raise ApiError(ErrorCode.FORBIDDEN if known else ErrorCode.RESOURCE_NOT_FOUND)

    await app.db.write(work)


def days(period: str) -> int:
    """The days of a period, 30 if it is not a number. Raises 400 outside of 1 to 365."""
    match = _DAYS.fullmatch(period)
    if match is None:
        return _DEFAULT_DAYS
    number = int(match[1])
    if not 1 <= number <= _MAX_DAYS:
        raise invalid([FieldError("period", f"1일 이상 {_MAX_DAYS}일 이하여야 합니다")])
    return number
