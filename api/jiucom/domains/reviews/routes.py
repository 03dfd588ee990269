"""Reviews: of a part, of all parts, one, and its author's changes."""

from jiucom.domains.reviews import service
from jiucom.domains.reviews.schemas import Review, ReviewCreate, ReviewOfPart, ReviewQuery, ReviewUpdate
from jiucom.errors import ErrorCode
from jiucom.state import Context
from jiucom.web import Id, Page, PageQuery, endpoint

_TAG = "Review"
_NEW = [ErrorCode.PART_NOT_FOUND, ErrorCode.REVIEW_ALREADY_EXISTS]
_OWN = [ErrorCode.REVIEW_NOT_FOUND, ErrorCode.REVIEW_NOT_AUTHOR]


@endpoint("GET", "/parts/{partId}/reviews", tag=_TAG, replica=True)
async def list_reviews_of_part(ctx: Context, part_id: Id, query: PageQuery) -> Page[Review]:
    """부품 리뷰 목록

    최신순.
    """
    return await service.list_reviews(ctx.app, ReviewQuery(part_id=part_id, page=query.page, size=query.size))


@endpoint("GET", "/reviews", tag=_TAG, replica=True)
async def list_reviews(ctx: Context, query: ReviewQuery) -> Page[Review]:
    """리뷰 목록

    최신순. partId를 보내면 그 부품의 리뷰만 남긴다.
    """
    return await service.list_reviews(ctx.app, query)


@endpoint("GET", "/reviews/{reviewId}", tag=_TAG, errors=[ErrorCode.REVIEW_NOT_FOUND], replica=True)
async def get_review(ctx: Context, review_id: Id) -> Review:
    """리뷰 상세"""
    return await service.get(ctx.app, review_id)


@endpoint("POST", "/reviews", tag=_TAG, auth="user", status=201, errors=_NEW)
async def create_review(ctx: Context, body: ReviewCreate) -> Review:
    """리뷰 작성

    부품마다 한 번 쓸 수 있고, 지우면 다시 쓸 수 있다.
    """
    return await service.create(ctx.app, ctx.user, body)


@endpoint("POST", "/parts/{partId}/reviews", tag=_TAG, auth="user", status=201, errors=_NEW)
async def review_part(ctx: Context, part_id: Id, body: ReviewOfPart) -> Review:
    """부품 리뷰 작성"""
    review = ReviewCreate(part_id=part_id, rating=body.rating, content=body.content)
    return await service.create(ctx.app, ctx.user, review)


@endpoint("PUT", "/reviews/{reviewId}", tag=_TAG, auth="user", errors=_OWN)
async def update_review(ctx: Context, review_id: Id, body: ReviewUpdate) -> Review:
    """리뷰 수정

    보내지 않은 항목은 그대로 둔다.
    """
    return await service.update(ctx.app, ctx.user, review_id, body)


@endpoint("DELETE", "/reviews/{reviewId}", tag=_TAG, auth="user", errors=_OWN)
async def delete_review(ctx: Context, review_id: Id) -> None:
    """리뷰 삭제"""
    await service.delete(ctx.app, ctx.user, review_id)


@endpoint("DELETE", "/admin/reviews/{reviewId}", tag="Admin", auth="admin", errors=[ErrorCode.REVIEW_NOT_FOUND])
async def moderate_review(ctx: Context, review_id: Id) -> None:
    """리뷰 삭제 (관리자)

    감사 기록에 남는다.
    """
    await service.moderate(ctx.app, ctx.user, review_id, ctx.client_address)
