"""Reads the form of an image upload."""

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from jiucom.domains.images.schemas import DIRECTORIES
from jiucom.errors import ApiError, ErrorCode, FieldError, invalid
from jiucom.web.body import media_type
from jiucom.web.multipart import MULTIPART, form

MAX_BYTES = 5 * 1024 * 1024
# Boundaries, part headers and the other field.
_OVERHEAD = 16 * 1024
_TOO_LARGE = "이미지는 5MB 이하여야 합니다."


async def read(request: Request) -> tuple[bytes, str]:
    """The file's bytes and the directory.

    Raises ApiError: 413 above 5 MB, 415 when it is not multipart, 400 for a broken form or wrong fields, IMG002 for no bytes.
    """
    if media_type(request.headers.get("content-type")) != MULTIPART:
        raise ApiError(ErrorCode.UNSUPPORTED_MEDIA_TYPE)
    async with form(request, MAX_BYTES + _OVERHEAD, _TOO_LARGE) as fields:
        return await _values(fields)


async def _values(fields: FormData) -> tuple[bytes, str]:
    file, directory = fields.get("file"), fields.get("directory") or "general"
    errors = []
    if not isinstance(file, UploadFile):
        errors.append(FieldError("file", "필수 값입니다"))
    if directory not in DIRECTORIES:
        errors.append(FieldError("directory", f"다음 중 하나여야 합니다: {', '.join(DIRECTORIES)}"))
    if errors or not isinstance(file, UploadFile):
        raise invalid(errors)
    data = await file.read()
    if len(data) > MAX_BYTES:
        raise ApiError(ErrorCode.PAYLOAD_TOO_LARGE, _TOO_LARGE)
    if not data:
        raise ApiError(ErrorCode.IMAGE_EMPTY)
    return data, str(directory)
