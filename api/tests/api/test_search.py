"""Search over everything, suggestions, search and rankings of the catalogue.

`tests/db/test_search.py` tests what the plans find; here each operation is called with a sample.
"""

import re
import secrets
from typing import Any

import httpx
import pytest

from jiucom.domains.search import queries
from jiucom.state import AppState
from testing.clients import User
from testing.shop import Shop

pytestmark = pytest.mark.anyio


async def search(client: httpx.AsyncClient, **query: Any) -> dict[str, list[dict[str, Any]]]:
    response = await client.get("/search", params=query)
    assert response.status_code == 200, response.text
    data: dict[str, list[dict[str, Any]]] = response.json()["data"]
    return data


@pytest.mark.parametrize(
    ("keyword", "first"),
    [
        ("Ryzen 7", "AMD Ryzen 7 7800X3D"),
        ("80+ gold", "Corsair RM850x 850W 80+ Gold"),
        ("램 32GB", "Samsung DDR5 32GB (16GBx2) 5600MHz"),
        ("adeo", "AMD Radeon RX 7900 XTX"),
        ("쿨러 360", "NZXT Kraken 360 RGB"),
        ("삼성 SSD", "Samsung 990 PRO 1TB NVMe"),
    ],
)
async def test_the_named_part_comes_first_everywhere(client: httpx.AsyncClient, keyword: str, first: str) -> None:
    assert (await search(client, keyword=keyword))["parts"][0]["name"] == first
    for path in ("/parts/search", "/parts"):
        data = (await client.get(path, params={"keyword": keyword})).json()["data"]
        assert data["content"][0]["name"] == first


async def test_parts_have_the_documented_fields(client: httpx.AsyncClient) -> None:
    part = (await search(client, keyword="7800X3D"))["parts"][0]
    assert set(part) == {"id", "name", "category", "manufacturer", "lowestPrice", "imageUrl"}


@pytest.mark.parametrize("keyword", ["%", "_", "'", '"', "\\", "+-><()~*@", "%s", "없는것", "a" * 100, "' OR 1=1 --"])
async def test_search_operators_are_taken_literally(client: httpx.AsyncClient, keyword: str) -> None:
    assert (await search(client, keyword=keyword))["parts"] == []
    assert (await client.get("/search/suggest", params={"keyword": keyword})).json()["data"]["partNames"] == []


async def test_posts_and_builds(client: httpx.AsyncClient, user: User, shop: Shop) -> None:
    """Every public build is searched; private and deleted ones never."""
    word = f"낱말{secrets.token_hex(4)}"
    async with shop.state.db.transaction() as tx:
        posts = [
            await tx.insert(
                "INSERT INTO posts (user_id, board_type, title, content, is_deleted) VALUES (%s, 'FREE', %s, %s, %s)",
                (user.id, title, content, deleted),
            )
            for title, content, deleted in (
                (f"{word} 제목", "내용", False),
                ("제목", f"내용 속 {word}", False),
                (f"{word} 지워짐", "내용", True),
            )
        ]
        builds = [
            await tx.insert(
                "INSERT INTO builds (user_id, name, description, is_public, is_deleted) VALUES (%s, %s, %s, %s, %s)",
                (user.id, name, description, public, deleted),
            )
            for name, description, public, deleted in (
                ("견적", f"설명 {word}", True, False),
                (f"{word} 견적", None, True, False),
                (f"{word} 비공개", None, False, False),
                (f"{word} 지워짐", None, True, True),
            )
        ]
    hits = await search(client, keyword=word)
    assert hits["parts"] == []
    assert [post["id"] for post in hits["posts"]] == [posts[1], posts[0]]
    assert hits["posts"][1] == {
        "id": posts[0], "title": f"{word} 제목", "boardType": "FREE", "authorNickname": user.nickname, "viewCount": 0,
        "likeCount": 0, "commentCount": 0,
    }  # fmt: skip
    assert hits["builds"] == [
        {
            "id": build, "name": name, "description": description, "totalPrice": 0, "likeCount": 0,
            "userNickname": user.nickname, "ownerNickname": user.nickname,
        }
        for build, name, description in ((builds[1], f"{word} 견적", None), (builds[0], "견적", f"설명 {word}"))
    ]  # fmt: skip
    for kind, field in (("POST", "posts"), ("BUILD", "builds"), ("build", "builds")):
        only = await search(client, keyword=word, type=kind)
        assert {name for name, found in only.items() if found} == {field}
    for other in ("all", "USER", "%"):
        assert await search(client, keyword=word, type=other) == hits


async def test_pages_are_cut_by_the_client(client: httpx.AsyncClient, shop: Shop) -> None:
    """The same hits for every page, more than one page has."""
    word = f"쪽{secrets.token_hex(4)}"
    for number in range(12):
        await shop.part(name=f"{word} 부품 {number}")
    assert len((await search(client, keyword=word))["parts"]) == 10
    assert len((await search(client, keyword=word, size=3))["parts"]) == 3
    pages = [await search(client, keyword=word, page=page, size=3) for page in (0, 1, 3, 10_001)]
    assert len(pages[0]["parts"]) == 12
    assert all(page == pages[0] for page in pages)


async def test_a_blank_keyword_finds_the_whole_catalogue(client: httpx.AsyncClient) -> None:
    hits = await search(client, keyword=" ", size=5)
    assert (len(hits["parts"]), len(hits["posts"])) == (5, 5)
    assert await search(client, keyword="", size=5) == hits
    for blank in ("", " "):
        assert (await client.get("/search/suggest", params={"keyword": blank})).json()["data"] == {
            "partNames": [],
            "postTitles": [],
            "suggestions": [],
        }


@pytest.mark.parametrize(
    ("query", "field"),
    [("", "keyword"), ("keyword=a&size=0", "size"), ("keyword=a&size=101", "size"), ("keyword=a&page=-1", "page"),
     (f"keyword=a&type={'a' * 31}", "type"), (f"keyword={'a' * 101}", "keyword"), ("keyword=%00", "keyword")],
)  # fmt: skip
async def test_search_refuses_wrong_queries(client: httpx.AsyncClient, query: str, field: str) -> None:
    response = await client.get(f"/search?{query}")
    assert (response.status_code, response.json()["code"]) == (400, "JIUCOM-401")
    assert [error["field"] for error in response.json()["errors"]] == [field]


async def test_suggestions_are_prefixes(client: httpx.AsyncClient, user: User, shop: Shop) -> None:
    word = f"앞{secrets.token_hex(4)}"
    names = [f"{word} {letter}" for letter in "fbdace"]
    for name in (*names, f"{word} a", f"뒤 {word}"):
        await shop.part(name=name)
    async with shop.state.db.transaction() as tx:
        for title in (f"{word} a", f"{word} 글"):
            await tx.insert(
                "INSERT INTO posts (user_id, board_type, title, content) VALUES (%s, 'FREE', %s, '내용')",
                (user.id, title),
            )
    data = (await client.get("/search/suggest", params={"keyword": word.upper()})).json()["data"]
    assert data["partNames"] == sorted(names)[:5]
    assert data["postTitles"] == [f"{word} 글", f"{word} a"]
    assert data["suggestions"] == [*sorted(names)[:5], f"{word} 글"]
    assert (await client.get("/search/suggest")).status_code == 400


async def test_a_suggestion_reads_few_of_many_titles(client: httpx.AsyncClient, user: User, state: AppState) -> None:
    """With the first letter typed, thousands of titles begin like that: they are not all read and sorted."""
    word = f"꿻{secrets.token_hex(4)}"
    rows = " SELECT %s, 'FREE', CONCAT(%s, n), '내용' FROM JSON_TABLE(%s, '$[*]' COLUMNS (n INT PATH '$')) AS numbers"
    async with state.db.transaction() as tx:
        await tx.execute(
            f"INSERT INTO posts (user_id, board_type, title, content){rows}",
            (user.id, word, str(list(range(1000, 4000)))),
        )
    try:
        data = (await client.get("/search/suggest", params={"keyword": word[0]})).json()["data"]
        assert len(data["postTitles"]) == 5
        # The newest of them.
        assert data["postTitles"][0] == f"{word}{1000 + queries.BEGINNING - 1}"
        async with state.db.read() as session:
            plan = await session.fetch_value(f"EXPLAIN ANALYZE {queries.POST_TITLES}", (f"{word[0]}%", 5))
        assert max(map(int, re.findall(r"actual time=\S+ rows=(\d+)", plan))) == queries.BEGINNING, plan
    finally:
        async with state.db.transaction() as tx:
            await tx.execute("UPDATE posts SET is_deleted = TRUE WHERE title LIKE %s", (f"{word}%",))


async def test_parts_search_filters_and_pages(client: httpx.AsyncClient) -> None:
    data = (await client.get("/parts/search?keyword=samsung&category=SSD&size=1")).json()["data"]
    assert (data["totalElements"], data["content"][0]["category"]) == (2, "SSD")
    for query in (
        "",
        "keyword=",
        "keyword=%20",
        "keyword=a&category=PC",
        "keyword=a&size=101",
        "keyword=a&minPrice=-1",
    ):
        assert (await client.get(f"/parts/search?{query}")).status_code == 400


async def test_popular_and_ranking(client: httpx.AsyncClient, user: User, shop: Shop) -> None:
    part = await shop.part(category="KEYBOARD")
    unpopular = await shop.part(category="KEYBOARD")
    await shop.part(category="KEYBOARD", deleted=True)
    async with shop.state.db.transaction() as tx:
        await tx.execute("UPDATE parts SET popularity_score = 99 WHERE id = %s", (part,))
        await tx.execute("INSERT INTO favorites (user_id, part_id) VALUES (%s, %s)", (user.id, part))
        for author, rating in ((user.id, 4), (1, 5)):
            await tx.execute(
                "INSERT INTO reviews (user_id, part_id, rating, content) VALUES (%s, %s, %s, '좋음')",
                (author, part, rating),
            )
    popular = (await client.get("/parts/popular?category=KEYBOARD")).json()["data"]
    assert [item["id"] for item in popular] == [part, unpopular]
    ranking = (await client.get("/parts/ranking?category=KEYBOARD")).json()["data"]
    numbers = [
        (item["id"], item["rank"], item["favoriteCount"], item["reviewCount"], item["averageRating"])
        for item in ranking
    ]
    assert numbers == [(part, 1, 1, 2, 4.5), (unpopular, 2, 0, 0, None)]
    assert [item["rank"] for item in (await client.get("/parts/ranking")).json()["data"]] == list(range(1, 11))
    for path in ("/parts/popular", "/parts/ranking"):
        assert len((await client.get(f"{path}?size=3")).json()["data"]) == 3
        assert (await client.get(f"{path}?size=0")).status_code == 400
        assert (await client.get(f"{path}?category=pc")).status_code == 400
