"""Reads request bodies, up to a limit."""

from starlette.requests import Request

from jiucom.errors import ApiError, ErrorCode


def media_type(header: str | None) -> str:
    """The media type of a `Content-Type` header, in lower case and without parameters; empty without a header."""
    return (header or "").partition(";")[0].strip().lower()


def is_declared_larger(request: Request, limit: int) -> bool:
    """Whether `Content-Length` exceeds `limit` bytes."""
    declared = request.headers.get("content-length", "")
    # int() refuses numbers of thousands of digits.
    return declared.isdecimal() and (len(declared) > len(str(limit)) or int(declared) > limit)


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body. Raises ApiError 413 as soon as it exceeds `limit` bytes."""
    if is_declared_larger(request, limit):
        raise ApiError(ErrorCode.PAYLOAD_TOO_LARGE)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise ApiError(ErrorCode.PAYLOAD_TOO_LARGE)
    return bytes(body)
