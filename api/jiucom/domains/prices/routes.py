"""Prices: comparison, history, deals, alerts."""

from jiucom.domains.prices import service
from jiucom.domains.prices.schemas import (
    Alert,
    AlertRequest,
    Comparison,
    Deal,
    DealQuery,
    History,
    HistoryQuery,
    PartHistoryQuery,
    PartRef,
)
from jiucom.errors import ErrorCode
from jiucom.state import Context
from jiucom.web import CREATED, Id, Json, endpoint

_TAG = "Price"
_NO_PART = [ErrorCode.PART_NOT_FOUND]


@endpoint(
    "GET",
    "/prices/parts/{partId}",
    tag=_TAG,
    aliases=("/parts/{partId}/prices", "/parts/{partId}/price-comparison"),
    errors=_NO_PART,
)
async def compare(ctx: Context, part_id: Id) -> Json[Comparison]:
    """판매처별 가격 비교

    재고가 있는 판매처만, 낮은 가격순.
    """
    return await service.get_comparison(ctx.app, part_id)


@endpoint("GET", "/prices/compare", tag=_TAG, errors=_NO_PART)
async def compare_by_query(ctx: Context, query: PartRef) -> Json[Comparison]:
    """판매처별 가격 비교 (이전 경로)"""
    return await service.get_comparison(ctx.app, query.part_id)


@endpoint("GET", "/prices/parts/{partId}/history", tag=_TAG, errors=_NO_PART, replica=True)
async def get_history(ctx: Context, part_id: Id, query: HistoryQuery) -> History:
    """가격 변동 이력

    기간은 일수(1~365, 뒤에 d를 붙여도 된다). 없거나 숫자가 아니면 30일.
    """
    return await service.get_history(ctx.app, part_id, query.period)


@endpoint("GET", "/prices/history", tag=_TAG, errors=_NO_PART, replica=True)
async def history_by_query(ctx: Context, query: PartHistoryQuery) -> History:
    """가격 변동 이력 (이전 경로)"""
    return await service.get_history(ctx.app, query.part_id, query.period)


@endpoint("GET", "/prices/deals", tag=_TAG)
async def list_deals(ctx: Context, query: DealQuery) -> Json[list[Deal]]:
    """특가

    현재 최저가가 최근 30일 평균보다 낮은 부품, 할인율이 큰 순서.
    """
    return await service.list_deals(ctx.app, query)


@endpoint("POST", "/prices/alerts", tag=_TAG, auth="user", message=CREATED, errors=[*_NO_PART, ErrorCode.CONFLICT])
async def create_alert(ctx: Context, body: AlertRequest) -> Alert:
    """가격 알림 등록

    최저가가 목표가 이하가 되면 한 번 알린다. 한 사람이 부품마다 하나, 모두 500개까지 등록할 수 있으며, 같은 부품을 다시 등록하면
    목표가만 바뀐다.
    """
    return await service.create_alert(ctx.app, ctx.user, body)


@endpoint("GET", "/prices/alerts", tag=_TAG, auth="user", aliases=("/prices/alerts/my",))
async def list_alerts(ctx: Context) -> list[Alert]:
    """내 가격 알림 목록 (활성)"""
    return await service.list_alerts(ctx.app, ctx.user)


@endpoint(
    "DELETE",
    "/prices/alerts/{alertId}",
    tag=_TAG,
    auth="user",
    errors=[ErrorCode.RESOURCE_NOT_FOUND, ErrorCode.FORBIDDEN],
)
async def delete_alert(ctx: Context, alert_id: Id) -> None:
    """가격 알림 해제"""
    await service.delete_alert(ctx.app, ctx.user, alert_id)
