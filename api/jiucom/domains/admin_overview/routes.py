"""The overview of administrators."""

from jiucom.domains.admin_overview import service
from jiucom.domains.admin_overview.schemas import DailyQuery, DailyStats, Dashboard
from jiucom.state import Context
from jiucom.web import endpoint

_TAG = "Admin"


@endpoint("GET", "/admin/dashboard", tag=_TAG, auth="admin")
async def get_dashboard(ctx: Context) -> Dashboard:
    """관리자 대시보드

    삭제된 것은 세지 않는다.
    """
    return await service.get_dashboard(ctx.app)


@endpoint("GET", "/admin/stats/daily", tag=_TAG, auth="admin")
async def list_daily(ctx: Context, query: DailyQuery) -> list[DailyStats]:
    """일별 통계

    start부터 end까지(포함) 하루에 한 줄. 없으면 최근 30일. 나중에 삭제된 것도 센다.
    """
    return await service.list_daily(ctx.app, query)
