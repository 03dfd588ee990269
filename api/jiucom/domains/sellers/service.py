"""Shops, applications and products."""

from datetime import timedelta

from jiucom.cache import Cache
from jiucom.clock import Clock
from jiucom.db import Database, DuplicateKeyError, ReadSession, WriteSession
from jiucom.domains.prices import changes
from jiucom.domains.prices.change_queries import Offer
from jiucom.domains.sellers import queries
from jiucom.domains.sellers.schemas import NewPrice, NewProduct, Product, RegisterRequest, Seller, SellerDetail, Stats
from jiucom.errors import ApiError, ErrorCode
from jiucom.web import Page, PageQuery

_NAME_KEY = "uk_sellers_name"
_NAME_TAKEN = "이미 사용 중인 판매처 이름입니다."
_HAS_SHOP = "이미 등록한 판매처가 있습니다."
_NO_PRODUCT = "등록한 상품을 찾을 수 없습니다."

_STATS_DAYS = 30


async def active(db: Database) -> list[Seller]:
    """Open shops."""
    async with db.read() as session:
        return await queries.active(session)


async def detail(db: Database, seller_id: int) -> SellerDetail:
    """An open shop. Raises S001."""
    async with db.read() as session:
        found = await queries.detail(session, seller_id)
    if found is None:
        raise ApiError(ErrorCode.SELLER_NOT_FOUND)
    return found


async def register(db: Database, user_id: int, request: RegisterRequest) -> SellerDetail:
    """Apply for a shop, also again after a rejection. Raises S002 when the user has a shop or the name is taken."""

    async def work(tx: WriteSession) -> SellerDetail | None:
        if await queries.register_again(tx, user_id, request):
            seller_id = await queries.of_user(tx, user_id)
        else:
            seller_id = await queries.register(tx, user_id, request)
        return None if seller_id is None else await queries.any_detail(tx, seller_id)

    try:
        seller = await db.write(work)
    except DuplicateKeyError as error:
        message = _NAME_TAKEN if error.key == _NAME_KEY else _HAS_SHOP
        raise ApiError(ErrorCode.SELLER_ALREADY_EXISTS, message) from None
    if seller is None:
        raise ApiError(ErrorCode.SELLER_NOT_FOUND)
    return seller


async def products(db: Database, user_id: int, query: PageQuery) -> Page[Product]:
    """The products of the user's shop. Raises S001 without an open shop."""
    async with db.read() as session:
        seller_id = await _mine(session, user_id)
        total = await queries.count_products(session, seller_id)
        return Page.of(await queries.products(session, seller_id, query.size, query.offset), query, total)


async def stats(db: Database, clock: Clock, user_id: int) -> Stats:
    """Statistics of the user's shop. Raises S001 without an open shop."""
    since = clock.now().date() - timedelta(days=_STATS_DAYS)
    async with db.read() as session:
        found = await queries.stats(session, await _mine(session, user_id), since)
    if found is None:
        raise ApiError(ErrorCode.SELLER_NOT_FOUND)
    return found


async def add_product(db: Database, cache: Cache, clock: Clock, user_id: int, request: NewProduct) -> Product:
    """Add a product. Raises S001, P001, and 409 when the shop offers it already."""

    async def work(tx: WriteSession) -> Product:
        seller_id = await _mine(tx, user_id)
        offer = Offer(request.part_id, seller_id, request.price, request.product_url, request.available)
        await changes.add(tx, cache, clock, offer)
        return await _product(tx, seller_id, request.part_id)

    return await db.write(work)


async def change_price(
    db: Database, cache: Cache, clock: Clock, user_id: int, part_id: int, request: NewPrice
) -> Product:
    """Change the price of a product. Raises S001, P001, and PR001 when it does not offer the part."""

    async def work(tx: WriteSession) -> Product:
        seller_id = await _mine(tx, user_id)
        await changes.lock(tx, [part_id])
        present = await _product(tx, seller_id, part_id)
        url = present.product_url if request.product_url is None else request.product_url
        available = present.available if request.available is None else request.available
        await changes.put(tx, cache, clock, [Offer(part_id, seller_id, request.price, url, available)])
        return await _product(tx, seller_id, part_id)

    return await db.write(work)


async def remove_product(db: Database, cache: Cache, user_id: int, part_id: int) -> None:
    """Remove a product. Raises S001, P001, and PR001 when the shop does not offer it."""

    async def work(tx: WriteSession) -> None:
        if not await changes.withdraw(tx, cache, part_id, await _mine(tx, user_id)):
            raise ApiError(ErrorCode.PRICE_NOT_FOUND, _NO_PRODUCT)

    await db.write(work)


async def _mine(session: ReadSession, user_id: int) -> int:
    seller_id = await queries.mine(session, user_id)
    if seller_id is None:
        raise ApiError(ErrorCode.SELLER_NOT_FOUND)
    return seller_id


async def _product(session: ReadSession, seller_id: int, part_id: int) -> Product:
    found = await queries.product(session, seller_id, part_id)
    if found is None:
        raise ApiError(ErrorCode.PRICE_NOT_FOUND, _NO_PRODUCT)
    return found
