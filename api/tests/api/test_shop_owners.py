"""A shop opens and closes with the status and role of its owner, and prices follow within moments."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from jiucom.state import AppState
from testing.clients import User
from testing.shop import Shop

pytestmark = pytest.mark.anyio

SITE = "https://shop.example.com"


@pytest.fixture
async def owner(make_user: Callable[..., Awaitable[User]]) -> User:
    return await make_user("SELLER")


class Market:
    """Two parts that the owner's shop sells for less than another shop, and one that only the owner's shop sells."""

    def __init__(self, shop: Shop, parts: list[int], sole: int, seller: int) -> None:
        self.shop = shop
        self.parts = parts
        self.sole = sole
        self.seller = seller

    async def lowest(self) -> list[int | None]:
        """The lowest prices, as soon as the backlog has settled them."""
        await self.shop.worked_off()
        return [(await self.shop.prices(part))[0] for part in (*self.parts, self.sole)]


OPEN = [700, 700, 500]
CLOSED = [900, 900, 1500]


@pytest.fixture
async def market(shop: Shop, owner: User) -> Market:
    seller, other = await shop.seller(owner=owner.id), await shop.seller()
    parts = [await shop.part(lowest=1000) for _ in range(2)]
    sole = await shop.part(lowest=1500)
    for part in parts:
        await shop.offer(part, seller, 700)
        await shop.offer(part, other, 900)
    await shop.offer(sole, seller, 500)
    found = Market(shop, parts, sole, seller)
    assert await found.lowest() == OPEN
    return found


async def change(admin: User, user: User, what: str, value: str) -> None:
    answer = await admin.client.put(f"/admin/users/{user.id}/{what}", json={what: value})
    assert answer.status_code == 200, answer.text


async def shown(client: httpx.AsyncClient, market: Market) -> list[int]:
    """The offers on the page of the part."""
    data = (await client.get(f"/prices/parts/{market.parts[0]}")).json()["data"]
    return sorted(each["price"] for each in data["prices"])


async def listed(client: httpx.AsyncClient, market: Market) -> bool:
    return (await client.get(f"/sellers/{market.seller}")).status_code == 200


CLOSING = [("status", "SUSPENDED", "ACTIVE"), ("role", "USER", "SELLER")]


@pytest.mark.parametrize(("what", "taken", "given"), CLOSING)
async def test_closed_and_opened(
    client: httpx.AsyncClient, market: Market, owner: User, admin: User, what: str, taken: str, given: str
) -> None:
    assert (await shown(client, market), await listed(client, market)) == ([700, 900], True)
    await change(admin, owner, what, taken)
    assert await market.lowest() == CLOSED
    # Nothing of it is left in a cache.
    assert (await shown(client, market), await listed(client, market)) == ([900], False)
    await change(admin, owner, what, given)
    assert await market.lowest() == OPEN
    assert (await shown(client, market), await listed(client, market)) == ([700, 900], True)


@pytest.mark.parametrize("role", ["ADMIN", "SELLER"])
async def test_a_shop_stays_open_while_its_owner_may_sell(market: Market, owner: User, admin: User, role: str) -> None:
    await change(admin, owner, "role", role)
    assert await market.lowest() == OPEN


async def test_given_back_without_the_role_it_stays_closed(market: Market, owner: User, admin: User) -> None:
    await change(admin, owner, "status", "SUSPENDED")
    await change(admin, owner, "role", "USER")
    await change(admin, owner, "status", "ACTIVE")
    assert await market.lowest() == CLOSED
    await change(admin, owner, "role", "SELLER")
    assert await market.lowest() == OPEN


@pytest.mark.parametrize("status", ["PENDING", "REJECTED"])
async def test_applications_stay_as_they_are(
    shop: Shop, owner: User, admin: User, client: httpx.AsyncClient, status: str
) -> None:
    seller = await shop.seller(owner=owner.id, status=status)
    for what, taken, given in CLOSING:
        await change(admin, owner, what, taken)
        await change(admin, owner, what, given)
    assert await shop.rows("SELECT status FROM sellers WHERE id = %s", seller) == [(status,)]


async def test_withdrawal_closes_for_good_and_frees_the_name(
    client: httpx.AsyncClient, market: Market, owner: User, user: User
) -> None:
    ((name,),) = await market.shop.rows("SELECT name FROM sellers WHERE id = %s", market.seller)
    taken = await user.client.post("/sellers/register", json={"name": name, "siteUrl": SITE})
    assert taken.status_code == 409
    assert (await owner.client.delete("/users/me")).status_code == 200
    assert await market.lowest() == CLOSED
    assert (await shown(client, market), await listed(client, market)) == ([900], False)
    row = await market.shop.rows("SELECT site_url, logo_url, is_deleted FROM sellers WHERE id = %s", market.seller)
    assert row == [("", None, 1)]
    answer = await user.client.post("/sellers/register", json={"name": name, "siteUrl": SITE})
    assert answer.status_code == 201


async def test_withdrawal_takes_an_application_along(shop: Shop, user: User, admin: User) -> None:
    name = "곧 사라질 판매처"
    assert (await user.client.post("/sellers/register", json={"name": name, "siteUrl": SITE})).status_code == 201
    assert (await user.client.delete("/users/me")).status_code == 200
    waiting = (await admin.client.get("/admin/sellers/pending", params={"size": 100})).json()["data"]["content"]
    assert name not in {each["name"] for each in waiting}


async def test_deleted_parts_do_not_keep_a_shop_from_closing(market: Market, owner: User, admin: User) -> None:
    async with market.shop.state.db.transaction() as tx:
        await tx.execute("UPDATE parts SET is_deleted = TRUE WHERE id = %s", (market.parts[0],))
    await change(admin, owner, "status", "SUSPENDED")
    assert (await market.lowest())[1:] == CLOSED[1:]


async def test_offers_at_the_same_time(shop: Shop, state: AppState, owner: User, admin: User) -> None:
    """In either order, no part keeps a price of a closed shop."""
    await shop.seller(owner=owner.id)
    parts = [await shop.part(lowest=1000) for _ in range(12)]

    async def offer(part: int) -> int:
        body = {"partId": part, "price": 500}
        return (await owner.client.post("/sellers/products", json=body)).status_code

    async def suspend() -> None:
        await asyncio.sleep(0.01)
        await change(admin, owner, "status", "SUSPENDED")

    codes = (await asyncio.gather(*map(offer, parts), suspend()))[:-1]
    assert set(codes) <= {201, 401, 404}
    await shop.worked_off()
    assert {(await shop.prices(part))[0] for part in parts} == {1000}
    await change(admin, owner, "status", "ACTIVE")
    await shop.worked_off()
    offered = [part for part, code in zip(parts, codes, strict=True) if code == 201]
    assert {(await shop.prices(part))[0] for part in offered} <= {500}
