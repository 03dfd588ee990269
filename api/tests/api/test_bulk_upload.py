"""POST /admin/parts/bulk-upload: parts and offers as CSV or JSON, up to 20,000 lines in one transaction."""

import asyncio
import csv
import io
import json
import secrets
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from jiucom.settings import Settings
from testing.clients import User, client_of, started
from testing.shop import Shop

pytestmark = pytest.mark.anyio

PATH = "/admin/parts/bulk-upload"


def line(name: str, **values: Any) -> dict[str, Any]:
    return {"name": name, "category": "ETC", "manufacturer": "시험", **values}


def as_csv(rows: list[dict[str, Any]]) -> str:
    """Rows with the union of their columns."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


async def post_csv(admin: User, content: str | bytes, **query: Any) -> httpx.Response:
    return await admin.client.post(PATH, params=query, content=content, headers={"Content-Type": "text/csv"})


class Uploaded:
    """Parts by a word in their names."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.word = f"묶음{secrets.token_hex(4)}"

    async def parts(self) -> dict[str, int]:
        found = await self.shop.rows("SELECT name, id FROM parts WHERE name LIKE %s ORDER BY id", f"{self.word}%")
        for _, part in found:
            self.shop.adopt(part)
        return dict(found)


@pytest.fixture
def uploaded(shop: Shop) -> Uploaded:
    return Uploaded(shop)


async def test_json_creates_parts_and_listings(admin: User, uploaded: Uploaded, client: httpx.AsyncClient) -> None:
    a, b = f"{uploaded.word} A", f"{uploaded.word} B"
    rows = [
        line(a, modelNumber="M-1", specs={"socket": "AM5"}, seller="다나와", price=1000),
        line(a.lower(), sellerId=2, price=900, productUrl="https://shop.example.com/1"),
        line(a, sellerId=3, price=1, available=False),
        line(b, category="PSU", lowestPrice=50, highestPrice=60),
    ]
    response = await admin.client.post(PATH, json=rows)
    assert response.status_code == 200, response.text
    assert response.json()["data"] == {
        "dryRun": False, "lines": 4, "partsCreated": 2, "partsUpdated": 0, "listings": 3, "errorCount": 0, "errors": [],
    }  # fmt: skip
    parts = await uploaded.parts()
    detail = (await client.get(f"/parts/{parts[a]}")).json()["data"]
    assert (detail["modelNumber"], detail["specs"]) == ("M-1", {"socket": "AM5"})
    assert (detail["lowestPrice"], detail["highestPrice"]) == (900, 1000)
    assert [(offer["price"], offer["available"]) for offer in detail["prices"]] == [
        (1, False),
        (900, True),
        (1000, True),
    ]
    other = (await client.get(f"/parts/{parts[b]}")).json()["data"]
    assert (other["category"], other["lowestPrice"], other["highestPrice"]) == ("POWER_SUPPLY", 50, 60)
    history = await uploaded.shop.rows(
        "SELECT seller_id, price FROM price_history WHERE part_id = %s ORDER BY seller_id", detail["id"]
    )
    assert history == [(1, 1000), (2, 900)]
    ((action, after),) = await uploaded.shop.rows(
        "SELECT action, after_state FROM audit_log WHERE actor_id = %s", admin.id
    )
    assert (action, json.loads(after)) == ("PARTS_UPLOADED", {"created": 2, "updated": 0, "listings": 3})


async def test_prices_of_new_and_old_parts_are_set(admin: User, uploaded: Uploaded) -> None:
    """They hold when the offers are gone."""
    old, name = await uploaded.shop.part(lowest=10, highest=20), f"{uploaded.word} 1"
    rows = [
        line(name, lowestPrice=30, sellerId=1, price=5),
        {"partId": old, "lowestPrice": 15, "sellerId": 1, "price": 5},
    ]
    assert (await admin.client.post(PATH, json=rows)).status_code == 200
    new = (await uploaded.parts())[name]
    assert [await uploaded.shop.prices(part) for part in (new, old)] == [(5, 5), (5, 5)]
    for part in (new, old):
        await uploaded.shop.offer(part, 1, 5, available=False)
    assert [await uploaded.shop.prices(part) for part in (new, old)] == [(30, None), (15, 20)]


async def test_the_same_file_twice_changes_nothing(admin: User, uploaded: Uploaded) -> None:
    rows = [line(f"{uploaded.word} {n}", seller="쿠팡", price=1000 + n) for n in range(3)]
    first, second = [(await post_csv(admin, as_csv(rows))).json()["data"] for _ in range(2)]
    assert (first["partsCreated"], first["partsUpdated"], first["listings"]) == (3, 0, 3)
    assert (second["partsCreated"], second["partsUpdated"], second["listings"]) == (0, 3, 3)
    parts = await uploaded.parts()
    assert len(parts) == 3
    entries = await uploaded.shop.rows(
        "SELECT COUNT(*) FROM price_entries JOIN parts ON parts.id = part_id WHERE name LIKE %s", f"{uploaded.word}%"
    )
    assert entries == [(3,)]


async def test_uploads_at_the_same_time_follow_each_other(admin: User, uploaded: Uploaded) -> None:
    rows = [line(f"{uploaded.word} {n}", seller="쿠팡", price=1000 + n) for n in range(100)]
    answers = await asyncio.gather(*(post_csv(admin, as_csv(rows)) for _ in range(3)))
    assert sorted(answer.json()["data"]["partsCreated"] for answer in answers) == [0, 0, 100]
    assert await uploaded.shop.rows("SELECT COUNT(*) FROM parts WHERE name LIKE %s", f"{uploaded.word}%") == [(100,)]
    await uploaded.parts()


async def test_uploads_have_a_limit_of_their_own(
    database: Settings, application: object, changed: Callable[..., Settings], admin: User
) -> None:
    async with started(changed(rate_limit_upload=2)) as app, client_of(app, admin.token) as client:
        answers = [await client.post(PATH, json=[{}]) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 429]


async def test_listings_alone_leave_parts_as_they_are(
    admin: User, user: User, uploaded: Uploaded, client: httpx.AsyncClient
) -> None:
    part = await uploaded.shop.part(lowest=1000)
    assert (await client.get(f"/prices/parts/{part}")).json()["data"]["prices"] == []
    await user.client.post("/prices/alerts", json={"partId": part, "targetPrice": 700})
    response = await post_csv(admin, f"partId,sellerId,price\n{part},1,700\n{part},1,650\n")
    data = response.json()["data"]
    assert (data["partsCreated"], data["partsUpdated"], data["listings"]) == (0, 0, 1)
    # The last line about a listing counts; caches and alerts follow.
    prices = (await client.get(f"/prices/parts/{part}")).json()["data"]["prices"]
    assert [offer["price"] for offer in prices] == [650]
    await uploaded.shop.worked_off()
    assert len(await uploaded.shop.rows("SELECT 1 FROM notifications WHERE user_id = %s", user.id)) == 1


async def test_updates_by_id_change_the_given_fields_only(admin: User, shop: Shop, client: httpx.AsyncClient) -> None:
    part = await shop.part(lowest=10, highest=20)
    response = await admin.client.post(PATH, json=[{"partId": part, "manufacturer": "다른 곳"}])
    assert response.json()["data"]["partsUpdated"] == 1
    data = (await client.get(f"/parts/{part}")).json()["data"]
    assert (data["name"], data["manufacturer"], data["lowestPrice"]) == (shop.name(part), "다른 곳", 10)


async def test_lines_mean_the_part_that_had_the_name_before(admin: User, uploaded: Uploaded) -> None:
    part = await uploaded.shop.part()
    before, after = uploaded.shop.name(part), f"{uploaded.word} 새 이름"
    rows = [line(before, sellerId=1, price=5), {"partId": part, "name": after}, line(f"{uploaded.word} 다른 부품")]
    data = (await admin.client.post(PATH, json=rows)).json()["data"]
    assert (data["partsCreated"], data["partsUpdated"], data["listings"]) == (1, 1, 1)
    assert (await uploaded.parts())[after] == part
    assert await uploaded.shop.prices(part) == (5, 5)


async def test_one_name_is_one_part(admin: User, uploaded: Uploaded) -> None:
    part = await uploaded.shop.part()
    new, roman, latin = f"{uploaded.word} B", f"{uploaded.word} Classic Ⅱ", f"{uploaded.word} Classic II"
    for rows in (
        [{"partId": part, "name": new}, line(new, category="ETC", sellerId=1, price=7)],
        [line(latin, sellerId=1, price=7), line(roman, sellerId=1, price=8)],
    ):
        response = await admin.client.post(PATH, json=rows)
        assert response.status_code == 400, response.text
        assert [error["field"] for error in response.json()["errors"]] == ["lines[2].name"]
        report = (await admin.client.post(PATH, params={"dryRun": "true"}, json=rows)).json()["data"]
        assert (report["errorCount"], report["partsCreated"]) == (1, 0)
    assert await uploaded.parts() == {}
    # A part that exists is no other matter.
    assert (await admin.client.post(PATH, json=[line(latin)])).status_code == 200
    assert (await admin.client.post(PATH, json=[line(roman)])).json()["data"]["partsUpdated"] == 1
    assert (await admin.client.post(PATH, json=[line(latin), line(roman)])).status_code == 400
    assert len(await uploaded.parts()) == 1


async def test_dry_run_stores_nothing(admin: User, uploaded: Uploaded, client: httpx.AsyncClient) -> None:
    part = await uploaded.shop.part(lowest=1000)
    rows = [line(f"{uploaded.word} 1", seller="다나와", price=5), {"partId": part, "sellerId": 1, "price": 5}]
    response = await admin.client.post(PATH, params={"dryRun": "true"}, json=rows)
    data = response.json()["data"]
    assert (data["dryRun"], data["partsCreated"], data["listings"], data["errorCount"]) == (True, 1, 2, 0)
    assert await uploaded.parts() == {}
    assert await uploaded.shop.prices(part) == (1000, None)
    assert await uploaded.shop.rows("SELECT 1 FROM audit_log WHERE actor_id = %s", admin.id) == []
    assert (await client.get(f"/prices/parts/{part}")).json()["data"]["prices"] == []


WRONG = (
    "name,category,manufacturer,seller,price,partId\r\n"
    '"이름\n둘째 줄",CPU,AMD,,,\r\n'  # lines 2 and 3: a name is one line
    ",,,,,\r\n"  # empty: left out
    ",CPU,,,x,\r\n"
    "이름,없음,AMD,없는 판매처,100,\r\n"
    "이름,CPU,AMD,다나와,,\r\n"
    "이름,CPU,AMD,,100,\r\n"
    ",,,,,1,,\r\n"
)


async def test_errors_are_reported_by_line_and_column(admin: User, uploaded: Uploaded) -> None:
    expected = [(2, "name"), (5, "price"), (6, "category"), (7, "price"), (8, "seller"), (9, "")]
    report = (await post_csv(admin, WRONG, dryRun="true")).json()["data"]
    assert [(error["line"], error["column"]) for error in report["errors"]] == expected
    assert (report["lines"], report["errorCount"], report["partsCreated"]) == (6, 6, 0)
    response = await post_csv(admin, WRONG)
    assert (response.status_code, response.json()["code"]) == (400, "JIUCOM-401")
    assert [error["field"] for error in response.json()["errors"]] == [
        f"lines[{number}].{column}" for number, column in expected
    ]


async def test_unknown_parts_and_sellers_are_reported_by_line(admin: User, uploaded: Uploaded) -> None:
    deleted, closed = await uploaded.shop.part(deleted=True), await uploaded.shop.seller(status="PENDING")
    rows = [
        line(f"{uploaded.word} 1", seller="다나와", price=5),
        line(f"{uploaded.word} 2", seller="없는 판매처", price=5),
        {"partId": deleted, "sellerId": 1, "price": 5},
        {"partId": 1, "sellerId": closed, "price": 5},
        {"partId": 999_999_999},
    ]
    response = await admin.client.post(PATH, json=rows)
    assert response.status_code == 400
    assert {error["field"] for error in response.json()["errors"]} == {
        "lines[2].seller", "lines[3].partId", "lines[4].sellerId", "lines[5].partId",
    }  # fmt: skip
    assert await uploaded.parts() == {}


async def test_lines_without_a_part_are_refused(admin: User) -> None:
    response = await admin.client.post(PATH, json=[{}, "x", {"name": "가" * 201, "price": 0}])
    fields = [error["field"] for error in response.json()["errors"]]
    assert {"lines[1].name", "lines[1].category", "lines[1].manufacturer", "lines[2].", "lines[3].name"} <= set(fields)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
async def test_encodings_of_spreadsheets(admin: User, uploaded: Uploaded, encoding: str) -> None:
    text = as_csv([line(f"{uploaded.word} 한글", specs='{"소켓": "AM5"}', available="true")])
    response = await post_csv(admin, text.encode(encoding))
    assert response.json()["data"]["partsCreated"] == 1, response.text
    assert list(await uploaded.parts()) == [f"{uploaded.word} 한글"]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("Intel®Core", "latin-1"), ("65°C", "latin-1"), ("µATX", "latin-1"), ("Café", "latin-1"), ("™Tool", "cp1252")],
)
async def test_other_encodings_are_refused(admin: User, text: str, encoding: str) -> None:
    """Read as CP949 they would be other characters: Intel췈ore."""
    content = f"name,category,manufacturer\r\n{text},ETC,x\r\n"
    response = await post_csv(admin, content.encode(encoding))
    assert (response.status_code, response.json()["code"]) == (400, "JIUCOM-400")


@pytest.mark.parametrize("text", ["Intel®Core™", "65℃", "똠방각하 펲시콜라"])
async def test_cp949_is_read(admin: User, uploaded: Uploaded, text: str) -> None:
    name = f"{uploaded.word} {text}"
    response = await post_csv(admin, as_csv([line(name)]).encode("cp949"))
    assert response.status_code == 200, response.text
    assert list(await uploaded.parts()) == [name]


@pytest.mark.parametrize("price", ["lowestPrice", "highestPrice", "price"])
async def test_prices_of_zero_are_refused(admin: User, uploaded: Uploaded, price: str) -> None:
    """Spreadsheets write 0 where there is no price."""
    rows = [line(f"{uploaded.word} 0", **{price: 0}, **({"sellerId": 1} if price == "price" else {}))]
    for response in (await admin.client.post(PATH, json=rows), await post_csv(admin, as_csv(rows))):
        assert response.status_code == 400
        assert price in response.json()["errors"][0]["field"]
    assert await uploaded.parts() == {}


async def test_a_hundred_errors_are_told(admin: User) -> None:
    rows = [{"name": "x", "price": -1}] * 1000
    report = (await admin.client.post(PATH, params={"dryRun": "true"}, json=rows)).json()["data"]
    assert (len(report["errors"]), report["errorCount"]) == (100, 1000)
    response = await admin.client.post(PATH, json=rows)
    assert (response.status_code, len(response.json()["errors"])) == (400, 100)
    assert "1,000" in response.json()["message"]
    assert len(response.content) < 64 * 1024


@pytest.mark.parametrize(
    ("name", "content"),
    [("parts.csv", "name,category,manufacturer\r\n{},ETC,시험"),
     ("parts.json", '[{{"name": "{}", "category": "ETC", "manufacturer": "시험"}}]')],
)  # fmt: skip
async def test_files_of_forms(admin: User, uploaded: Uploaded, name: str, content: str) -> None:
    body = content.format(f"{uploaded.word} 폼").encode()
    response = await admin.client.post(PATH, files={"file": (name, body, "application/octet-stream")})
    assert response.json()["data"]["partsCreated"] == 1, response.text
    assert len(await uploaded.parts()) == 1
    assert (await admin.client.post(PATH, files={"other": (name, body)})).status_code == 400


@pytest.mark.parametrize(
    ("kind", "content", "status"),
    [
        ("text/csv", b"", 400),
        ("text/csv", b"\xff\xfe\x00", 400),
        ("text/csv", b'name,category\n"x', 400),
        ("text/csv", b"name,nmae\n", 400),
        ("text/csv", b"name,name\n", 400),
        ("text/csv", b"name\n" + b"x\n" * 20_001, 400),
        ("application/json", b"{", 400),
        ("application/json", b"{}", 400),
        ("application/json", b"[" + b"{}," * 20_000 + b"{}]", 400),
        ("application/json", b"[" * 100_000, 400),
        ("application/json", b"[{}", 400),
        ("application/json", b"[{}}", 400),
        ("application/json", b"[{},]", 400),
        ("application/json", b"[{}]]", 400),
        ("application/json", b"[{} {}]", 400),
        ("application/json", b'["', 400),
        ("application/json", b'["' + b"x" * 10_000_000 + b'"]', 400),
        ("application/json", b"[" + b"[" * 70 + b"]" * 70 + b"]", 400),
        ("application/json", b"[" + b"{}," * 3_000_000 + b"{}]", 400),
        ("text/csv", b"x" * 10_000_000, 400),
        ("text/csv", b"," * 10_000_000, 400),
        ("text/csv", b'name\n"' + b"\n" * 9_000_000, 400),
        ("text/csv", b"a," * 100_000, 400),
        ("text/csv", b"x" * (10 * 1024 * 1024 + 1), 413),
        ("text/plain", b"name\n", 415),
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nbroken", 400),
    ],
)
async def test_files_that_cannot_be_read(admin: User, kind: str, content: bytes, status: int) -> None:
    response = await admin.client.post(PATH, content=content, headers={"Content-Type": kind})
    assert response.status_code == status, response.text
    assert response.json()["success"] is False


async def test_twenty_thousand_lines(admin: User, uploaded: Uploaded) -> None:
    rows = [
        line(f"{uploaded.word} {n // 2}", modelNumber=f"M{n // 2}", sellerId=1 + n % 2, price=1000 + n)
        for n in range(20_000)
    ]
    response = await post_csv(admin, as_csv(rows))
    assert response.status_code == 200, response.text
    data = response.json()["data"]
    assert (data["lines"], data["partsCreated"], data["listings"]) == (20_000, 10_000, 20_000)
    like = f"{uploaded.word}%"
    assert await uploaded.shop.rows(
        "SELECT COUNT(*), COUNT(DISTINCT lowest_price), SUM(highest_price = lowest_price + 1) FROM parts"
        " WHERE name LIKE %s", like
    ) == [(10_000, 10_000, 10_000)]  # fmt: skip
    async with uploaded.shop.state.db.transaction() as tx:
        await tx.execute("UPDATE parts SET is_deleted = TRUE WHERE name LIKE %s", (like,))
