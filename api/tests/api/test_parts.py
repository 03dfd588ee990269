"""GET /parts, /part, /parts/categories, /parts/{partId} (G1)."""

import httpx
import pytest

from jiucom.domains.parts.schemas import PartCategory
from testing.clients import User
from testing.shop import Shop

pytestmark = pytest.mark.anyio


@pytest.fixture
def client(seeded_client: httpx.AsyncClient) -> httpx.AsyncClient:
    return seeded_client


async def names(client: httpx.AsyncClient, **query: object) -> list[str]:
    response = await client.get("/parts", params={key: str(value) for key, value in query.items()})
    assert response.status_code == 200, response.text
    return [part["name"] for part in response.json()["data"]["content"]]


async def test_list_has_the_page_shape(client: httpx.AsyncClient) -> None:
    body = (await client.get("/parts", params={"size": 5})).json()
    assert list(body) == ["success", "message", "data", "timestamp"]
    assert body["success"] is True
    page = body["data"]
    assert {key: page[key] for key in page if key != "content"} == {
        "page": 0, "number": 0, "size": 5, "totalElements": 28, "totalPages": 6, "first": True, "last": False,
    }  # fmt: skip
    assert list(page["content"][0]) == [
        "id", "name", "category", "manufacturer", "imageUrl", "lowestPrice", "highestPrice", "specs",
    ]  # fmt: skip
    assert isinstance(page["content"][0]["specs"], dict)


async def test_part_is_the_same_endpoint(client: httpx.AsyncClient) -> None:
    """G1."""
    one, two = await client.get("/part?category=CPU"), await client.get("/parts?category=CPU")
    assert one.json()["data"] == two.json()["data"]
    assert {part["category"] for part in one.json()["data"]["content"]} == {"CPU"}
    assert one.json()["data"]["totalElements"] == 5


@pytest.mark.parametrize(
    ("sort", "key", "descending"),
    [
        ("price_asc", "lowestPrice", False),
        ("price_desc", "lowestPrice", True),
        ("name_asc", "name", False),
        ("name_desc", "name", True),
    ],
)
async def test_sorts(client: httpx.AsyncClient, sort: str, key: str, descending: bool) -> None:
    parts = (await client.get("/parts", params={"sort": sort, "size": 100})).json()["data"]["content"]
    values = [part[key].casefold() if isinstance(part[key], str) else part[key] for part in parts]
    # Names are compared by MySQL's collation: Hangul after Latin, as here.
    assert values == sorted(values, reverse=descending)


async def test_pages_neither_repeat_nor_miss(client: httpx.AsyncClient) -> None:
    whole = await names(client, size=100)
    pages = [name for page in range(10) for name in await names(client, page=page, size=3)]
    assert pages == whole
    assert len(set(whole)) == 28


async def test_price_filters_are_inclusive(client: httpx.AsyncClient) -> None:
    parts = (await client.get("/parts?minPrice=199000&maxPrice=249000&size=100")).json()["data"]["content"]
    prices = [part["lowestPrice"] for part in parts]
    assert prices
    assert min(prices) >= 199000
    assert max(prices) <= 249000
    exact = prices[0]
    again = (await client.get(f"/parts?minPrice={exact}&maxPrice={exact}")).json()["data"]["content"]
    assert {part["lowestPrice"] for part in again} == {exact}


async def test_keyword_finds_and_keeps_the_sort(client: httpx.AsyncClient) -> None:
    assert (await names(client, keyword="7800x3d"))[0] == "AMD Ryzen 7 7800X3D"
    found = (await client.get("/parts?keyword=RTX&sort=price_desc")).json()["data"]
    prices = [part["lowestPrice"] for part in found["content"]]
    assert len(prices) == found["totalElements"] == 4
    assert prices == sorted(prices, reverse=True)


@pytest.mark.parametrize(
    "limits", [{"minPrice": 0}, {"minPrice": 200_000}, {"maxPrice": 200_000}, {"maxPrice": 2**31 - 1}]
)
async def test_price_limits_mean_the_same_in_every_order(user: User, shop: Shop, limits: dict[str, int]) -> None:
    for price in (100_000, 300_000, None):
        await shop.part(lowest=price, highest=price)
    unsorted, *others = [
        (await user.client.get("/parts", params={**limits, "category": "ETC", "size": 100, **order})).json()["data"]
        for order in ({}, {"sort": "price_asc"}, {"sort": "price_desc"})
    ]
    ids = {part["id"] for part in unsorted["content"]}
    assert len(ids) == unsorted["totalElements"] > 0
    for other in others:
        # Without a price a part is within no limits, though it has a place in every order.
        assert {part["id"] for part in other["content"]} == ids
        assert other["totalElements"] == len(ids)


@pytest.mark.parametrize("keyword", ["%", "_", "'", '"', "\\", "+-*~<>()@", "%s", "%(x)s", "?"])
async def test_keyword_is_literal(client: httpx.AsyncClient, keyword: str) -> None:
    # "80+ Gold" and "(16GBx2)" hold some of these signs; no part holds the others.
    for name in await names(client, keyword=keyword):
        assert keyword in name


@pytest.mark.parametrize("empty", ["keyword=", "category=", "sort=", "sort=unknown", "minPrice=", "other=1"])
async def test_empty_and_unknown_parameters_do_not_filter(client: httpx.AsyncClient, empty: str) -> None:
    assert (await client.get(f"/parts?{empty}")).json()["data"]["totalElements"] == 28


async def test_every_wrong_parameter_is_named(client: httpx.AsyncClient) -> None:
    assert {
        (await client.get(f"/parts?{query}")).status_code
        for query in ("minPrice=null", "category=null", "minPrice=1e3")
    } == {400}
    response = await client.get("/parts?category=cpu&minPrice=-1&maxPrice=x&size=101&page=-1")
    body = response.json()
    assert response.status_code == 400
    assert body["code"] == "JIUCOM-401"
    assert body["success"] is False
    assert {error["field"] for error in body["errors"]} == {"category", "minPrice", "maxPrice", "size", "page"}
    assert "category: 다음 중 하나여야 합니다: CPU, GPU" in body["message"]


async def test_depth_is_capped(client: httpx.AsyncClient) -> None:
    assert (await client.get("/parts?page=100&size=100")).status_code == 200
    response = await client.get("/parts?page=101&size=100")
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == ["page"]


async def test_categories(client: httpx.AsyncClient) -> None:
    data = (await client.get("/parts/categories")).json()["data"]
    assert data == [category.value for category in PartCategory]
    assert len(data) == 13


async def test_detail(client: httpx.AsyncClient) -> None:
    for _ in ("from the database", "from the cache"):
        for path in ("/parts/1", "/part/1"):
            part = (await client.get(path)).json()["data"]
            assert part["name"] == "AMD Ryzen 7 7800X3D"
            assert part["modelNumber"] == "7800X3D"
            assert part["specs"]["socket"] == "AM5"
            assert list(part["prices"][0]) == ["id", "sellerName", "sellerUrl", "price", "productUrl", "available"]
            prices = [offer["price"] for offer in part["prices"]]
            assert prices == sorted(prices)
            assert part["prices"][0]["available"] is True


@pytest.mark.parametrize("part_id", ["0", "-1", "999999", "9223372036854775807"])
async def test_unknown_part(client: httpx.AsyncClient, part_id: str) -> None:
    response = await client.get(f"/parts/{part_id}")
    assert (response.status_code, response.json()["code"]) == (404, "JIUCOM-P001")


@pytest.mark.parametrize("part_id", ["abc", "1.5", "9223372036854775808", "9" * 400, "%00", "%ED%A0%80"])
async def test_malformed_id(client: httpx.AsyncClient, part_id: str) -> None:
    response = await client.get(f"/parts/{part_id}")
    assert (response.status_code, response.json()["code"]) == (400, "JIUCOM-401")
    assert [error["field"] for error in response.json()["errors"]] == ["partId"]
