"""Changes of prices: lowest prices, history, caches, alerts."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec
import pytest

from jiucom.cache import keys
from jiucom.db import WriteSession
from jiucom.domains.notifications.announce import Announced
from jiucom.domains.prices import changes
from jiucom.domains.prices.change_queries import Offer
from jiucom.errors import ApiError
from jiucom.rules import popularity
from jiucom.state import AppState
from testing.clients import User
from testing.shop import Shop
from testing.waiting import eventually

pytestmark = pytest.mark.anyio


async def test_extremes_follow_the_offers_in_stock(shop: Shop, state: AppState) -> None:
    part = await shop.part(lowest=5, highest=9_999_999)
    await shop.offer(part, 1, 1000)
    assert await shop.prices(part) == (1000, 1000)
    await shop.offer(part, 2, 1200)
    await shop.offer(part, 3, 800)
    assert await shop.prices(part) == (800, 1200)
    await shop.offer(part, 3, 800, available=False)
    assert await shop.prices(part) == (1000, 1200)
    await state.db.write(lambda tx: changes.withdraw(tx, state.cache, part, 1))
    assert await shop.prices(part) == (1200, 1200)
    # Without an offer in stock it has its list prices.
    await shop.offer(part, 2, 1200, available=False)
    assert await shop.prices(part) == (5, 9_999_999)
    unpriced = await shop.part()
    await shop.offer(unpriced, 1, 1000)
    await state.db.write(lambda tx: changes.withdraw(tx, state.cache, unpriced, 1))
    assert await shop.prices(unpriced) == (None, None)


async def test_closed_shops_do_not_count(shop: Shop, client: httpx.AsyncClient) -> None:
    part, closed = await shop.part(), await shop.seller(status="SUSPENDED")
    await shop.offer(part, closed, 10)
    await shop.offer(part, 1, 1000)
    assert await shop.prices(part) == (1000, 1000)
    data = (await client.get(f"/prices/parts/{part}")).json()["data"]
    assert [line["price"] for line in data["prices"]] == [1000]
    detail = (await client.get(f"/parts/{part}")).json()["data"]
    assert [line["price"] for line in detail["prices"]] == [1000]


async def test_history_keeps_the_last_price_of_a_day(shop: Shop, state: AppState) -> None:
    part = await shop.part()
    for price in (1000, 900, 950):
        await shop.offer(part, 1, price)
    await shop.offer(part, 2, 700, available=False)
    today = state.clock.now().date()
    rows = await shop.rows("SELECT seller_id, price, record_date FROM price_history WHERE part_id = %s", part)
    assert rows == [(1, 950, today)]


async def test_popularity_follows_the_price(shop: Shop) -> None:
    part = await shop.part(category="CPU", name="AMD Ryzen 5 7600X 시험")
    for price in (200_000, 60_000, 2_000_000):
        await shop.offer(part, 1, price)
        ((score,),) = await shop.rows("SELECT popularity_score FROM parts WHERE id = %s", part)
        assert score == popularity.score("CPU", shop.name(part), price) > 0


async def test_caches_of_the_part_alone_are_outdated(shop: Shop, client: httpx.AsyncClient, state: AppState) -> None:
    part, other = await shop.part(), await shop.part()

    async def shown(path: str) -> Any:
        return [line["price"] for line in (await client.get(path)).json()["data"]["prices"]]

    async def version(of: int) -> bytes:
        found: bytes = await state.redis.execute("GET", keys.version_key(keys.part(of)))
        return found

    for path in (f"/parts/{part}", f"/prices/parts/{part}"):
        assert await shown(path) == []
    await shown(f"/parts/{other}")
    before = await version(other)
    await shop.offer(part, 1, 1234)
    for path in (f"/parts/{part}", f"/prices/parts/{part}"):
        assert await shown(path) == [1234]
    assert await version(other) == before

    async def done() -> bool:
        return await shop.rows("SELECT 1 FROM cache_outbox WHERE scope = %s", keys.part(part)) == []

    await eventually(done)


async def test_concurrent_changes_leave_the_right_extremes(shop: Shop) -> None:
    parts = [await shop.part() for _ in range(3)]
    prices = {1: 1000, 2: 900, 3: 800, 4: 700, 5: 600}
    for round_ in range(4):
        # Every seller changes every part at the same time, each in an order of its own.
        asked = {seller: price + 37 * (round_ * seller % 5) for seller, price in prices.items()}
        await asyncio.gather(
            *(
                shop.offers([Offer(part, seller, price, None, True) for part in parts[turn % 3 :] + parts[: turn % 3]])
                for turn, (seller, price) in enumerate(asked.items())
            )
        )
        for part in parts:
            assert await shop.prices(part) == (min(asked.values()), max(asked.values()))


async def test_a_change_waits_for_the_one_before_it(shop: Shop, state: AppState) -> None:
    """The later of two changes must see the earlier one's offer, not the state before it."""
    part = await shop.part()
    async with state.db.transaction() as tx:
        await changes.put(tx, state.cache, state.clock, [Offer(part, 1, 500, None, True)])
        second = asyncio.create_task(shop.offer(part, 2, 900))
        done, _ = await asyncio.wait({second}, timeout=0.2)
        assert not done
    await second
    assert await shop.prices(part) == (500, 900)


async def test_unknown_parts_change_nothing(shop: Shop) -> None:
    part, deleted = await shop.part(), await shop.part(deleted=True)
    for wrong in (deleted, 999_999_999):
        offers = [Offer(part, 1, 5, None, True), Offer(wrong, 1, 5, None, True)]
        with pytest.raises(ApiError, match="JIUCOM-P001"):
            await shop.offers(offers)
    assert await shop.rows("SELECT 1 FROM price_entries WHERE part_id IN (%s, %s)", part, deleted) == []


async def alerted(user: User, part: int, target: int) -> int:
    response = await user.client.post("/prices/alerts", json={"partId": part, "targetPrice": target})
    return int(response.json()["data"]["id"])


async def test_alerts_fire_once(make_user: Callable[..., Awaitable[User]], shop: Shop) -> None:
    part = await shop.part(lowest=1000)
    user, other = await make_user(), await make_user()
    await verify(shop, user)
    low, high = await alerted(other, part, 500), await alerted(user, part, 900)
    await shop.offer(part, 1, 901)
    assert await shop.rows("SELECT 1 FROM notifications WHERE user_id = %s", user.id) == []
    for price in (900, 899, 1000, 850):
        await shop.offer(part, 1, price)
    (row,) = await shop.rows(
        "SELECT type, message, link_url, reference_id, dedup_key FROM notifications WHERE user_id = %s", user.id
    )
    assert row == (
        "PRICE_ALERT",
        f"{shop.name(part)}의 최저가가 900원입니다. (목표가 900원)",
        f"/parts/{part}",
        part,
        f"PRICE_ALERT:{high}:1",
    )
    (mail,) = await shop.rows("SELECT template, variables, dedup_key FROM mail_outbox WHERE recipient = %s", user.email)
    assert (mail[0], mail[2]) == ("price-alert", f"PRICE_ALERT:{high}:1")
    variables = msgspec.json.decode(mail[1])
    assert (variables["partName"], variables["currentPrice"], variables["targetPrice"]) == (shop.name(part), 900, 900)
    assert (await user.client.get("/prices/alerts")).json()["data"] == []
    assert [alert["id"] for alert in (await other.client.get("/prices/alerts")).json()["data"]] == [low]
    states = await shop.rows("SELECT is_active, is_triggered, crossings FROM price_alerts WHERE id = %s", high)
    assert states == [(0, 1, 1)]


async def verify(shop: Shop, user: User) -> None:
    async with shop.state.db.transaction() as tx:
        await tx.execute("UPDATE users SET email_verified_at = UTC_TIMESTAMP(6) WHERE id = %s", (user.id,))


async def test_only_verified_addresses_get_mails(user: User, shop: Shop) -> None:
    """A user may sign up with an address that is not theirs."""
    part = await shop.part(lowest=1000)
    await alerted(user, part, 900)
    await shop.offer(part, 1, 800)
    assert len(await shop.rows("SELECT 1 FROM notifications WHERE user_id = %s", user.id)) == 1
    assert await shop.rows("SELECT 1 FROM mail_outbox WHERE recipient = %s", user.email) == []


async def test_a_price_that_rose_again_triggers_no_alert(user: User, shop: Shop, state: AppState) -> None:
    part = await shop.part(lowest=1000)
    alert = await alerted(user, part, 900)
    async with state.db.transaction() as tx:
        await changes.put(tx, state.cache, state.clock, [Offer(part, 1, 800, None, True)])
        await changes.put(tx, state.cache, state.clock, [Offer(part, 1, 950, None, True)])
    await shop.worked_off()
    assert await shop.rows("SELECT 1 FROM notifications WHERE user_id = %s", user.id) == []
    await shop.offer(part, 1, 890)
    rows = await shop.rows("SELECT dedup_key FROM notifications WHERE user_id = %s", user.id)
    assert rows == [(f"PRICE_ALERT:{alert}:1",)]


async def test_concurrent_crossings_are_one(user: User, shop: Shop) -> None:
    part = await shop.part(lowest=1000)
    await verify(shop, user)
    alert = await alerted(user, part, 900)
    await asyncio.gather(*(shop.offer(part, seller, 800 - seller) for seller in (1, 2, 3, 4, 5)))
    rows = await shop.rows("SELECT dedup_key FROM notifications WHERE user_id = %s", user.id)
    assert rows == [(f"PRICE_ALERT:{alert}:1",)]
    assert len(await shop.rows("SELECT 1 FROM mail_outbox WHERE recipient = %s", user.email)) == 1


async def test_a_rolled_back_price_triggers_no_alert(user: User, shop: Shop, state: AppState) -> None:
    """Killed in between, nothing has happened; the next change tells it, once."""
    part = await shop.part(lowest=1000)
    alert = await alerted(user, part, 900)

    async def dies(tx: WriteSession) -> None:
        await changes.put(tx, state.cache, state.clock, [Offer(part, 1, 700, None, True)])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await state.db.write(dies)
    assert await shop.prices(part) == (1000, None)
    assert await shop.rows("SELECT 1 FROM notifications WHERE user_id = %s", user.id) == []
    assert len((await user.client.get("/prices/alerts")).json()["data"]) == 1
    await shop.offer(part, 1, 700)
    rows = await shop.rows("SELECT dedup_key FROM notifications WHERE user_id = %s", user.id)
    assert rows == [(f"PRICE_ALERT:{alert}:1",)]


async def test_crossings_are_pushed_once_and_after_the_commit(user: User, shop: Shop, state: AppState) -> None:
    part = await shop.part(lowest=1000)
    alert = await alerted(user, part, 900)
    pushed: list[str] = []

    async def listen(event: Announced) -> None:
        for user_id, told in event.notifications:
            # Another connection sees the row already: it is committed.
            if user_id == user.id:
                rows = await shop.rows("SELECT dedup_key FROM notifications WHERE id = %s", told.id)
                pushed.extend(key for (key,) in rows)

    state.db.events.subscribe(Announced, listen)
    async with state.db.transaction() as tx:
        await changes.put(tx, state.cache, state.clock, [Offer(part, 1, 700, None, True)])
        assert pushed == []
    await shop.worked_off()
    # Listeners are called after the commit that `told` has seen.
    await eventually(lambda: bool(pushed))
    await shop.offer(part, 1, 600)
    await shop.worked_off()
    assert pushed == [f"PRICE_ALERT:{alert}:1"]


async def test_ended_alerts_stay_silent(user: User, shop: Shop) -> None:
    part = await shop.part(lowest=1000)
    await user.client.delete(f"/prices/alerts/{await alerted(user, part, 900)}")
    await shop.offer(part, 1, 1)
    assert await shop.rows("SELECT 1 FROM notifications WHERE user_id = %s", user.id) == []
