"""Sellers: shops, applications, and a shop's own products."""

from jiucom.domains.sellers import service
from jiucom.domains.sellers.schemas import NewPrice, NewProduct, Product, RegisterRequest, Seller, SellerDetail, Stats
from jiucom.errors import ErrorCode
from jiucom.state import Context
from jiucom.web import Id, Page, PageQuery, endpoint

_TAG = "Seller"
_NO_SHOP = [ErrorCode.SELLER_NOT_FOUND]
_NO_PRODUCT = [ErrorCode.SELLER_NOT_FOUND, ErrorCode.PART_NOT_FOUND, ErrorCode.PRICE_NOT_FOUND]


@endpoint("GET", "/sellers", tag=_TAG, replica=True)
async def sellers(ctx: Context) -> list[Seller]:
    """판매처 목록 (신뢰도순)"""
    return await service.list_sellers(ctx.app)


@endpoint("GET", "/sellers/{sellerId}", tag=_TAG, errors=_NO_SHOP, replica=True)
async def seller(ctx: Context, seller_id: Id) -> SellerDetail:
    """판매처 상세"""
    return await service.get(ctx.app, seller_id)


@endpoint("POST", "/sellers/register", tag=_TAG, auth="user", status=201, errors=[ErrorCode.SELLER_ALREADY_EXISTS])
async def register(ctx: Context, body: RegisterRequest) -> SellerDetail:
    """판매처 등록 신청

    관리자가 승인하면 판매자가 된다. 거절된 신청은 다시 할 수 있다.
    """
    return await service.register(ctx.app, ctx.user, body)


@endpoint("GET", "/sellers/me/products", tag=_TAG, auth="seller", errors=_NO_SHOP)
async def list_products(ctx: Context, query: PageQuery) -> Page[Product]:
    """내 상품 목록 (최근 변경순)"""
    return await service.list_products(ctx.app, ctx.user, query)


@endpoint("GET", "/sellers/me/stats", tag=_TAG, auth="seller", errors=_NO_SHOP)
async def get_stats(ctx: Context) -> Stats:
    """내 판매처 통계"""
    return await service.get_stats(ctx.app, ctx.user)


@endpoint(
    "POST",
    "/sellers/products",
    tag=_TAG,
    auth="seller",
    status=201,
    errors=[ErrorCode.SELLER_NOT_FOUND, ErrorCode.PART_NOT_FOUND, ErrorCode.CONFLICT],
)
async def create_product(ctx: Context, body: NewProduct) -> Product:
    """상품 등록"""
    return await service.create_product(ctx.app, ctx.user, body)


@endpoint("PUT", "/sellers/products/{partId}/price", tag=_TAG, auth="seller", errors=_NO_PRODUCT)
async def update_price(ctx: Context, part_id: Id, body: NewPrice) -> Product:
    """상품 가격 변경

    주지 않은 값은 그대로 둔다.
    """
    return await service.update_price(ctx.app, ctx.user, part_id, body)


@endpoint("DELETE", "/sellers/products/{partId}", tag=_TAG, auth="seller", errors=_NO_PRODUCT)
async def delete_product(ctx: Context, part_id: Id) -> None:
    """상품 내리기

    가격 변동 이력은 남는다.
    """
    await service.delete_product(ctx.app, ctx.user, part_id)
