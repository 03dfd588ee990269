"""Sign-up, login, tokens, verification, reset."""

from typing import Any

from jiucom.auth.bearer import bearer
from jiucom.domains.auth import service
from jiucom.domains.auth.schemas import (
    LoginIn,
    LogoutIn,
    RefreshIn,
    ResetIn,
    ResetRequestIn,
    SignupIn,
    TokenPair,
    VerifyIn,
)
from jiucom.errors import ErrorCode
from jiucom.limits import CODE, LOGIN, RESET, RESET_REQUEST, SIGNUP
from jiucom.state import Context
from jiucom.web import endpoint

_TAG = "Auth"


@endpoint(
    "POST",
    "/auth/signup",
    tag=_TAG,
    status=201,
    limits=SIGNUP,
    errors=[ErrorCode.DUPLICATE_EMAIL, ErrorCode.DUPLICATE_NICKNAME],
)
async def signup(ctx: Context, body: SignupIn) -> TokenPair:
    """회원 가입"""
    return await service.signup(ctx.app, body, ctx.client_address)


@endpoint("POST", "/auth/login", tag=_TAG, limits=LOGIN, errors=[ErrorCode.INVALID_PASSWORD, ErrorCode.FORBIDDEN])
async def login(ctx: Context, body: LoginIn) -> TokenPair:
    """로그인

    없는 이메일과 틀린 비밀번호는 구별되지 않는다.
    """
    return await service.login(ctx.app, body, ctx.client_address)


@endpoint("POST", "/auth/refresh", tag=_TAG)
async def refresh(ctx: Context, body: RefreshIn) -> TokenPair:
    """토큰 갱신

    리프레시 토큰은 한 번만 쓸 수 있다. 다시 쓰면 그 로그인이 끝나며, 처음 쓴 뒤 20초 안에는 같은 토큰을 다시 받는다.
    """
    return await service.refresh(ctx.app, body.refresh_token)


# The login is named by the access token or by the body.
_OPTIONAL_BEARER: dict[str, Any] = {"security": [{"bearer": []}, {}]}


@endpoint("POST", "/auth/logout", tag=_TAG, errors=[ErrorCode.UNAUTHORIZED], openapi=_OPTIONAL_BEARER)
async def logout(ctx: Context, body: LogoutIn | None) -> None:
    """로그아웃

    액세스 토큰(만료되었어도) 또는 본문의 리프레시 토큰이 속한 로그인을 끝낸다.
    """
    access = bearer(ctx.request.headers.get("authorization", ""))
    await service.logout(ctx.app, access, body.refresh_token if body else None)


@endpoint("GET", "/auth/oauth2/urls", tag=_TAG)
async def oauth_urls(ctx: Context) -> dict[str, str]:
    """소셜 로그인 주소 (설정된 제공자만)"""
    # Social logins are not supported: no provider can be configured.
    return {}


@endpoint("POST", "/auth/email/verify-request", tag=_TAG, auth="user", limits=CODE)
async def request_verification(ctx: Context) -> None:
    """이메일 인증 코드 요청"""
    await service.request_verification(ctx.app, ctx.user)


@endpoint("POST", "/auth/email/verify", tag=_TAG, auth="user", limits=CODE)
async def verify(ctx: Context, body: VerifyIn) -> None:
    """이메일 인증"""
    await service.verify(ctx.app, ctx.user, body.code)


@endpoint("POST", "/auth/password/reset-request", tag=_TAG, limits=RESET_REQUEST)
async def request_reset(ctx: Context, body: ResetRequestIn) -> None:
    """비밀번호 재설정 메일 요청

    가입된 이메일인지는 응답으로 알 수 없다.
    """
    await service.request_reset(ctx.app, body.email)


@endpoint("POST", "/auth/password/reset", tag=_TAG, limits=RESET)
async def reset(ctx: Context, body: ResetIn) -> None:
    """비밀번호 재설정"""
    await service.reset(ctx.app, body)
