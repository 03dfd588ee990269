"""Reads forms (multipart/form-data) of one file and a few short fields."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from jiucom.errors import ApiError, ErrorCode
from jiucom.web.body import is_declared_larger

MULTIPART = "multipart/form-data"

_MAX_FIELDS = 10
_MAX_FIELD = 16 * 1024
# Bytes parsed per step; other tasks run between the steps.
_PIECE = 128 * 1024


class _Parser(MultiPartParser):
    # The file stays in memory, where `limit` bounds it.
    spool_max_size = 0  # no limit


@asynccontextmanager
async def form(request: Request, limit: int, too_large: str | None = None) -> AsyncIterator[FormData]:
    """The fields of a form while it streams in; its file is an UploadFile.

    Raises ApiError: 413 (with the text `too_large`) as soon as the body exceeds `limit` bytes, 400 for a broken form.
    """
    if is_declared_larger(request, limit):
        raise ApiError(ErrorCode.PAYLOAD_TOO_LARGE, too_large)
    pieces = _pieces(request, limit, too_large)
    parser = _Parser(request.headers, pieces, max_files=1, max_fields=_MAX_FIELDS, max_part_size=_MAX_FIELD)
    try:
        fields = await parser.parse()
    except MultiPartException as error:
        raise ApiError(ErrorCode.BAD_REQUEST, "multipart 본문이 올바르지 않습니다.") from error
    try:
        yield fields
    finally:
        await fields.close()


async def _pieces(request: Request, limit: int, too_large: str | None) -> AsyncGenerator[bytes, None]:
    left = limit
    async for chunk in request.stream():
        left -= len(chunk)
        if left < 0:
            raise ApiError(ErrorCode.PAYLOAD_TOO_LARGE, too_large)
        for start in range(0, len(chunk), _PIECE):
            if start:
                await asyncio.sleep(0)
            yield chunk[start : start + _PIECE]
