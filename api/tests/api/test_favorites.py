"""Favourites."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from jiucom.state import AppState
from testing.clients import User
from testing.shop import Shop

from .answers import data, refusal, wrong_fields

pytestmark = pytest.mark.anyio

UNKNOWN = 999_999_999

# As the client says it, and as the README does.
WAYS = pytest.mark.parametrize("path", ["/favorites/parts/{}", "/favorites?partId={}"])


async def parts(user: User) -> list[int]:
    return [favorite["partId"] for favorite in data(await user.client.get("/favorites"))]


@WAYS
async def test_parts_come_and_go(user: User, shop: Shop, path: str) -> None:
    part = await shop.part(lowest=1000)
    answer = await user.client.post(path.format(part))
    assert data(answer, 201) is None
    assert "data" not in answer.json()
    (favorite,) = data(await user.client.get("/favorites"))
    assert favorite.pop("id") > 0
    assert favorite.pop("createdAt").endswith("+09:00")
    assert favorite == {
        "partId": part, "partName": shop.name(part), "category": "ETC", "lowestPrice": 1000, "favorite": True,
    }  # fmt: skip
    assert data(await user.client.delete(path.format(part))) is None
    assert await parts(user) == []
    assert refusal(await user.client.delete(path.format(part))) == (404, "JIUCOM-404")


@WAYS
async def test_wrong_parts(client: httpx.AsyncClient, user: User, shop: Shop, path: str) -> None:
    for part in (UNKNOWN, await shop.part(deleted=True)):
        assert refusal(await user.client.post(path.format(part))) == (404, "JIUCOM-P001")
        assert refusal(await user.client.delete(path.format(part))) == (404, "JIUCOM-404")
    for method in ("POST", "DELETE"):
        assert wrong_fields(await user.client.request(method, path.format("abc"))) == {"partId"}
        assert refusal(await client.request(method, path.format(1))) == (401, "JIUCOM-A001")


async def test_readme_paths_need_a_part(user: User) -> None:
    assert wrong_fields(await user.client.post("/favorites")) == {"partId"}
    assert wrong_fields(await user.client.delete("/favorites")) == {"partId"}


async def test_favorites_need_a_login(client: httpx.AsyncClient) -> None:
    assert refusal(await client.get("/favorites")) == (401, "JIUCOM-A001")


async def test_favorites_of_others_are_not_listed(
    user: User, make_user: Callable[..., Awaitable[User]], shop: Shop
) -> None:
    part, other = await shop.part(), await make_user()
    data(await user.client.post(f"/favorites/parts/{part}"), 201)
    assert await parts(other) == []
    assert refusal(await other.client.delete(f"/favorites/parts/{part}")) == (404, "JIUCOM-404")
    assert await parts(user) == [part]


async def test_an_array_without_paging_and_a_page_with_it(user: User, shop: Shop) -> None:
    chosen = [await shop.part() for _ in range(3)]
    for part in chosen:
        data(await user.client.post(f"/favorites/parts/{part}"), 201)
    assert await parts(user) == chosen[::-1]
    page = data(await user.client.get("/favorites?size=2"))
    assert [each["partId"] for each in page["content"]] == [chosen[2], chosen[1]]
    assert (page["totalElements"], page["totalPages"], page["last"]) == (3, 2, False)
    page = data(await user.client.get("/favorites?page=1&size=2"))
    assert [each["partId"] for each in page["content"]] == [chosen[0]]
    assert wrong_fields(await user.client.get("/favorites?page=-1&size=x")) == {"page", "size"}


async def test_deleted_parts_are_no_longer_favorites(user: User, shop: Shop, state: AppState) -> None:
    part = await shop.part()
    data(await user.client.post(f"/favorites/parts/{part}"), 201)
    async with state.db.transaction() as session:
        await session.execute("UPDATE parts SET is_deleted = TRUE WHERE id = %s", (part,))
    assert await parts(user) == []
    assert data(await user.client.get("/favorites?size=1"))["totalElements"] == 0


async def test_twice_is_once(user: User, shop: Shop) -> None:
    """Nor is it an error of the one that came second."""
    part = await shop.part()
    answers = await asyncio.gather(*(user.client.post(f"/favorites/parts/{part}") for _ in range(8)))
    assert [answer.status_code for answer in answers] == [201] * 8
    assert await parts(user) == [part]
