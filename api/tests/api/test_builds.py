"""Builds: lists, changes, sharing, compatibility."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from jiucom.state import AppState
from testing.clients import User
from testing.shop import Shop

from .answers import data, refusal, wrong_fields

pytestmark = pytest.mark.anyio

MakeUser = Callable[..., Awaitable[User]]

UNKNOWN = 999_999_999
# Of the demo seed: AM5 processor, LGA1700 processor, AM5 board, power supply.
AM5, LGA1700, BOARD, POWER = 1, 3, 11, 21
ITEM = {
    "id", "name", "description", "totalPrice", "partCount", "isPublic", "viewCount", "likeCount", "ownerNickname",
    "createdAt",
}  # fmt: skip
DETAIL = (ITEM - {"partCount"}) | {"ownerId", "parts", "compatibilityWarnings", "compatibilityFindings", "updatedAt"}
LINE = {
    "id", "partId", "partName", "category", "manufacturer", "imageUrl", "specs", "quantity", "unitPrice", "lineTotal",
}  # fmt: skip


async def save(user: User, *parts: int, **fields: object) -> dict[str, Any]:
    body = {"name": "시험 견적", "isPublic": True, "parts": [{"partId": part} for part in parts], **fields}
    detail: dict[str, Any] = data(await user.client.post("/builds", json=body), 201)
    return detail


async def stored(state: AppState, column: str, build: int) -> Any:
    async with state.db.read() as session:
        return await session.fetch_value(f"SELECT {column} FROM builds WHERE id = %s", (build,))  # noqa: S608


async def set_price(state: AppState, part: int, price: int | None) -> None:
    async with state.db.transaction() as session:
        await session.execute("UPDATE parts SET lowest_price = %s WHERE id = %s", (price, part))


async def remove_part(state: AppState, part: int) -> None:
    async with state.db.transaction() as session:
        await session.execute("UPDATE parts SET is_deleted = TRUE WHERE id = %s", (part,))


async def test_a_build_is_saved_at_the_prices_of_the_day(client: httpx.AsyncClient, user: User, shop: Shop) -> None:
    dear, cheap, free = [await shop.part(lowest=price) for price in (2_000_000_000, 1500, None)]
    body = {
        "name": "견적", "description": "설명", "isPublic": True,
        "parts": [{"partId": dear, "quantity": 2}, {"partId": cheap, "quantity": 3}, {"partId": free}],
    }  # fmt: skip
    build = data(await user.client.post("/builds", json=body), 201)
    assert set(build) == DETAIL
    assert (build["name"], build["description"], build["isPublic"]) == ("견적", "설명", True)
    assert (build["ownerId"], build["ownerNickname"]) == (user.id, user.nickname)
    lines = [(line["partId"], line["quantity"], line["unitPrice"], line["lineTotal"]) for line in build["parts"]]
    assert lines == [
        (dear, 2, 2_000_000_000, 4_000_000_000), (cheap, 3, 1500, 4500), (free, 1, None, None),
    ]  # fmt: skip
    assert build["totalPrice"] == 4_000_004_500
    assert set(build["parts"][0]) == LINE
    assert data(await client.get(f"/builds/{build['id']}")) == {**build, "viewCount": 1}


async def test_lines_have_category_manufacturer_and_specs(user: User) -> None:
    (line,) = (await save(user, AM5))["parts"]
    assert line["partName"] == "AMD Ryzen 7 7800X3D"
    assert (line["category"], line["manufacturer"]) == ("CPU", "AMD")
    assert line["specs"]["socket"] == "AM5"


async def test_the_same_part_twice_is_one_line(user: User, shop: Shop) -> None:
    one, two = await shop.part(lowest=100), await shop.part(lowest=10)
    build = await save(user, one, two, one)
    assert [(line["partId"], line["quantity"]) for line in build["parts"]] == [(one, 2), (two, 1)]
    assert build["totalPrice"] == 210


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"name", "parts"}),
        ({"name": " ", "parts": []}, {"name", "parts"}),
        ({"name": "x" * 101, "description": "x" * 501, "parts": [{"partId": 1}]}, {"name", "description"}),
        ({"name": "x", "isPublic": "yes", "parts": {}}, {"isPublic", "parts"}),
        (
            {"name": "x", "parts": [{"quantity": 1}, {"partId": 1, "quantity": 0}, {"partId": "1", "quantity": 1000}]},
            {"parts[0].partId", "parts[1].quantity", "parts[2].partId", "parts[2].quantity"},
        ),
        ({"name": "x", "parts": [{"partId": 1}] * 101}, {"parts"}),
    ],
)
async def test_wrong_builds_name_their_fields(user: User, body: dict[str, Any], fields: set[str]) -> None:
    assert wrong_fields(await user.client.post("/builds", json=body)) == fields
    mine = (await save(user, AM5))["id"]
    # Absent is unchanged there, and nothing else differs.
    assert not body or wrong_fields(await user.client.put(f"/builds/{mine}", json=body)) == fields


async def test_parts_that_are_not_there(client: httpx.AsyncClient, user: User, shop: Shop, state: AppState) -> None:
    deleted = await shop.part(deleted=True)
    mine = (await save(user, AM5))["id"]
    body = {"name": "x", "parts": [{"partId": AM5}, {"partId": UNKNOWN}, {"partId": deleted}]}
    async with state.db.read() as session:
        before = await session.fetch_value("SELECT COUNT(*) FROM builds")
    for answer in (
        await user.client.post("/builds", json=body),
        await user.client.put(f"/builds/{mine}", json=body),
        await client.post("/builds/check", json=body),
    ):
        assert refusal(answer) == (404, "JIUCOM-P001")
        assert [error["field"] for error in answer.json()["errors"]] == ["parts[1].partId", "parts[2].partId"]
    async with state.db.read() as session:
        assert await session.fetch_value("SELECT COUNT(*) FROM builds") == before


async def test_building_needs_a_login(client: httpx.AsyncClient, user: User) -> None:
    mine = (await save(user, AM5))["id"]
    for method, path in (
        ("POST", "/builds"),
        ("GET", "/builds/my"),
        ("PUT", f"/builds/{mine}"),
        ("DELETE", f"/builds/{mine}"),
        ("POST", f"/builds/{mine}/clone"),
        ("POST", f"/builds/{mine}/share"),
        ("DELETE", f"/builds/{mine}/share"),
    ):
        body = {"name": "x", "parts": [{"partId": AM5}]}
        assert refusal(await client.request(method, path, json=body)) == (401, "JIUCOM-A001"), path


async def test_builds_of_others(user: User, make_user: MakeUser) -> None:
    """A public one is not theirs to change (A002); a private one is not there (B001)."""
    other = await make_user()
    public, private = (await save(user, AM5))["id"], (await save(user, AM5, isPublic=False))["id"]
    for method, path in (("PUT", ""), ("DELETE", ""), ("POST", "/share"), ("DELETE", "/share")):
        for build, expected in (
            (public, (403, "JIUCOM-A002")),
            (private, (404, "JIUCOM-B001")),
            (UNKNOWN, (404, "JIUCOM-B001")),
            ("abc", (400, "JIUCOM-401")),
        ):
            answer = await other.client.request(method, f"/builds/{build}{path}", json={"name": "남의 견적"})
            assert refusal(answer) == expected, (method, path)
    assert data(await user.client.get(f"/builds/{public}"))["name"] == "시험 견적"


async def test_private_builds_are_there_for_their_owners(
    client: httpx.AsyncClient, user: User, make_user: MakeUser
) -> None:
    build, other = (await save(user, AM5, isPublic=False))["id"], await make_user()
    for path in (f"/builds/{build}", f"/builds/{build}/compatibility"):
        assert refusal(await client.get(path)) == (404, "JIUCOM-B001")
        assert refusal(await other.client.get(path)) == (404, "JIUCOM-B001")
        data(await user.client.get(path))
    assert refusal(await other.client.post(f"/builds/{build}/clone")) == (404, "JIUCOM-B001")


@pytest.mark.parametrize("path", ["/builds/{}", "/builds/{}/compatibility"])
async def test_unknown_builds_are_404(client: httpx.AsyncClient, path: str) -> None:
    assert refusal(await client.get(path.format(UNKNOWN))) == (404, "JIUCOM-B001")
    assert refusal(await client.get(path.format("abc"))) == (400, "JIUCOM-401")


async def test_views_by_others_are_counted_and_are_not_edits(
    client: httpx.AsyncClient, user: User, admin: User
) -> None:
    build = await save(user, AM5)
    path = f"/builds/{build['id']}"
    await asyncio.gather(*(client.get(path) for _ in range(10)))
    await user.client.get(path)
    seen = data(await admin.client.get(path))
    assert seen["viewCount"] == 11
    assert seen["updatedAt"] == build["updatedAt"]
    assert data(await user.client.get(path))["viewCount"] == 11


async def test_an_update_changes_the_given_fields_only(user: User) -> None:
    build = await save(user, AM5, description="설명")
    path = f"/builds/{build['id']}"
    changed = data(await user.client.put(path, json={"name": "나중", "isPublic": False}))
    assert (changed["name"], changed["description"], changed["isPublic"]) == ("나중", "설명", False)
    assert changed["parts"] == build["parts"]
    assert changed["updatedAt"] > build["updatedAt"]
    assert data(await user.client.put(path, json={"description": ""}))["description"] == ""


async def test_only_lines_that_change_get_the_new_price(user: User, shop: Shop, state: AppState) -> None:
    kept, more, gone, new = [await shop.part(lowest=100) for _ in range(4)]
    build = await save(user, kept, more, gone)
    for part in (kept, more, new):
        await set_price(state, part, 999)
    parts = [{"partId": new}, {"partId": more, "quantity": 2}, {"partId": kept}]
    changed = data(await user.client.put(f"/builds/{build['id']}", json={"parts": parts}))
    lines = {line["partId"]: (line["quantity"], line["unitPrice"]) for line in changed["parts"]}
    assert lines == {kept: (1, 100), more: (2, 999), new: (1, 999)}
    assert changed["totalPrice"] == 100 + 2 * 999 + 999
    ids = {line["partId"]: line["id"] for line in build["parts"]}
    assert {line["partId"]: line["id"] for line in changed["parts"]}[kept] == ids[kept]


async def test_lines_of_deleted_parts_stay_until_they_change(user: User, shop: Shop, state: AppState) -> None:
    gone, other = await shop.part(lowest=100), await shop.part(lowest=10)
    path = f"/builds/{(await save(user, gone))['id']}"
    await remove_part(state, gone)
    parts = [{"partId": gone}, {"partId": other}]
    assert data(await user.client.put(path, json={"parts": parts}))["totalPrice"] == 110
    answer = await user.client.put(path, json={"parts": [{"partId": gone, "quantity": 2}]})
    assert refusal(answer) == (404, "JIUCOM-P001")
    assert len(data(await user.client.get(path))["parts"]) == 2


async def test_parallel_changes_leave_one_of_the_lists(user: User, shop: Shop) -> None:
    parts = [await shop.part(lowest=price) for price in (1, 10, 100, 1000)]
    path = f"/builds/{(await save(user, *parts))['id']}"
    lists = [[{"partId": part} for part in parts[n:]] for n in range(4)] * 3
    answers = await asyncio.gather(*(user.client.put(path, json={"parts": chosen}) for chosen in lists))
    assert {answer.status_code for answer in answers} == {200}
    build = data(await user.client.get(path))
    chosen = [line["partId"] for line in build["parts"]]
    assert sorted(chosen) in [sorted(parts[n:]) for n in range(4)]
    assert build["totalPrice"] == sum(line["lineTotal"] for line in build["parts"])


async def test_deleted_builds_are_not_found(client: httpx.AsyncClient, user: User) -> None:
    build = (await save(user, AM5))["id"]
    token = data(await user.client.post(f"/builds/{build}/share"), 201)["shareToken"]
    assert data(await user.client.delete(f"/builds/{build}")) is None
    for path in (f"/builds/{build}", f"/builds/{build}/compatibility", f"/builds/shared/{token}"):
        assert refusal(await user.client.get(path)) == (404, "JIUCOM-B001")
    assert refusal(await user.client.delete(f"/builds/{build}")) == (404, "JIUCOM-B001")
    assert build not in [each["id"] for each in data(await client.get("/builds"))["content"]]


async def test_lists_have_public_builds_newest_first(client: httpx.AsyncClient, user: User) -> None:
    public = [await save(user, AM5), await save(user, AM5, BOARD)]
    private = await save(user, AM5, isPublic=False)
    page = data(await client.get("/builds?size=2"))
    assert [build["id"] for build in page["content"]] == [public[1]["id"], public[0]["id"]]
    assert set(page["content"][0]) == ITEM
    assert [build["partCount"] for build in page["content"]] == [2, 1]
    mine = data(await user.client.get("/builds/my"))
    assert [build["id"] for build in mine["content"]] == [private["id"], public[1]["id"], public[0]["id"]]
    assert mine["totalElements"] == 3
    assert wrong_fields(await user.client.get("/builds/my?page=x")) == {"page"}
    assert wrong_fields(await client.get("/builds?size=0&page=-1")) == {"page", "size"}


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("/builds?sort=price_asc", lambda build: (build["totalPrice"], build["id"])),
        ("/builds?sort=price_desc", lambda build: (-build["totalPrice"], -build["id"])),
        ("/builds?sort=popular", lambda build: (-build["likeCount"], -build["viewCount"], -build["id"])),
        ("/builds/popular?", lambda build: (-build["likeCount"], -build["viewCount"], -build["id"])),
        ("/builds?sort=unheard-of", lambda build: -build["id"]),
    ],
)
async def test_sorts(client: httpx.AsyncClient, user: User, query: str, key: Callable[[Any], Any]) -> None:
    first, second = await save(user, AM5), await save(user, LGA1700)
    await save(user, AM5)
    data(await user.client.post(f"/likes/BUILD/{first['id']}"))
    data(await client.get(f"/builds/{second['id']}"))
    builds = data(await client.get(f"{query}&size=100"))["content"]
    if "unheard" not in query:
        assert builds == sorted(builds, key=key)
    else:
        assert [build["createdAt"] for build in builds] == sorted((b["createdAt"] for b in builds), reverse=True)
    pages = [data(await client.get(f"{query}&size=2&page={n}"))["content"] for n in range(-(-len(builds) // 2))]
    assert [build for page in pages for build in page] == builds


async def test_templates(client: httpx.AsyncClient, user: User) -> None:
    await save(user, AM5)
    page = data(await client.get("/builds/templates"))
    assert {build["name"] for build in page["content"]} == {"4K 끝판왕 게이밍 PC", "가성비 FHD·QHD 게이밍 PC"}
    assert wrong_fields(await client.get("/builds/templates?size=x")) == {"size"}
    assert wrong_fields(await client.get("/builds/popular?size=x")) == {"size"}


async def test_findings_are_the_same_saved_or_not(client: httpx.AsyncClient, user: User) -> None:
    """With a code beside the text, and never in the way of saving."""
    parts = [{"partId": LGA1700}, {"partId": BOARD, "quantity": 2}]
    checked = data(await client.post("/builds/check", json={"parts": parts}))
    codes = {finding["code"]: finding for finding in checked["compatibilityFindings"]}
    assert list(codes) == ["CATEGORY_MISSING", "CATEGORY_REPEATED", "CPU_SOCKET_MISMATCH"]
    assert codes["CPU_SOCKET_MISMATCH"]["severity"] == "ERROR"
    assert codes["CPU_SOCKET_MISMATCH"]["partIds"] == [LGA1700, BOARD]
    assert checked["compatibilityWarnings"] == [each["message"] for each in checked["compatibilityFindings"]]
    assert checked["compatible"] is False
    body = {"name": "안 맞는 견적", "isPublic": True, "parts": parts}
    build = data(await user.client.post("/builds", json=body), 201)
    assert data(await client.get(f"/builds/{build['id']}/compatibility")) == checked
    for key in ("compatibilityWarnings", "compatibilityFindings"):
        assert build[key] == checked[key]


async def test_compatible_parts_have_no_findings(client: httpx.AsyncClient) -> None:
    body = {"parts": [{"partId": part} for part in (AM5, BOARD, POWER)]}
    assert data(await client.post("/builds/check", json=body)) == {
        "compatible": True, "compatibilityWarnings": [], "compatibilityFindings": [],
    }  # fmt: skip
    assert wrong_fields(await client.post("/builds/check", json={"parts": []})) == {"parts"}


async def test_clones_are_private_and_at_new_prices(
    user: User, make_user: MakeUser, shop: Shop, state: AppState
) -> None:
    part, gone = await shop.part(lowest=100), await shop.part(lowest=100)
    original = await save(user, part, gone, name="x" * 100)
    await set_price(state, part, 70)
    await remove_part(state, gone)
    other = await make_user()
    copy = data(await other.client.post(f"/builds/{original['id']}/clone"), 201)
    assert (copy["ownerId"], copy["isPublic"], copy["viewCount"]) == (other.id, False, 0)
    assert copy["name"] == "x" * 94 + " (복사본)"
    assert [(line["partId"], line["unitPrice"]) for line in copy["parts"]] == [(part, 70)]
    assert copy["totalPrice"] == 70
    await remove_part(state, part)
    assert refusal(await other.client.post(f"/builds/{original['id']}/clone")) == (404, "JIUCOM-P001")
    assert refusal(await other.client.post(f"/builds/{UNKNOWN}/clone")) == (404, "JIUCOM-B001")
    assert refusal(await other.client.post("/builds/abc/clone")) == (400, "JIUCOM-401")
    assert data(await other.client.get("/builds/my"))["totalElements"] == 1


async def test_shares_open_private_builds_until_withdrawn(client: httpx.AsyncClient, user: User) -> None:
    build = (await save(user, AM5, isPublic=False))["id"]
    share = data(await user.client.post(f"/builds/{build}/share"), 201)
    assert len(share["shareToken"]) == 32
    assert share["shareUrl"] == f"http://localhost/api/v1/builds/shared/{share['shareToken']}"
    # Links that were handed out keep working.
    assert data(await user.client.post(f"/builds/{build}/share"), 201) == share
    path = f"/builds/shared/{share['shareToken']}"
    assert data(await client.get(path))["viewCount"] == 1
    assert data(await user.client.get(path))["viewCount"] == 1
    assert refusal(await client.get(f"/builds/{build}")) == (404, "JIUCOM-B001")
    assert data(await user.client.delete(f"/builds/{build}/share")) is None
    assert refusal(await client.get(path)) == (404, "JIUCOM-B001")
    assert data(await user.client.post(f"/builds/{build}/share"), 201) != share


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("nothing", (404, "JIUCOM-B001")),
        ("%ED%95%9C%EA%B8%80", (404, "JIUCOM-B001")),
        ("x" * 65, (400, "JIUCOM-401")),
        ("%00", (400, "JIUCOM-401")),
    ],
)
async def test_unknown_shares_are_404(client: httpx.AsyncClient, token: str, expected: tuple[int, str]) -> None:
    assert refusal(await client.get(f"/builds/shared/{token}")) == expected
