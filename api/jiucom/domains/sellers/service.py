"""Shops, applications and products."""

from datetime import timedelta

from jiucom.auth.principal import Principal
from jiucom.db import DuplicateKeyError, ReadSession, WriteSession
from jiucom.domains.prices import changes
from jiucom.domains.prices.change_queries import Offer
from jiucom.domains.sellers import queries
from jiucom.domains.sellers.schemas import NewPrice, NewProduct, Product, RegisterRequest, Seller, SellerDetail, Stats
from jiucom.errors import ApiError, ErrorCode, found
from jiucom.state import AppState
from jiucom.web import Page, PageQuery

_NAME_KEY = "uk_sellers_name"
_NAME_TAKEN = "이미 사용 중인 판매처 이름입니다."
_HAS_SHOP = "이미 등록한 판매처가 있습니다."
_NO_PRODUCT = "등록한 상품을 찾을 수 없습니다."

_STATS_DAYS = 30


async def list_sellers(app: AppState) -> list[Seller]:
    """Open shops."""
    async with app.db.read() as session:
        return await queries.active(session)


async def get(app: AppState, seller_id: int) -> SellerDetail:
    """An open shop. Raises S001."""
    async with app.db.read() as session:
        return found(await queries.detail(session, seller_id), ErrorCode.SELLER_NOT_FOUND)


async def register(app: AppState, user: Principal, request: RegisterRequest) -> SellerDetail:
    """Apply for a shop, also again after a rejection. Raises S002 when the user has a shop or the name is taken."""

    async def work(tx: WriteSession) -> SellerDetail | None:
        if await queries.register_again(tx, user.user_id, request):
            seller_id = await queries.of_user(tx, user.user_id)
        else:
            seller_id = await queries.register(tx, user.user_id, request)
        return None if seller_id is None else await queries.any_detail(tx, seller_id)

    try:
        seller = await app.db.write(work)
    except DuplicateKeyError as error:
        message = _NAME_TAKEN if error.key == _NAME_KEY else _HAS_SHOP
        raise ApiError(ErrorCode.SELLER_ALREADY_EXISTS, message) from None
    return found(seller, ErrorCode.SELLER_NOT_FOUND)


async def list_products(app: AppState, user: Principal, query: PageQuery) -> Page[Product]:
    """The products of the user's shop. Raises S001 without an open shop."""
    async with app.db.read() as session:
        seller_id = await _mine(session, user.user_id)
        total = await queries.count_products(session, seller_id)
        return Page.of(await queries.products(session, seller_id, query.size, query.offset), query, total)


async def get_stats(app: AppState, user: Principal) -> Stats:
    """Statistics of the user's shop. Raises S001 without an open shop."""
    since = app.clock.now().date() - timedelta(days=_STATS_DAYS)
    async with app.db.read() as session:
        stats = await queries.stats(session, await _mine(session, user.user_id), since)
    return found(stats, ErrorCode.SELLER_NOT_FOUND)


async def create_product(app: AppState, user: Principal, request: NewProduct) -> Product:
    """Add a product. Raises S001, P001, and 409 when the shop offers it already."""

    async def work(tx: WriteSession) -> Product:
        seller_id = await _mine(tx, user.user_id)
        offer = Offer(request.part_id, seller_id, request.price, request.product_url, request.available)
        await changes.add(tx, app.cache, app.clock, offer)
        return await _product(tx, seller_id, request.part_id)

    return await app.db.write(work)


async def update_price(app: AppState, user: Principal, part_id: int, request: NewPrice) -> Product:
    """Change the price of a product. Raises S001, P001, and PR001 when it does not offer the part."""

    async def work(tx: WriteSession) -> Product:
        seller_id = await _mine(tx, user.user_id)
        await changes.lock(tx, [part_id])
        present = await _product(tx, seller_id, part_id)
        url = present.product_url if request.product_url is None else request.product_url
        available = present.available if request.available is None else request.available
        await changes.put(tx, app.cache, app.clock, [Offer(part_id, seller_id, request.price, url, available)])
        return await _product(tx, seller_id, part_id)

    return await app.db.write(work)


async def delete_product(app: AppState, user: Principal, part_id: int) -> None:
    """Remove a product. Raises S001, P001, and PR001 when the shop does not offer it."""

    async def work(tx: WriteSession) -> None:
        if not await changes.withdraw(tx, app.cache, part_id, await _mine(tx, user.user_id)):
            raise ApiError(ErrorCode.PRICE_NOT_FOUND, _NO_PRODUCT)

    await app.db.write(work)


async def _mine(session: ReadSession, user_id: int) -> int:
    return found(await queries.mine(session, user_id), ErrorCode.SELLER_NOT_FOUND)


async def _product(session: ReadSession, seller_id: int, part_id: int) -> Product:
    return found(await queries.product(session, seller_id, part_id), ErrorCode.PRICE_NOT_FOUND, _NO_PRODUCT)
