"""Uploads of parts and offers, in one transaction."""

import asyncio
from collections.abc import AsyncIterator, Callable, Container, Mapping
from typing import Any, NamedTuple

from jiucom import audit
from jiucom.auth.principal import Principal
from jiucom.batches import batches
from jiucom.db import WriteSession
from jiucom.domains.admin_parts import queries
from jiucom.domains.admin_parts.bulk_lines import Upload
from jiucom.domains.admin_parts.schemas import BulkReport, Line
from jiucom.domains.prices import changes
from jiucom.domains.prices.change_queries import Offer
from jiucom.errors import ApiError, ErrorCode, FieldError
from jiucom.state import AppState

_BATCH = 500
# After so many lines the event loop runs other tasks: 20,000 lines would block it for too long.
_TURN = 1000
_NO_PART = "부품을 찾을 수 없습니다"
_NO_SELLER = "영업 중인 판매처를 찾을 수 없습니다"
_SPELLED_TWICE = "앞의 줄과 같은 부품을 다르게 적었습니다. 같은 이름으로 적어 주세요"
_TWO_PARTS = "partId로 이름을 바꾸는 부품과 새 부품의 이름이 같습니다. 한쪽을 partId로 적거나 다른 이름을 주세요"


class _Counts(NamedTuple):
    created: int = 0
    updated: int = 0
    listings: int = 0


class _UndoneError(Exception):
    """Rolls back a dry run, or an upload with errors."""

    def __init__(self, counts: _Counts) -> None:
        super().__init__()
        self.counts = counts


async def upload(
    app: AppState, admin: Principal, read: Callable[[], Upload], address: str, *, dry_run: bool
) -> BulkReport:
    """Store the lines that `read` returns. A dry run does the same and rolls back.

    Raises ApiError 400 with the first hundred errors when lines are wrong and it is no dry run.
    """
    # Reading 20,000 lines would block the event loop.
    given = await asyncio.to_thread(read)

    async def work(tx: WriteSession) -> _Counts:
        counts = await _store(tx, app, given)
        if dry_run or given.errors:
            raise _UndoneError(counts)
        await audit.record(tx, admin.user_id, "PARTS_UPLOADED", "PART", None, None, counts._asdict(), address)
        return counts

    counts = _Counts()
    if not given.errors:
        try:
            counts = await app.db.write(work)
        except _UndoneError as undone:
            counts = undone.counts
    if given.errors and not dry_run:
        message = f"{given.error_count:,}개의 오류가 있어 아무것도 저장하지 않았습니다."
        errors = [FieldError(f"lines[{each.line}].{each.column}", each.message) for each in given.errors]
        raise ApiError(ErrorCode.INVALID_INPUT, message, errors=errors)
    return BulkReport(dry_run, given.count, *counts, given.error_count, given.errors)


async def _store(tx: WriteSession, app: AppState, given: Upload) -> _Counts:
    """Write all lines. Notes an error for each line that names an unknown part or shop, and then writes nothing."""
    await queries.lock_uploads(tx)
    known = await _known_parts(tx, given)
    sellers = await _known_sellers(tx, given)
    if given.errors:
        return _Counts()
    await changes.lock(tx, set(known.values()))
    new: dict[Any, dict[str, Any]] = {}
    old: dict[int, dict[str, Any]] = {}
    async for _, line in _in_turns(given):
        key, values = _part_key(line), line.values()
        if key not in known:
            new.setdefault(key, {}).update(values)
        elif values:
            old.setdefault(known[key], {}).update(values)
    for batch in batches(new.values(), _BATCH):
        await queries.insert(tx, batch)
    # Looked up before parts are renamed: a line means the part that had this name before the upload.
    known.update(await _named(tx, given, new))
    for batch in batches(({"id": part_id, **values} for part_id, values in old.items()), _BATCH):
        await queries.update(tx, batch)
    await _note_same_names(given, known, await _named(tx, given, new))
    if given.errors:
        return _Counts()
    priced = {**old, **{known[key]: values for key, values in new.items()}}
    for batch in batches(({"id": part_id, **values} for part_id, values in priced.items()), _BATCH):
        await queries.set_prices(tx, batch)
    offers = {
        (known[_part_key(line)], sellers[_seller_key(line)]): Offer(
            known[_part_key(line)], sellers[_seller_key(line)], line.price, line.product_url, line.available
        )
        async for _, line in _in_turns(given)
        if line.price is not None
    }
    await changes.put(tx, app.cache, app.clock, list(offers.values()))
    await changes.settle(tx, app.cache, set(known.values()) - {part_id for part_id, _ in offers})
    return _Counts(len(new), len(old), len(offers))


async def _known_parts(tx: WriteSession, given: Upload) -> dict[Any, int]:
    """Existing parts by the key of their lines. Notes an error for each unknown id."""
    known: dict[Any, int] = {}
    for batch in batches({line.part_id async for _, line in _in_turns(given) if line.part_id is not None}, _BATCH):
        known.update({part_id: part_id for part_id in await queries.existing(tx, batch)})
    known.update(await _named(tx, given))
    async for number, line in _in_turns(given):
        if line.part_id is not None and line.part_id not in known:
            given.wrong(number, "partId", _NO_PART)
    return known


async def _named(tx: WriteSession, given: Upload, only: Container[Any] | None = None) -> dict[Any, int]:
    """Parts with the category and name of a line, by the key of the line; only the keys `only`, if given."""
    named = {_part_key(line): line async for _, line in _in_turns(given) if line.part_id is None}
    found: dict[Any, int] = {}
    for keys in batches((key for key in named if only is None or key in only), _BATCH):
        wanted = [(n, str(named[key].category), str(named[key].name)) for n, key in enumerate(keys)]
        found.update({keys[n]: part_id for n, part_id in (await queries.by_names(tx, wanted)).items()})
    return found


async def _note_same_names(given: Upload, known: Mapping[Any, int], now: Mapping[Any, int]) -> None:
    """Note lines that would leave two parts with one name. More names are equal to the database than to Python: II and Ⅱ."""
    spelled: dict[int, Any] = {}
    async for number, line in _in_turns(given):
        key = _part_key(line)
        if line.part_id is None and spelled.setdefault(known[key], key) != key:
            given.wrong(number, "name", _SPELLED_TWICE)
        elif now.get(key, known[key]) != known[key]:
            given.wrong(number, "name", _TWO_PARTS)


async def _known_sellers(tx: WriteSession, given: Upload) -> dict[Any, int]:
    """Open shops by the key of their lines. Notes an error for each unknown shop."""
    known: dict[Any, int] = {}
    for keys in batches({_seller_key(line) async for _, line in _in_turns(given) if line.price is not None}, _BATCH):
        found = await queries.sellers(tx, [(n, *key) for n, key in enumerate(keys)])
        known.update({keys[n]: seller_id for n, seller_id in found.items()})
    async for number, line in _in_turns(given):
        if line.price is not None and _seller_key(line) not in known:
            given.wrong(number, "seller" if line.seller_id is None else "sellerId", _NO_SELLER)
    return known


async def _in_turns(given: Upload) -> AsyncIterator[tuple[int, Line]]:
    """The lines with their numbers; lets other tasks run every _TURN lines."""
    for count, each in enumerate(given.lines):
        if count % _TURN == 0:
            await asyncio.sleep(0)
        yield each


def _part_key(line: Line) -> Any:
    """The key of a line's part: its id, or category and name, ignoring case."""
    if line.part_id is not None:
        return line.part_id
    return line.category, (line.name or "").casefold()


def _seller_key(line: Line) -> tuple[int | None, str | None]:
    return line.seller_id, None if line.seller_id is not None else line.seller
