"""Administration of parts."""

import json
from typing import Any

import httpx
import msgspec
import pytest

from jiucom.rules import popularity
from testing.clients import User
from testing.shop import Shop

pytestmark = pytest.mark.anyio

NEW = {"name": "AMD Ryzen 5 9600X 시험", "category": "CPU", "manufacturer": "AMD"}


async def created(admin: User, shop: Shop, **values: Any) -> dict[str, Any]:
    response = await admin.client.post("/admin/parts", json={**NEW, **values})
    assert response.status_code == 201, response.text
    part: dict[str, Any] = response.json()["data"]
    shop.adopt(part["id"])
    return part


async def audits(shop: Shop, part: int) -> list[tuple[Any, ...]]:
    return await shop.rows(
        "SELECT actor_id, action, before_state, after_state FROM audit_log"
        " WHERE target_type = 'PART' AND target_id = %s ORDER BY id", part
    )  # fmt: skip


async def test_create(admin: User, shop: Shop, client: httpx.AsyncClient) -> None:
    values = {
        "modelNumber": "9600X", "imageUrl": "/api/v1/images/part/1.png", "specs": {"socket": "AM5", "cores": 6},
        "lowestPrice": 319000, "highestPrice": 350000,
    }  # fmt: skip
    part = await created(admin, shop, **values)
    assert part == {**NEW, **values, "id": part["id"], "prices": []}
    assert (await client.get(f"/parts/{part['id']}")).json()["data"] == part
    found = (await client.get("/parts", params={"keyword": "9600X 시험"})).json()["data"]["content"]
    assert [item["id"] for item in found] == [part["id"]]
    ((score,),) = await shop.rows("SELECT popularity_score FROM parts WHERE id = %s", part["id"])
    assert score == popularity.score("CPU", NEW["name"], 319000) > 0
    ((actor, action, before, after),) = await audits(shop, part["id"])
    assert (actor, action, before) == (admin.id, "PART_CREATED", None)
    assert msgspec.json.decode(after)["model_number"] == "9600X"


async def test_least_that_a_part_needs(admin: User, shop: Shop) -> None:
    part = await created(admin, shop)
    absent = ("modelNumber", "imageUrl", "specs", "lowestPrice", "highestPrice")
    assert [part[name] for name in absent] == [None] * 5


@pytest.mark.parametrize("price", ["lowestPrice", "highestPrice"])
async def test_a_list_price_of_zero_is_refused(admin: User, shop: Shop, price: str) -> None:
    part = (await created(admin, shop, lowestPrice=100, highestPrice=200))["id"]
    for value in (0, -1):
        for response in (
            await admin.client.post("/admin/parts", json={**NEW, price: value}),
            await admin.client.put(f"/admin/parts/{part}", json={price: value}),
        ):
            assert response.status_code == 400
            assert [error["field"] for error in response.json()["errors"]] == [price]
    assert await shop.prices(part) == (100, 200)


async def test_specs_as_json_text_and_psu(admin: User, shop: Shop, client: httpx.AsyncClient) -> None:
    part = await created(admin, shop, category="PSU", specs='{"wattage": "850W", "한글": [1, null]}')
    assert (part["category"], part["specs"]) == ("POWER_SUPPLY", {"wattage": "850W", "한글": [1, None]})
    found = (await client.get("/parts?category=PSU&size=100")).json()["data"]["content"]
    assert part["id"] in [item["id"] for item in found]
    assert {item["category"] for item in found} == {"POWER_SUPPLY"}
    changed = await admin.client.put(f"/admin/parts/{part['id']}", json={"specs": {"wattage": 1000}})
    assert changed.json()["data"]["specs"] == {"wattage": 1000}


@pytest.mark.parametrize(
    "specs", [{}, {"": None, "a\"'%s`": "😀"}, {"a": [[{"b": {}}]]}, '{"a": 1e3, "A": 18446744073709551, "a ": "\\n"}']
)
async def test_odd_specs_are_kept(admin: User, shop: Shop, specs: Any) -> None:
    part = await created(admin, shop, specs=specs)
    assert part["specs"] == (json.loads(specs) if isinstance(specs, str) else specs)


@pytest.mark.parametrize(
    "specs", ['{"\\u0000": 1}', '{"a": 99999999999999999999999}', '{"a": 1e999}', '{"a": "\\ud800"}']
)
async def test_specs_that_json_columns_cannot_hold(admin: User, specs: str) -> None:
    response = await admin.client.post("/admin/parts", json={**NEW, "specs": specs})
    assert (response.status_code, response.json()["code"]) == (400, "JIUCOM-401")


async def test_an_update_changes_the_given_fields_only(admin: User, shop: Shop, client: httpx.AsyncClient) -> None:
    part = await created(admin, shop, modelNumber="A", imageUrl="/a.png", specs={"a": 1}, lowestPrice=100)
    assert (await client.get(f"/parts/{part['id']}")).json()["data"] == part
    given = {"modelNumber": "B", "imageUrl": "/b.png", "name": "다른 시험 부품", "category": "GPU"}
    changed = await admin.client.put(f"/admin/parts/{part['id']}", json={**given, "specs": None})
    assert changed.status_code == 200
    assert changed.json()["data"] == {**part, **given}
    assert (await client.get(f"/parts/{part['id']}")).json()["data"] == {**part, **given}
    _, (_, action, before, after) = await audits(shop, part["id"])
    assert action == "PART_UPDATED"
    assert (msgspec.json.decode(before)["model_number"], msgspec.json.decode(after)["model_number"]) == ("A", "B")
    cleared = await admin.client.put(f"/admin/parts/{part['id']}", json={"modelNumber": "", "imageUrl": ""})
    assert (cleared.json()["data"]["modelNumber"], cleared.json()["data"]["imageUrl"]) == (None, None)
    unchanged = await admin.client.put(f"/admin/parts/{part['id']}", json={"unknown": 1})
    assert unchanged.json()["data"] == cleared.json()["data"]
    assert len(await audits(shop, part["id"])) == 3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"lowestPrice": 150}, (150, 200)),
        ({"lowestPrice": 300}, (300, 300)),
        ({"highestPrice": 50}, (50, 50)),
        ({"highestPrice": 150}, (100, 150)),
        ({"lowestPrice": 5, "highestPrice": 6}, (5, 6)),
    ],
)
async def test_prices_never_pass_each_other(
    admin: User, shop: Shop, given: dict[str, int], expected: tuple[int, int]
) -> None:
    part = await created(admin, shop, lowestPrice=100, highestPrice=200)
    data = (await admin.client.put(f"/admin/parts/{part['id']}", json=given)).json()["data"]
    assert (data["lowestPrice"], data["highestPrice"]) == expected


async def test_prices_follow_the_offers(admin: User, shop: Shop) -> None:
    part = await created(admin, shop, lowestPrice=100, highestPrice=200)
    await shop.offer(part["id"], 1, 150)
    data = (await admin.client.put(f"/admin/parts/{part['id']}", json={"lowestPrice": 1})).json()["data"]
    assert (data["lowestPrice"], data["highestPrice"]) == (150, 150)
    assert [offer["price"] for offer in data["prices"]] == [150]


async def test_list_prices_come_back_when_a_part_is_sold_out(admin: User, user: User, shop: Shop) -> None:
    """No shop sells at that price, so no alert is triggered."""
    part = (await created(admin, shop, lowestPrice=100, highestPrice=200))["id"]
    await shop.offer(part, 1, 150)
    await admin.client.put(f"/admin/parts/{part}", json={"lowestPrice": 1})
    await user.client.post("/prices/alerts", json={"partId": part, "targetPrice": 50})
    await shop.offer(part, 1, 150, available=False)
    assert await shop.prices(part) == (1, 200)
    assert await shop.rows("SELECT 1 FROM notifications WHERE user_id = %s", user.id) == []
    await shop.offer(part, 1, 50)
    assert len(await shop.rows("SELECT 1 FROM notifications WHERE user_id = %s", user.id)) == 1


async def test_a_new_price_triggers_alerts(admin: User, user: User, shop: Shop) -> None:
    part = await created(admin, shop, lowestPrice=100)
    await user.client.post("/prices/alerts", json={"partId": part["id"], "targetPrice": 90})
    await admin.client.put(f"/admin/parts/{part['id']}", json={"lowestPrice": 90})
    await shop.worked_off()
    rows = await shop.rows("SELECT type, reference_id FROM notifications WHERE user_id = %s", user.id)
    assert rows == [("PRICE_ALERT", part["id"])]


async def test_delete(admin: User, shop: Shop, client: httpx.AsyncClient) -> None:
    part = (await created(admin, shop))["id"]
    assert (await client.get(f"/parts/{part}")).status_code == 200
    gone = await admin.client.delete(f"/admin/parts/{part}")
    assert gone.status_code == 200
    assert "data" not in gone.json()
    for response in (
        await client.get(f"/parts/{part}"),
        await client.get(f"/prices/parts/{part}"),
        await admin.client.put(f"/admin/parts/{part}", json={"name": "x"}),
        await admin.client.delete(f"/admin/parts/{part}"),
    ):
        assert (response.status_code, response.json()["code"]) == (404, "JIUCOM-P001")
    assert [row[1] for row in await audits(shop, part)] == ["PART_CREATED", "PART_DELETED"]


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"name": " ", "manufacturer": ""}, {"name", "manufacturer"}),
        ({"name": "가" * 201, "manufacturer": "가" * 101, "modelNumber": "가" * 101, "imageUrl": "가" * 501},
         {"name", "manufacturer", "modelNumber", "imageUrl"}),
        ({"category": "cpu"}, {"category"}),
        ({"lowestPrice": -1, "highestPrice": 2**31}, {"lowestPrice", "highestPrice"}),
        ({"lowestPrice": 2, "highestPrice": 1}, {"highestPrice"}),
        ({"specs": "{"}, {"specs"}),
        ({"specs": "[1]"}, {"specs"}),
        ({"specs": [1]}, {"specs"}),
        ({"specs": {"a": "가" * 10_000}}, {"specs"}),
        ({"specs": "[" * 10_000}, {"specs"}),
        ({"specs": {"a": msgspec.json.decode(b"[" * 30 + b"]" * 30)}}, {"specs"}),
    ],
)  # fmt: skip
async def test_wrong_input(admin: User, shop: Shop, values: dict[str, Any], fields: set[str]) -> None:
    part = (await created(admin, shop))["id"]
    for response in (
        await admin.client.post("/admin/parts", json={**NEW, **values}),
        await admin.client.put(f"/admin/parts/{part}", json=values),
    ):
        assert (response.status_code, response.json()["code"]) == (400, "JIUCOM-401")
        assert {error["field"] for error in response.json()["errors"]} == fields


async def test_missing_fields(admin: User) -> None:
    response = await admin.client.post("/admin/parts", json={})
    assert {error["field"] for error in response.json()["errors"]} == {"name", "category", "manufacturer"}
    assert (await admin.client.put("/admin/parts/x", json={})).status_code == 400
    assert (await admin.client.put("/admin/parts/999999999", json={})).json()["code"] == "JIUCOM-P001"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/admin/parts"),
        ("PUT", "/admin/parts/1"),
        ("DELETE", "/admin/parts/1"),
        ("POST", "/admin/parts/bulk-upload"),
    ],
)
async def test_administration_is_for_administrators(
    client: httpx.AsyncClient, user: User, method: str, path: str
) -> None:
    nobody = await client.request(method, path, json=NEW)
    someone = await user.client.request(method, path, json=NEW)
    assert (nobody.status_code, nobody.json()["code"]) == (401, "JIUCOM-A001")
    assert (someone.status_code, someone.json()["code"]) == (403, "JIUCOM-A002")
