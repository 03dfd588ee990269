"""Reviews."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from jiucom.state import AppState
from testing.clients import User
from testing.shop import Shop

from .answers import data, refusal, wrong_fields

pytestmark = pytest.mark.anyio

MakeUser = Callable[..., Awaitable[User]]

UNKNOWN = 999_999_999
REVIEW = {
    "id", "partId", "partName", "authorId", "authorNickname", "rating", "content", "likeCount", "createdAt", "updatedAt",
}  # fmt: skip


@pytest.fixture
async def part(shop: Shop) -> int:
    """A part without reviews."""
    return await shop.part()


async def review(user: User, part: int, rating: int = 5, content: str = "좋습니다.") -> int:
    body = {"partId": part, "rating": rating, "content": content}
    return int(data(await user.client.post("/reviews", json=body), 201)["id"])


async def test_a_review_is_written_and_read(client: httpx.AsyncClient, user: User, part: int, shop: Shop) -> None:
    body = {"partId": part, "rating": 4, "content": " 조용합니다. 😀 "}
    written = data(await user.client.post("/reviews", json=body), 201)
    assert set(written) == REVIEW
    assert (written["partId"], written["partName"]) == (part, shop.name(part))
    assert (written["rating"], written["content"], written["likeCount"]) == (4, " 조용합니다. 😀 ", 0)
    assert (written["authorId"], written["authorNickname"]) == (user.id, user.nickname)
    assert data(await client.get(f"/reviews/{written['id']}")) == written
    for path in (f"/parts/{part}/reviews", f"/reviews?partId={part}"):
        page = data(await client.get(path))
        assert (page["content"], page["totalElements"]) == ([written], 1)
    assert data(await client.get("/reviews?size=1"))["content"] == [written]


async def test_a_review_is_written_under_its_part(user: User, part: int) -> None:
    written = data(await user.client.post(f"/parts/{part}/reviews", json={"rating": 3, "content": "보통"}), 201)
    assert (written["partId"], written["rating"]) == (part, 3)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"partId", "rating", "content"}),
        ({"partId": "1", "rating": 0, "content": " "}, {"partId", "rating", "content"}),
        ({"partId": 2**63, "rating": 1, "content": "x"}, {"partId"}),
        ({"partId": 1, "rating": 6, "content": "x" * 2001}, {"rating", "content"}),
        ({"partId": 1, "rating": 4.5, "content": None}, {"rating", "content"}),
    ],
)
async def test_wrong_reviews_name_their_fields(user: User, body: dict[str, object], fields: set[str]) -> None:
    assert wrong_fields(await user.client.post("/reviews", json=body)) == fields
    under_part = await user.client.post("/parts/1/reviews", json={"partId": 1, "rating": 9})
    assert wrong_fields(under_part) == {"rating", "content"}
    assert wrong_fields(await user.client.post("/parts/abc/reviews", json={"rating": 1, "content": "x"})) == {"partId"}


async def test_reviewing_needs_a_login(client: httpx.AsyncClient, user: User, part: int) -> None:
    mine = await review(user, part)
    body = {"partId": part, "rating": 5, "content": "x"}
    for answer in (
        await client.post("/reviews", json=body),
        await client.post(f"/parts/{part}/reviews", json=body),
        await client.put(f"/reviews/{mine}", json={}),
        await client.delete(f"/reviews/{mine}"),
    ):
        assert refusal(answer) == (401, "JIUCOM-A001")


async def test_parts_that_are_not_there(client: httpx.AsyncClient, user: User, shop: Shop) -> None:
    for part in (UNKNOWN, await shop.part(deleted=True)):
        body = {"partId": part, "rating": 5, "content": "x"}
        assert refusal(await user.client.post("/reviews", json=body)) == (404, "JIUCOM-P001")
        assert refusal(await user.client.post(f"/parts/{part}/reviews", json=body)) == (404, "JIUCOM-P001")
        assert data(await client.get(f"/parts/{part}/reviews"))["totalElements"] == 0
    assert wrong_fields(await client.get("/parts/abc/reviews")) == {"partId"}
    assert wrong_fields(await client.get("/reviews?partId=abc&size=0")) == {"partId", "size"}


async def test_one_review_per_part_until_it_is_deleted(user: User, part: int) -> None:
    first = await review(user, part)
    body = {"partId": part, "rating": 1, "content": "다시"}
    assert refusal(await user.client.post("/reviews", json=body)) == (409, "JIUCOM-R003")
    data(await user.client.delete(f"/reviews/{first}"))
    assert await review(user, part) != first


async def test_of_parallel_reviews_one_wins(client: httpx.AsyncClient, user: User, part: int) -> None:
    body = {"partId": part, "rating": 5, "content": "x"}
    answers = await asyncio.gather(*(user.client.post("/reviews", json=body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
    assert {refusal(answer)[1] for answer in answers if answer.status_code == 409} == {"JIUCOM-R003"}
    assert data(await client.get(f"/parts/{part}/reviews"))["totalElements"] == 1


async def test_lists_are_newest_first(client: httpx.AsyncClient, make_user: MakeUser, part: int) -> None:
    reviews = [await review(await make_user(), part) for _ in range(3)]
    pages = [data(await client.get(f"/parts/{part}/reviews?size=2&page={n}")) for n in (0, 1)]
    assert [each["id"] for page in pages for each in page["content"]] == reviews[::-1]
    assert [page["last"] for page in pages] == [False, True]


async def test_an_update_changes_the_given_fields_only(client: httpx.AsyncClient, user: User, part: int) -> None:
    mine = await review(user, part, 5, "처음")
    changed = data(await user.client.put(f"/reviews/{mine}", json={"rating": 2}))
    assert (changed["rating"], changed["content"]) == (2, "처음")
    assert changed["updatedAt"] > changed["createdAt"]
    assert data(await client.get(f"/reviews/{mine}")) == changed
    wrong = await user.client.put(f"/reviews/{mine}", json={"rating": 0, "content": "  "})
    assert wrong_fields(wrong) == {"rating", "content"}


async def test_only_authors_change_reviews(user: User, make_user: MakeUser, part: int) -> None:
    mine, other = await review(user, part), await make_user()
    for method in ("PUT", "DELETE"):
        for path, expected in (
            (mine, (403, "JIUCOM-R002")),
            (UNKNOWN, (404, "JIUCOM-R001")),
            ("abc", (400, "JIUCOM-401")),
        ):
            answer = await other.client.request(method, f"/reviews/{path}", json={"rating": 1})
            assert refusal(answer) == expected


async def test_deleted_reviews_are_not_found(client: httpx.AsyncClient, user: User, part: int) -> None:
    mine = await review(user, part)
    assert data(await user.client.delete(f"/reviews/{mine}")) is None
    assert refusal(await client.get(f"/reviews/{mine}")) == (404, "JIUCOM-R001")
    assert refusal(await user.client.put(f"/reviews/{mine}", json={"rating": 1})) == (404, "JIUCOM-R001")
    assert refusal(await user.client.delete(f"/reviews/{mine}")) == (404, "JIUCOM-R001")
    assert refusal(await client.get("/reviews/abc")) == (400, "JIUCOM-401")


async def test_moderation_is_for_administrators_and_on_record(
    client: httpx.AsyncClient, user: User, admin: User, part: int, state: AppState
) -> None:
    bad = await review(user, part, 1, "광고")
    path = f"/admin/reviews/{bad}"
    assert refusal(await client.delete(path)) == (401, "JIUCOM-A001")
    assert refusal(await user.client.delete(path)) == (403, "JIUCOM-A002")
    assert refusal(await admin.client.delete("/admin/reviews/abc")) == (400, "JIUCOM-401")
    assert data(await admin.client.delete(path)) is None
    assert refusal(await admin.client.delete(path)) == (404, "JIUCOM-R001")
    async with state.db.read() as session:
        rows = await session.fetch_rows(
            "SELECT actor_id, action, before_state->>'$.content' FROM audit_log"
            " WHERE target_type = 'REVIEW' AND target_id = %s",
            (bad,),
        )
    assert list(rows) == [(admin.id, "REVIEW_DELETED", "광고")]
