"""Every error a client can get: its code, status and Korean text, in one table."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import TypeVar

import msgspec

T = TypeVar("T")

# Field errors in one answer at most.
MAX_PROBLEMS = 100
# Size of the field errors in an answer, as JSON (bytes). Each stands in it twice: in `errors` and in `message`.
_MAX_TOLD = 30_000


class FieldError(msgspec.Struct, frozen=True):
    """One wrong field of a request, named as in `parts[0].partId`."""

    field: str
    message: str


class ErrorCode(Enum):
    """Each code: what is sent, the HTTP status, the default text."""

    INTERNAL_SERVER_ERROR = ("JIUCOM-500", 500, "서버 내부 오류가 발생했습니다.")
    SERVICE_UNAVAILABLE = ("JIUCOM-503", 503, "서비스를 잠시 사용할 수 없습니다. 잠시 후 다시 시도해 주세요.")
    DEADLINE_EXCEEDED = ("JIUCOM-504", 503, "요청 처리 시간이 초과되었습니다. 잠시 후 다시 시도해 주세요.")
    BAD_REQUEST = ("JIUCOM-400", 400, "잘못된 요청입니다.")
    INVALID_INPUT = ("JIUCOM-401", 400, "입력값이 올바르지 않습니다.")
    RESOURCE_NOT_FOUND = ("JIUCOM-404", 404, "요청한 리소스를 찾을 수 없습니다.")
    METHOD_NOT_ALLOWED = ("JIUCOM-405", 405, "허용되지 않은 HTTP 메서드입니다.")
    CONFLICT = ("JIUCOM-409", 409, "이미 존재하는 값입니다.")
    PAYLOAD_TOO_LARGE = ("JIUCOM-413", 413, "요청 본문이 너무 큽니다.")
    UNSUPPORTED_MEDIA_TYPE = ("JIUCOM-415", 415, "지원하지 않는 Content-Type입니다.")
    RATE_LIMIT_EXCEEDED = ("JIUCOM-429", 429, "요청이 너무 많습니다. 잠시 후 다시 시도해 주세요.")

    UNAUTHORIZED = ("JIUCOM-A001", 401, "로그인이 필요합니다.")
    FORBIDDEN = ("JIUCOM-A002", 403, "접근 권한이 없습니다.")
    EXPIRED_TOKEN = ("JIUCOM-A003", 401, "만료된 토큰입니다.")
    INVALID_TOKEN = ("JIUCOM-A004", 401, "유효하지 않은 토큰입니다.")
    INVALID_PASSWORD = ("JIUCOM-A005", 401, "이메일 또는 비밀번호가 올바르지 않습니다.")
    ALREADY_LOGGED_OUT = ("JIUCOM-A006", 400, "이미 로그아웃되었습니다.")
    OAUTH_LOGIN_FAILED = ("JIUCOM-A007", 401, "소셜 로그인에 실패했습니다.")
    OAUTH_INVALID_PROVIDER = ("JIUCOM-A008", 400, "지원하지 않는 소셜 로그인입니다.")
    OAUTH_EMAIL_DUPLICATE = ("JIUCOM-A009", 409, "이미 가입된 이메일입니다.")

    USER_NOT_FOUND = ("JIUCOM-U001", 404, "사용자를 찾을 수 없습니다.")
    DUPLICATE_EMAIL = ("JIUCOM-U002", 409, "이미 사용 중인 이메일입니다.")
    DUPLICATE_NICKNAME = ("JIUCOM-U003", 409, "이미 사용 중인 닉네임입니다.")

    PART_NOT_FOUND = ("JIUCOM-P001", 404, "부품을 찾을 수 없습니다.")
    INCOMPATIBLE_PARTS = ("JIUCOM-P002", 400, "호환되지 않는 부품이 있습니다.")
    BUILD_NOT_FOUND = ("JIUCOM-B001", 404, "견적을 찾을 수 없습니다.")
    PRICE_NOT_FOUND = ("JIUCOM-PR001", 404, "가격 정보를 찾을 수 없습니다.")
    SELLER_NOT_FOUND = ("JIUCOM-S001", 404, "판매처를 찾을 수 없습니다.")
    SELLER_ALREADY_EXISTS = ("JIUCOM-S002", 409, "이미 등록된 판매처입니다.")
    PAYMENT_NOT_READY = ("JIUCOM-PAY001", 503, "결제 기능이 준비되지 않았습니다.")
    PAYMENT_NOT_FOUND = ("JIUCOM-PAY002", 404, "결제 정보를 찾을 수 없습니다.")

    POST_NOT_FOUND = ("JIUCOM-PO001", 404, "게시글을 찾을 수 없습니다.")
    POST_NOT_AUTHOR = ("JIUCOM-PO002", 403, "게시글 작성자만 할 수 있습니다.")
    COMMENT_NOT_FOUND = ("JIUCOM-C001", 404, "댓글을 찾을 수 없습니다.")
    COMMENT_NOT_AUTHOR = ("JIUCOM-C002", 403, "댓글 작성자만 할 수 있습니다.")
    REVIEW_NOT_FOUND = ("JIUCOM-R001", 404, "리뷰를 찾을 수 없습니다.")
    REVIEW_NOT_AUTHOR = ("JIUCOM-R002", 403, "리뷰 작성자만 할 수 있습니다.")
    REVIEW_ALREADY_EXISTS = ("JIUCOM-R003", 409, "이미 이 부품의 리뷰를 작성했습니다.")
    NOTIFICATION_NOT_FOUND = ("JIUCOM-N001", 404, "알림을 찾을 수 없습니다.")
    LIKE_TARGET_NOT_FOUND = ("JIUCOM-L001", 404, "좋아요 대상을 찾을 수 없습니다.")
    IMAGE_UPLOAD_FAILED = ("JIUCOM-IMG001", 500, "이미지 업로드에 실패했습니다.")
    IMAGE_EMPTY = ("JIUCOM-IMG002", 400, "빈 이미지 파일입니다.")
    IMAGE_INVALID_TYPE = ("JIUCOM-IMG003", 400, "지원하지 않는 이미지 형식입니다.")
    IMAGE_QUOTA_EXCEEDED = ("JIUCOM-IMG004", 409, "업로드 용량 한도를 초과했습니다.")

    def __init__(self, code: str, status: int, message: str) -> None:
        self.code = code
        self.status = status
        self.message = message


# Codes of the previous service for features that do not exist here. Their numbers are not reused; no answer has them.
UNUSED = frozenset(
    {
        ErrorCode.ALREADY_LOGGED_OUT,
        ErrorCode.OAUTH_LOGIN_FAILED,
        ErrorCode.OAUTH_INVALID_PROVIDER,
        ErrorCode.OAUTH_EMAIL_DUPLICATE,
        ErrorCode.INCOMPATIBLE_PARTS,
        ErrorCode.PAYMENT_NOT_READY,
        ErrorCode.PAYMENT_NOT_FOUND,
    }
)


class ApiError(Exception):
    """Ends a request with an error answer. Raise it anywhere below a handler."""

    def __init__(
        self,
        error: ErrorCode,
        message: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(error.code)
        self.error = error
        self.status = error.status
        self.code = error.code
        self.message = message or error.message
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def invalid(errors: Sequence[FieldError]) -> ApiError:
    """400 with each wrong field in `errors`, and all of them in `message`, which older clients show.

    At most MAX_PROBLEMS, and no more than fit into an answer of 64 kB.
    """
    told = list(_first(errors))
    text = ", ".join(f"{error.field}: {error.message}" for error in told)
    return ApiError(ErrorCode.INVALID_INPUT, text, errors=told)


def _first(errors: Sequence[FieldError]) -> Iterator[FieldError]:
    left = _MAX_TOLD
    for error in errors[:MAX_PROBLEMS]:
        left -= len(msgspec.json.encode(error))
        if left < 0:
            return
        yield error


def found(value: T | None, error: ErrorCode, message: str | None = None) -> T:
    """The value. Raises `error` when it is None."""
    if value is None:
        raise ApiError(error, message)
    return value


def unavailable(seconds: int = 1) -> ApiError:
    """503 for a temporary failure, with `Retry-After: seconds`."""
    return ApiError(ErrorCode.SERVICE_UNAVAILABLE, headers={"Retry-After": str(seconds)})
