"""Shops: registration, approval, own products, statistics."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from testing.clients import User
from testing.shop import Shop

pytestmark = pytest.mark.anyio

MakeUser = Callable[..., Awaitable[User]]


def application(**values: Any) -> dict[str, Any]:
    return {"name": f"판매처 {secrets.token_hex(4)}", "siteUrl": "https://shop.example.com", **values}


@pytest.fixture
async def owner(make_user: MakeUser, shop: Shop) -> User:
    """A seller with an open shop."""
    user = await make_user("SELLER")
    await shop.seller(owner=user.id)
    return user


async def test_list_of_open_shops(client: httpx.AsyncClient, shop: Shop) -> None:
    closed = await shop.seller(status="PENDING")
    sellers = (await client.get("/sellers")).json()["data"]
    first = sellers[0]
    assert first == {
        "id": 1, "name": "다나와", "siteUrl": "https://www.danawa.com", "url": "https://www.danawa.com", "logoUrl": None,
        "status": "ACTIVE", "reliabilityScore": 4.8,
    }  # fmt: skip
    scores = [seller["reliabilityScore"] for seller in sellers]
    assert scores == sorted(scores, reverse=True)
    assert closed not in [seller["id"] for seller in sellers]


async def test_detail(client: httpx.AsyncClient, shop: Shop) -> None:
    seller = await shop.seller()
    await shop.offer(await shop.part(), seller, 10)
    await shop.offer(await shop.part(), seller, 10, available=False)
    data = (await client.get(f"/sellers/{seller}")).json()["data"]
    assert (data["id"], data["productCount"], data["status"]) == (seller, 1, "ACTIVE")
    for hidden in (await shop.seller(status="PENDING"), 999_999_999):
        response = await client.get(f"/sellers/{hidden}")
        assert (response.status_code, response.json()["code"]) == (404, "JIUCOM-S001")
    assert (await client.get("/sellers/me")).status_code == 400


async def test_from_application_to_products(user: User, admin: User, shop: Shop, client: httpx.AsyncClient) -> None:
    body = application(logoUrl="https://shop.example.com/logo.png")
    response = await user.client.post("/sellers/register", json=body)
    assert response.status_code == 201
    seller = response.json()["data"]
    assert {key: seller[key] for key in body} == body
    assert seller["status"] == "PENDING"
    assert (await user.client.get("/sellers/me/products")).json()["code"] == "JIUCOM-A002"

    approved = await admin.client.put(f"/admin/sellers/{seller['id']}/approve")
    assert approved.status_code == 200
    assert (approved.json()["data"]["status"], approved.json()["data"]["userId"]) == ("ACTIVE", user.id)
    # The token is the one from before: its user is a seller now.
    assert (await user.client.get("/sellers/me/products")).json()["data"]["content"] == []
    assert (await client.get(f"/sellers/{seller['id']}")).status_code == 200
    (notification,) = await shop.rows("SELECT type, link_url FROM notifications WHERE user_id = %s", user.id)
    assert notification == ("SYSTEM", f"/sellers/{seller['id']}")
    audits = await shop.rows(
        "SELECT actor_id, action, before_state, after_state FROM audit_log"
        " WHERE target_type = 'SELLER' AND target_id = %s", seller["id"]
    )  # fmt: skip
    assert audits == [(admin.id, "SELLER_APPROVED", '{"status": "PENDING"}', '{"status": "ACTIVE"}')]
    again = await admin.client.put(f"/admin/sellers/{seller['id']}/approve")
    assert (again.status_code, again.json()["code"]) == (409, "JIUCOM-409")
    assert (await admin.client.put(f"/admin/sellers/{seller['id']}/reject")).status_code == 409


async def test_rejected_applications_may_be_repeated(user: User, admin: User, shop: Shop) -> None:
    seller = (await user.client.post("/sellers/register", json=application())).json()["data"]["id"]
    response = await admin.client.put(f"/admin/sellers/{seller}/reject", json={"reason": "주소 확인 불가"})
    assert response.json()["data"]["rejectionReason"] == "주소 확인 불가"
    ((message,),) = await shop.rows("SELECT message FROM notifications WHERE user_id = %s", user.id)
    assert message.endswith("사유: 주소 확인 불가")
    assert (await user.client.get("/sellers/me/stats")).status_code == 403
    body = application()
    second = (await user.client.post("/sellers/register", json=body)).json()["data"]
    assert (second["id"], second["status"], second["name"]) == (seller, "PENDING", body["name"])
    # The reason is forgotten with the applicant; that there was a rejection stays on record.
    records = (
        "SELECT after_state->>'$.rejectionReason', after_state->>'$.status' FROM audit_log"
        " WHERE target_type = 'SELLER' AND target_id = %s"
    )
    assert await shop.rows(records, seller) == [("주소 확인 불가", "REJECTED")]
    assert (await user.client.delete("/users/me")).status_code == 200
    assert await shop.rows(records, seller) == [(None, "REJECTED")]


@pytest.mark.parametrize("name", ["두\n줄", "a\u202eb", "\u200b", "\u0007 종"])
async def test_a_shop_s_name_is_one_line_that_can_be_seen(user: User, name: str) -> None:
    answer = await user.client.post("/sellers/register", json=application(name=name))
    assert answer.status_code == 400, answer.text


async def test_one_shop_per_user_one_name_per_shop(user: User, make_user: MakeUser, shop: Shop) -> None:
    body = application()
    answers = await asyncio.gather(*(user.client.post("/sellers/register", json=application()) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"JIUCOM-S002"}
    assert len(await shop.rows("SELECT 1 FROM sellers WHERE user_id = %s", user.id)) == 1
    others = [await make_user() for _ in range(3)]
    answers = await asyncio.gather(*(other.client.post("/sellers/register", json=body) for other in others))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert {answer.json()["message"] for answer in answers if answer.status_code == 409} == {
        "이미 사용 중인 판매처 이름입니다."
    }


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"name", "siteUrl"}),
        ({"name": " ", "siteUrl": "shop.example.com"}, {"name", "siteUrl"}),
        ({"name": "가" * 101, "siteUrl": "https://" + "a" * 500}, {"name", "siteUrl"}),
        ({"name": "이름", "siteUrl": "javascript:alert(1)", "logoUrl": "x"}, {"siteUrl", "logoUrl"}),
    ],
)
async def test_applications_refuse_wrong_input(user: User, body: dict[str, Any], fields: set[str]) -> None:
    response = await user.client.post("/sellers/register", json=body)
    assert (response.status_code, response.json()["code"]) == (400, "JIUCOM-401")
    assert {error["field"] for error in response.json()["errors"]} == fields


async def test_pending_applications(admin: User, make_user: MakeUser) -> None:
    applicants = [await make_user() for _ in range(2)]
    ids = [(await one.client.post("/sellers/register", json=application())).json()["data"]["id"] for one in applicants]
    page = (await admin.client.get("/admin/sellers/pending?size=100")).json()["data"]
    found = {entry["id"]: entry for entry in page["content"]}
    assert [entry for entry in found if entry in ids] == ids
    assert found[ids[0]]["userEmail"] == applicants[0].email
    assert page["totalElements"] == len(page["content"])
    assert (await admin.client.get("/admin/sellers/pending?size=101")).status_code == 400


async def test_decisions_refuse_wrong_input(admin: User, user: User) -> None:
    seller = (await user.client.post("/sellers/register", json=application())).json()["data"]["id"]
    for verb in ("approve", "reject"):
        assert (await admin.client.put(f"/admin/sellers/999999999/{verb}")).json()["code"] == "JIUCOM-S001"
        assert (await admin.client.put(f"/admin/sellers/x/{verb}")).status_code == 400
    response = await admin.client.put(f"/admin/sellers/{seller}/reject", json={"reason": "가" * 256})
    assert [error["field"] for error in response.json()["errors"]] == ["reason"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/admin/sellers/pending"), ("PUT", "/admin/sellers/1/approve"), ("PUT", "/admin/sellers/1/reject")],
)
async def test_administration_is_for_administrators(
    client: httpx.AsyncClient, owner: User, method: str, path: str
) -> None:
    nobody, seller = await client.request(method, path), await owner.client.request(method, path)
    assert (nobody.status_code, nobody.json()["code"]) == (401, "JIUCOM-A001")
    assert (seller.status_code, seller.json()["code"]) == (403, "JIUCOM-A002")


async def test_products(owner: User, shop: Shop) -> None:
    part = await shop.part(category="SSD")
    body = {"partId": part, "price": 1000, "productUrl": "https://shop.example.com/1"}
    response = await owner.client.post("/sellers/products", json=body)
    assert response.status_code == 201
    product = response.json()["data"]
    assert {key: product[key] for key in ("partId", "partName", "category", "price", "available", "lowestPrice")} == {
        "partId": part, "partName": shop.name(part), "category": "SSD", "price": 1000, "available": True,
        "lowestPrice": 1000,
    }  # fmt: skip
    assert product["cheapest"] is True
    twice = await owner.client.post("/sellers/products", json=body)
    assert (twice.status_code, twice.json()["code"]) == (409, "JIUCOM-409")
    await shop.offer(part, 1, 900)
    changed = await owner.client.put(f"/sellers/products/{part}/price", json={"price": 950})
    assert changed.status_code == 200
    data = changed.json()["data"]
    assert (data["price"], data["lowestPrice"], data["cheapest"], data["productUrl"], data["available"]) == (
        950, 900, False, body["productUrl"], True,
    )  # fmt: skip
    assert data["updatedAt"] > product["updatedAt"]
    page = (await owner.client.get("/sellers/me/products")).json()["data"]
    assert (page["totalElements"], page["content"]) == (1, [data])
    assert await shop.prices(part) == (900, 950)
    response = await owner.client.put(f"/sellers/products/{part}/price", json={"price": 100, "available": False})
    assert response.json()["data"]["available"] is False
    assert await shop.prices(part) == (900, 900)
    gone = await owner.client.delete(f"/sellers/products/{part}")
    assert gone.status_code == 200
    assert "data" not in gone.json()
    for again in (
        await owner.client.delete(f"/sellers/products/{part}"),
        await owner.client.put(f"/sellers/products/{part}/price", json={"price": 1}),
    ):
        assert (again.status_code, again.json()["code"]) == (404, "JIUCOM-PR001")
    history = await shop.rows("SELECT price FROM price_history WHERE part_id = %s AND seller_id <> 1", part)
    assert history == [(950,)]
    assert (await owner.client.post("/sellers/products", json=body)).status_code == 201


async def test_products_of_others_are_out_of_reach(owner: User, make_user: MakeUser, shop: Shop) -> None:
    other = await make_user("SELLER")
    await shop.seller(owner=other.id)
    part = await shop.part()
    await owner.client.post("/sellers/products", json={"partId": part, "price": 1000})
    for response in (
        await other.client.put(f"/sellers/products/{part}/price", json={"price": 1}),
        await other.client.delete(f"/sellers/products/{part}"),
    ):
        assert (response.status_code, response.json()["code"]) == (404, "JIUCOM-PR001")
    assert (await other.client.get("/sellers/me/products")).json()["data"]["content"] == []
    assert await shop.prices(part) == (1000, 1000)
    await other.client.post("/sellers/products", json={"partId": part, "price": 900})
    for shopkeeper, price in ((owner, 1000), (other, 900)):
        (product,) = (await shopkeeper.client.get("/sellers/me/products")).json()["data"]["content"]
        assert product["price"] == price


async def test_products_of_unknown_and_deleted_parts(owner: User, shop: Shop) -> None:
    for part in (999_999_999, await shop.part(deleted=True)):
        for response in (
            await owner.client.post("/sellers/products", json={"partId": part, "price": 1}),
            await owner.client.put(f"/sellers/products/{part}/price", json={"price": 1}),
            await owner.client.delete(f"/sellers/products/{part}"),
        ):
            assert (response.status_code, response.json()["code"]) == (404, "JIUCOM-P001")


@pytest.mark.parametrize("body", [{}, {"price": 0}, {"price": -1}, {"price": "x"}, {"price": 2**31}, {"price": 1.5}])
async def test_prices_refuse_wrong_input(owner: User, shop: Shop, body: dict[str, Any]) -> None:
    part = await shop.part()
    for response in (
        await owner.client.post("/sellers/products", json={"partId": part, **body}),
        await owner.client.put(f"/sellers/products/{part}/price", json=body),
    ):
        assert response.status_code == 400
        assert [error["field"] for error in response.json()["errors"]] == ["price"]


async def test_statistics(owner: User, shop: Shop) -> None:
    empty = (await owner.client.get("/sellers/me/stats")).json()["data"]
    assert (empty["productCount"], empty["availableCount"], empty["averagePrice"]) == (0, 0, None)
    for price, available, other in ((100, True, 200), (301, True, 200), (999, False, 5)):
        part = await shop.part()
        await shop.offer(part, 1, other)
        body = {"partId": part, "price": price, "available": available}
        await owner.client.post("/sellers/products", json=body)
    stats = (await owner.client.get("/sellers/me/stats")).json()["data"]
    assert {key: stats[key] for key in stats if key not in ("sellerId", "name")} == {
        "status": "ACTIVE", "reliabilityScore": 0.0, "productCount": 3, "availableCount": 2, "cheapestCount": 1,
        "averagePrice": 200, "priceDays": 1, "changedParts": 2,
    }  # fmt: skip


async def test_statistics_of_a_shop_whose_parts_are_all_deleted(owner: User, admin: User, shop: Shop) -> None:
    part = await shop.part()
    await owner.client.post("/sellers/products", json={"partId": part, "price": 100})
    await admin.client.delete(f"/admin/parts/{part}")
    response = await owner.client.get("/sellers/me/stats")
    assert response.status_code == 200, response.text
    data = response.json()["data"]
    assert (data["productCount"], data["availableCount"], data["averagePrice"]) == (0, 0, None)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/sellers/me/products", None),
        ("GET", "/sellers/me/stats", None),
        ("POST", "/sellers/products", {"partId": 1, "price": 1}),
        ("PUT", "/sellers/products/1/price", {"price": 1}),
        ("DELETE", "/sellers/products/1", None),
    ],
)
async def test_own_shop_is_for_sellers(
    client: httpx.AsyncClient, user: User, make_user: MakeUser, shop: Shop, method: str, path: str, body: Any
) -> None:
    nobody, plain = await client.request(method, path, json=body), await user.client.request(method, path, json=body)
    assert (nobody.status_code, nobody.json()["code"]) == (401, "JIUCOM-A001")
    assert (plain.status_code, plain.json()["code"]) == (403, "JIUCOM-A002")
    shopless, suspended = await make_user("ADMIN"), await make_user("SELLER")
    await shop.seller(status="SUSPENDED", owner=suspended.id)
    for each in (shopless, suspended):
        response = await each.client.request(method, path, json=body)
        assert (response.status_code, response.json()["code"]) == (404, "JIUCOM-S001")


async def test_registration_needs_a_login(client: httpx.AsyncClient) -> None:
    response = await client.post("/sellers/register", json=application())
    assert (response.status_code, response.json()["code"]) == (401, "JIUCOM-A001")
