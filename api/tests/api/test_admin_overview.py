"""Dashboard and daily statistics."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from jiucom.clock import Clock
from jiucom.domains.admin_overview import service
from jiucom.domains.admin_overview.schemas import DailyQuery
from jiucom.state import AppState
from testing.clients import User

pytestmark = pytest.mark.anyio


async def insert(state: AppState, sql: str, *args: Any) -> int:
    async with state.db.transaction() as tx:
        return await tx.insert(sql, args)


async def dashboard(admin: User) -> dict[str, Any]:
    response = await admin.client.get("/admin/dashboard")
    assert response.status_code == 200
    data: dict[str, Any] = response.json()["data"]
    return data


async def test_dashboard(state: AppState, admin: User, make_user: Callable[..., Any]) -> None:
    before = await dashboard(admin)
    assert before.keys() == {"totalUsers", "todaySignups", "totalBuilds", "totalParts", "totalPosts", "recentUsers"}
    new, gone = await make_user(), await make_user()
    assert (await gone.client.delete("/users/me")).status_code == 200
    for deleted in (False, True):
        await insert(
            state,
            "INSERT INTO posts (user_id, board_type, title, content, is_deleted) VALUES (%s, 'FREE', 't', 'c', %s)",
            new.id,
            deleted,
        )
        await insert(state, "INSERT INTO builds (user_id, name, is_deleted) VALUES (%s, 'b', %s)", new.id, deleted)
    after = await dashboard(admin)
    grown = {key: after[key] - before[key] for key in before if key != "recentUsers"}
    assert grown == {"totalUsers": 1, "todaySignups": 1, "totalBuilds": 1, "totalParts": 0, "totalPosts": 1}
    newest, *others = after["recentUsers"]
    assert len(others) == 4
    assert newest.keys() == {"id", "email", "nickname", "role", "status", "createdAt"}
    assert (newest["id"], newest["email"], newest["role"]) == (new.id, new.email, "USER")
    assert newest["createdAt"].endswith("+09:00")


async def stats(admin: User, **query: str) -> list[dict[str, Any]]:
    response = await admin.client.get("/admin/stats/daily", params=query)
    assert response.status_code == 200, response.text
    data: list[dict[str, Any]] = response.json()["data"]
    return data


async def test_days_begin_at_midnight_in_seoul(state: AppState, admin: User) -> None:
    # 15:00 UTC is midnight in Seoul.
    for moment in ("2019-03-01 14:59:59.999999", "2019-03-01 15:00:00", "2019-03-02 14:59:59"):
        await insert(
            state,
            "INSERT INTO posts (user_id, board_type, title, content, is_deleted, created_at)"
            " VALUES (%s, 'FREE', 't', 'c', TRUE, %s)",
            admin.id,
            moment,
        )
    found = await stats(admin, start="2019-03-01", end="2019-03-03")
    assert [(day["date"], day["posts"]) for day in found] == [("2019-03-01", 1), ("2019-03-02", 2), ("2019-03-03", 0)]
    assert found[0] == {"date": "2019-03-01", "signups": 0, "posts": 1, "comments": 0, "reviews": 0, "builds": 0}


async def test_days_of_other_lengths(state: AppState, admin: User) -> None:
    """In Berlin 2019-10-27 had 25 hours."""
    berlin = ZoneInfo("Europe/Berlin")
    for moment in (
        datetime(2019, 10, 26, 23, 59, tzinfo=berlin),
        datetime(2019, 10, 27, 0, 0, tzinfo=berlin),
        datetime(2019, 10, 27, 23, 59, tzinfo=berlin),
        datetime(2019, 10, 28, 0, 0, tzinfo=berlin),
        datetime(2019, 10, 29, 23, 59, tzinfo=berlin),
    ):
        await insert(
            state,
            "INSERT INTO builds (user_id, name, created_at) VALUES (%s, 'b', %s)",
            admin.id,
            moment.astimezone(UTC).replace(tzinfo=None),
        )
    query = DailyQuery(start=date(2019, 10, 25), end=date(2019, 10, 29))
    found = await service.list_daily(replace(state, clock=Clock("Europe/Berlin")), query)
    assert [day.builds for day in found] == [0, 1, 2, 1, 1]


async def test_the_last_thirty_days(admin: User) -> None:
    found = await stats(admin)
    today = datetime.now(ZoneInfo("Asia/Seoul")).date()
    assert [day["date"] for day in found] == [str(today - timedelta(days=29 - n)) for n in range(30)]
    assert found[-1]["signups"] > 0


@pytest.mark.parametrize(
    "query",
    [
        {"start": "2026-02-02", "end": "2026-02-01"},
        {"start": "2024-01-01", "end": "2026-01-01"},
        {"start": "yesterday"},
        {"start": "0001-01-01"},
        {"end": "9999-12-31"},
        {"end": "0001-01-01"},
    ],
)
async def test_wrong_days(admin: User, query: dict[str, str]) -> None:
    response = await admin.client.get("/admin/stats/daily", params=query)
    assert (response.status_code, response.json()["code"]) == (400, "JIUCOM-401")
    assert response.json()["errors"][0]["field"] in ("start", "end")


@pytest.mark.parametrize("path", ["/admin/dashboard", "/admin/stats/daily"])
async def test_only_for_administrators(client: httpx.AsyncClient, user: User, path: str) -> None:
    response = await client.get(path)
    assert (response.status_code, response.json()["code"]) == (401, "JIUCOM-A001")
    response = await user.client.get(path)
    assert (response.status_code, response.json()["code"]) == (403, "JIUCOM-A002")
