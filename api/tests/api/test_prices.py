"""Prices: comparison, history, deals, alerts."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from jiucom.domains.prices import queries
from jiucom.domains.prices.schemas import MAX_ALERTS
from jiucom.state import AppState
from testing.clients import User
from testing.shop import Shop

pytestmark = pytest.mark.anyio

GPU = 7  # of the demo seed, with a history of two sellers


@pytest.mark.parametrize(
    "path",
    [
        f"/prices/parts/{GPU}",
        f"/parts/{GPU}/prices",
        f"/parts/{GPU}/price-comparison",
        f"/prices/compare?partId={GPU}",
    ],
)
async def test_comparison_shows_offers_in_stock_cheapest_first(client: httpx.AsyncClient, path: str) -> None:
    data = (await client.get(path)).json()["data"]
    assert data["partId"] == GPU
    assert data["partName"] == "NVIDIA GeForce RTX 4070 Ti SUPER"
    prices = [line["price"] for line in data["prices"]]
    assert len(prices) > 1
    assert prices == sorted(prices)
    assert (data["lowestPrice"], data["highestPrice"]) == (prices[0], prices[-1])
    assert all(line["available"] is True for line in data["prices"])
    assert set(data["prices"][0]) == {"sellerId", "sellerName", "siteUrl", "price", "productUrl", "available"}


async def test_comparison_without_offers(client: httpx.AsyncClient, shop: Shop) -> None:
    part = await shop.part(lowest=1000, highest=2000)
    data = (await client.get(f"/prices/parts/{part}")).json()["data"]
    assert (data["lowestPrice"], data["highestPrice"], data["prices"]) == (None, None, [])


@pytest.mark.parametrize("path", ["/prices/parts/{}", "/prices/parts/{}/history", "/prices/compare?partId={}",
                                  "/prices/history?partId={}"])  # fmt: skip
async def test_unknown_and_deleted_parts(client: httpx.AsyncClient, shop: Shop, path: str) -> None:
    """Deleted parts have no prices."""
    deleted = await shop.part(deleted=True)
    for part in (999_999_999, deleted):
        response = await client.get(path.format(part))
        assert (response.status_code, response.json()["code"]) == (404, "JIUCOM-P001")
    assert (await client.get(path.format("abc"))).json()["code"] == "JIUCOM-401"


async def test_prices_by_query_need_a_part(client: httpx.AsyncClient) -> None:
    for path in ("/prices/compare", "/prices/history"):
        response = await client.get(path)
        assert response.status_code == 400
        assert response.json()["errors"][0]["field"] == "partId"


async def test_history_has_both_names_of_each_price(client: httpx.AsyncClient, state: AppState, shop: Shop) -> None:
    data = (await client.get(f"/prices/parts/{GPU}/history?period=30d")).json()["data"]
    assert (data["partId"], data["period"]) == (GPU, "30d")
    points = data["history"]
    ((days,),) = await shop.rows("SELECT COUNT(DISTINCT record_date) FROM price_history WHERE part_id = %s", GPU)
    assert len(points) == days > 5
    assert [point["date"] for point in points] == sorted(point["date"] for point in points)
    assert points[-1]["date"] == state.clock.now().date().isoformat()
    for point in points:
        assert point["lowestPrice"] <= point["averagePrice"] <= point["highestPrice"]
        assert (point["minPrice"], point["maxPrice"], point["avgPrice"]) == (
            point["lowestPrice"],
            point["highestPrice"],
            point["averagePrice"],
        )
    assert (await client.get(f"/prices/history?partId={GPU}&period=30d")).json()["data"] == data


async def test_history_of_a_day_is_over_all_sellers_and_truncated(
    client: httpx.AsyncClient, shop: Shop, state: AppState
) -> None:
    part, today = await shop.part(), state.clock.now().date()
    await shop.remember(part, 1, 100, today - timedelta(days=2))
    await shop.remember(part, 2, 201, today - timedelta(days=2))
    await shop.remember(part, 1, 500, today - timedelta(days=3))
    data = (await client.get(f"/prices/parts/{part}/history?period=2")).json()["data"]
    assert data["period"] == "2"
    (point,) = data["history"]
    assert (point["lowestPrice"], point["highestPrice"], point["averagePrice"]) == (100, 201, 150)


@pytest.mark.parametrize("period", ["", "30d", "30", "abc", " ", "1d", "365D"])
async def test_periods(client: httpx.AsyncClient, period: str) -> None:
    response = await client.get(f"/prices/parts/{GPU}/history", params={"period": period})
    assert response.status_code == 200
    assert response.json()["data"]["period"] == ((period.strip() and period) or "30d")


@pytest.mark.parametrize("period", ["0", "-1d", "366d", "99999999999d"])
async def test_periods_out_of_range(client: httpx.AsyncClient, period: str) -> None:
    response = await client.get(f"/prices/parts/{GPU}/history", params={"period": period})
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == ["period"]


async def test_deals_are_below_their_average(client: httpx.AsyncClient, shop: Shop, state: AppState) -> None:
    part, today = await shop.part(category="MONITOR"), state.clock.now().date()
    for days_ago in (3, 2, 1):
        await shop.remember(part, 1, 1000, today - timedelta(days=days_ago))
    # 1000 three times and 600 today are 900 on average.
    await shop.offer(part, 1, 600)
    deals = (await client.get("/prices/deals?category=MONITOR&size=50")).json()["data"]
    assert deals == [
        {
            "partId": part, "partName": shop.name(part), "category": "MONITOR", "manufacturer": "시험", "imageUrl": None,
            "lowestPrice": 600, "averagePrice": 900, "discountAmount": 300, "discountRate": 33.3,
        }
    ]  # fmt: skip
    everything = (await client.get("/prices/deals?size=100")).json()["data"]
    rates = [deal["discountRate"] for deal in everything]
    assert rates == sorted(rates, reverse=True)
    assert all(deal["lowestPrice"] < deal["averagePrice"] for deal in everything)
    assert len((await client.get("/prices/deals?size=1")).json()["data"]) == 1


async def test_deals_skip_parts_that_are_sold_out(
    client: httpx.AsyncClient, shop: Shop, state: AppState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "_BEST", 1)
    yesterday = state.clock.now().date() - timedelta(days=1)
    # In stock of a closed shop alone is sold out.
    sold_out, closed = await shop.part(category="MOUSE", lowest=100), await shop.seller(status="SUSPENDED")
    await shop.remember(sold_out, 1, 1000, yesterday)
    await shop.offer(sold_out, closed, 100)
    part = await shop.part(category="MOUSE")
    await shop.remember(part, 1, 1000, yesterday)
    await shop.offer(part, 1, 600)
    assert [deal["partId"] for deal in (await client.get("/prices/deals?category=MOUSE")).json()["data"]] == [part]


@pytest.mark.parametrize("query", ["size=0", "size=101", "category=PC", "size=a"])
async def test_deals_refuse_wrong_queries(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/prices/deals?{query}")).status_code == 400


async def test_alerts(user: User, shop: Shop) -> None:
    part = await shop.part(lowest=1000)
    response = await user.client.post("/prices/alerts", json={"partId": part, "targetPrice": 900})
    assert response.status_code == 200
    assert response.json()["message"] == "리소스가 성공적으로 생성되었습니다."
    alert = response.json()["data"]
    assert alert | {"id": 0, "createdAt": ""} == {
        "id": 0, "partId": part, "partName": shop.name(part), "targetPrice": 900, "currentLowestPrice": 1000,
        "active": True, "triggered": False, "createdAt": "",
    }  # fmt: skip
    assert alert["createdAt"].endswith("+09:00")
    other = await shop.part(lowest=2000)
    second = (await user.client.post("/prices/alerts", json={"partId": other, "targetPrice": 800})).json()["data"]
    for path in ("/prices/alerts", "/prices/alerts/my"):
        assert (await user.client.get(path)).json()["data"] == [second, alert]
    gone = await user.client.delete(f"/prices/alerts/{alert['id']}")
    assert gone.status_code == 200
    assert "data" not in gone.json()
    assert (await user.client.get("/prices/alerts")).json()["data"] == [second]


async def test_an_alert_of_the_same_part_changes_the_target(user: User, shop: Shop) -> None:
    part = await shop.part(lowest=1000)
    answers = await asyncio.gather(
        *(user.client.post("/prices/alerts", json={"partId": part, "targetPrice": 900 - n}) for n in range(5))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    last = await user.client.post("/prices/alerts", json={"partId": part, "targetPrice": 700})
    (alert,) = (await user.client.get("/prices/alerts")).json()["data"]
    assert alert == last.json()["data"]
    assert (alert["id"], alert["targetPrice"]) == (answers[0].json()["data"]["id"], 700)
    # Once it is over, there may be another one.
    await user.client.delete(f"/prices/alerts/{alert['id']}")
    again = (await user.client.post("/prices/alerts", json={"partId": part, "targetPrice": 600})).json()["data"]
    assert again["id"] != alert["id"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"partId", "targetPrice"}),
        ({"partId": "x", "targetPrice": 0}, {"partId", "targetPrice"}),
        ({"partId": GPU, "targetPrice": -1}, {"targetPrice"}),
        ({"partId": GPU, "targetPrice": 2**31}, {"targetPrice"}),
        ({"partId": None, "targetPrice": 1.5}, {"partId", "targetPrice"}),
    ],
)
async def test_alerts_refuse_wrong_input(user: User, body: dict[str, Any], fields: set[str]) -> None:
    response = await user.client.post("/prices/alerts", json=body)
    assert (response.status_code, response.json()["code"]) == (400, "JIUCOM-401")
    assert {error["field"] for error in response.json()["errors"]} == fields


async def test_alerts_of_a_user_are_bounded(user: User, shop: Shop, state: AppState) -> None:
    parts = [await shop.part(lowest=1000) for _ in range(4)]
    async with state.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO parts (name, category, manufacturer)"
            " SELECT CONCAT(%s, n), 'ETC', '시험' FROM JSON_TABLE(%s, '$[*]' COLUMNS (n INT PATH '$')) AS numbers",
            (f"알림 {user.id} ", str(list(range(MAX_ALERTS - 1)))),
        )
        await tx.execute(
            "INSERT INTO price_alerts (user_id, part_id, target_price) SELECT %s, id, 900 FROM parts WHERE name LIKE %s",
            (user.id, f"알림 {user.id} %"),
        )
    try:
        answers = await asyncio.gather(
            *(user.client.post("/prices/alerts", json={"partId": part, "targetPrice": 900}) for part in parts)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        refused = next(answer for answer in answers if answer.status_code == 409)
        assert refused.json()["code"] == "JIUCOM-409"
        assert f"{MAX_ALERTS}개" in refused.json()["message"]
        known = (await user.client.get("/prices/alerts")).json()["data"]
        assert len(known) == MAX_ALERTS
        # Another target is no other alert.
        body = {"partId": known[0]["partId"], "targetPrice": 1}
        assert (await user.client.post("/prices/alerts", json=body)).status_code == 200
        await user.client.delete(f"/prices/alerts/{known[0]['id']}")
        body = {
            "partId": next(p for p, a in zip(parts, answers, strict=True) if a.status_code == 409),
            "targetPrice": 9,
        }
        assert (await user.client.post("/prices/alerts", json=body)).status_code == 200
    finally:
        async with state.db.transaction() as tx:
            await tx.execute("UPDATE parts SET is_deleted = TRUE WHERE name LIKE %s", (f"알림 {user.id} %",))


async def test_alerts_refuse_unknown_and_deleted_parts(user: User, shop: Shop) -> None:
    for part in (999_999_999, await shop.part(deleted=True)):
        response = await user.client.post("/prices/alerts", json={"partId": part, "targetPrice": 1})
        assert (response.status_code, response.json()["code"]) == (404, "JIUCOM-P001")


async def test_alerts_are_their_owners(
    client: httpx.AsyncClient, user: User, make_user: Callable[..., Awaitable[User]]
) -> None:
    other = await make_user()
    alert = (await user.client.post("/prices/alerts", json={"partId": GPU, "targetPrice": 1})).json()["data"]
    assert (await other.client.get("/prices/alerts")).json()["data"] == []
    response = await other.client.delete(f"/prices/alerts/{alert['id']}")
    assert (response.status_code, response.json()["code"]) == (403, "JIUCOM-A002")
    assert len((await user.client.get("/prices/alerts")).json()["data"]) == 1
    assert (await user.client.delete("/prices/alerts/999999999")).json()["code"] == "JIUCOM-404"
    assert (await user.client.delete("/prices/alerts/x")).status_code == 400
    for method, path in (("GET", "/prices/alerts"), ("GET", "/prices/alerts/my"), ("POST", "/prices/alerts"),
                         ("DELETE", f"/prices/alerts/{alert['id']}")):  # fmt: skip
        response = await client.request(method, path)
        assert (response.status_code, response.json()["code"]) == (401, "JIUCOM-A001")
