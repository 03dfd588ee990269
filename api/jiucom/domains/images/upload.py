"""Reads the form of an image upload."""

from collections.abc import AsyncGenerator

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from jiucom.domains.images.schemas import DIRECTORIES
from jiucom.errors import ApiError, ErrorCode, FieldError, invalid
from jiucom.web.body import is_declared_larger

MAX_BYTES = 5 * 1024 * 1024
# Boundaries, part headers and the other field.
_OVERHEAD = 16 * 1024


class _Parser(MultiPartParser):
    # Stays in memory: the container's file system is read-only.
    spool_max_size = MAX_BYTES + _OVERHEAD


async def read(request: Request) -> tuple[bytes, str]:
    """The file's bytes and the directory.

    Raises ApiError: 413 above 5 MB, 415 for no multipart, 400 for a broken one or wrong fields, IMG002 for no bytes.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise ApiError(ErrorCode.UNSUPPORTED_MEDIA_TYPE)
    if is_declared_larger(request, MAX_BYTES + _OVERHEAD):
        raise _too_large()
    parser = _Parser(request.headers, _limited(request), max_files=1, max_fields=4, max_part_size=1024)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise ApiError(ErrorCode.BAD_REQUEST, "multipart 본문이 올바르지 않습니다.") from error
    try:
        return await _fields(form)
    finally:
        await form.close()


async def _fields(form: FormData) -> tuple[bytes, str]:
    file, directory = form.get("file"), form.get("directory") or "general"
    errors = []
    if not isinstance(file, UploadFile):
        errors.append(FieldError("file", "필수 값입니다"))
    if directory not in DIRECTORIES:
        errors.append(FieldError("directory", f"다음 중 하나여야 합니다: {', '.join(DIRECTORIES)}"))
    if errors or not isinstance(file, UploadFile):
        raise invalid(errors)
    data = await file.read()
    if len(data) > MAX_BYTES:
        raise _too_large()
    if not data:
        raise ApiError(ErrorCode.IMAGE_EMPTY)
    return data, str(directory)


async def _limited(request: Request) -> AsyncGenerator[bytes, None]:
    left = MAX_BYTES + _OVERHEAD
    async for chunk in request.stream():
        left -= len(chunk)
        if left < 0:
            raise _too_large()
        yield chunk


def _too_large() -> ApiError:
    return ApiError(ErrorCode.PAYLOAD_TOO_LARGE, "이미지는 5MB 이하여야 합니다.")
