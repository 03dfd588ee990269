"""The user's own account and content."""

from jiucom.domains.builds import service as builds
from jiucom.domains.builds.schemas import BuildItem
from jiucom.domains.favorites import service as favorites
from jiucom.domains.favorites.schemas import Favorite
from jiucom.domains.posts import service as posts
from jiucom.domains.posts.schemas import PostItem
from jiucom.domains.prices import service as prices
from jiucom.domains.prices.schemas import Alert
from jiucom.domains.reviews import service as reviews
from jiucom.domains.reviews.schemas import Review
from jiucom.domains.users import service
from jiucom.domains.users.schemas import PasswordChange, Profile, ProfileUpdate
from jiucom.errors import ErrorCode
from jiucom.limits import CODE
from jiucom.state import Context
from jiucom.web import Page, PageQuery, endpoint

_TAG = "User"
_ERRORS = [ErrorCode.USER_NOT_FOUND]


@endpoint("GET", "/users/me", tag=_TAG, auth="user", errors=_ERRORS)
async def me(ctx: Context) -> Profile:
    """내 정보"""
    return await service.get(ctx.app, ctx.user)


@endpoint("PATCH", "/users/me", tag=_TAG, auth="user", errors=[*_ERRORS, ErrorCode.DUPLICATE_NICKNAME])
@endpoint("PUT", "/users/me", tag=_TAG, auth="user", errors=[*_ERRORS, ErrorCode.DUPLICATE_NICKNAME])
async def update(ctx: Context, body: ProfileUpdate) -> Profile:
    """내 정보 수정

    주어진 값만 바꾼다. 빈 문자열은 프로필 이미지를 지운다.
    """
    return await service.update(ctx.app, ctx.user, body)


@endpoint("PUT", "/users/me/password", tag=_TAG, auth="user", limits=CODE)
async def change_password(ctx: Context, body: PasswordChange) -> None:
    """비밀번호 변경

    다른 기기의 로그인은 모두 끝난다.
    """
    await service.change_password(ctx.app, ctx.user, body)


@endpoint("DELETE", "/users/me", tag=_TAG, auth="user", errors=[*_ERRORS, ErrorCode.CONFLICT])
async def withdraw(ctx: Context) -> None:
    """회원 탈퇴

    개인 정보는 지워지고 글은 이름 없이 남는다. 같은 이메일로 다시 가입할 수 있다.
    """
    await service.withdraw(ctx.app, ctx.user)


@endpoint("GET", "/users/me/builds", tag=_TAG, auth="user")
async def my_builds(ctx: Context, query: PageQuery) -> Page[BuildItem]:
    """내 견적"""
    return await builds.list_own(ctx.app, ctx.user, query)


@endpoint("GET", "/users/me/favorites", tag=_TAG, auth="user")
async def my_favorites(ctx: Context, query: PageQuery) -> Page[Favorite]:
    """내 관심 부품"""
    return await favorites.list_page(ctx.app, ctx.user, query)


@endpoint("GET", "/users/me/alerts", tag=_TAG, auth="user")
async def my_alerts(ctx: Context, query: PageQuery) -> Page[Alert]:
    """내 가격 알림 (이미 울린 알림 포함)"""
    return await prices.list_all_alerts(ctx.app, ctx.user, query)


@endpoint("GET", "/users/me/posts", tag=_TAG, auth="user")
async def my_posts(ctx: Context, query: PageQuery) -> Page[PostItem]:
    """내 게시글"""
    return await posts.list_own(ctx.app, ctx.user, query)


@endpoint("GET", "/users/me/reviews", tag=_TAG, auth="user")
async def my_reviews(ctx: Context, query: PageQuery) -> Page[Review]:
    """내 리뷰"""
    return await reviews.list_own(ctx.app, ctx.user, query)
