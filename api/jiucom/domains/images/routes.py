"""Upload, and download with caching."""

import os
from typing import Annotated, Any
from urllib.parse import urlsplit

import anyio.to_thread
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from jiucom.domains.images import decoding, service, upload
from jiucom.domains.images.schemas import DIRECTORIES, UploadedImage
from jiucom.domains.images.storage import Storage
from jiucom.errors import ApiError, ErrorCode
from jiucom.limits import UPLOAD
from jiucom.state import Context
from jiucom.web import endpoint

_TAG = "Image"

_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}

Segment = Annotated[str, Meta(max_length=100)]

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "directory": {"type": "string", "enum": list(DIRECTORIES), "default": "general"},
                    },
                }
            }
        },
    }
}


@endpoint(
    "POST",
    "/images/upload",
    tag=_TAG,
    auth="user",
    limits=UPLOAD,
    errors=[
        ErrorCode.IMAGE_EMPTY,
        ErrorCode.IMAGE_INVALID_TYPE,
        ErrorCode.IMAGE_QUOTA_EXCEEDED,
        ErrorCode.IMAGE_UPLOAD_FAILED,
        ErrorCode.INVALID_INPUT,
        ErrorCode.BAD_REQUEST,
        ErrorCode.PAYLOAD_TOO_LARGE,
        ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    ],
    openapi=_FORM,
)
async def upload_image(ctx: Context) -> UploadedImage:
    """이미지 업로드

    JPEG, PNG, WebP, 5MB 이하. 다시 인코딩되어 메타데이터는 남지 않는다. 다른 출처의 페이지에는 호스트가 있는 주소를 보낸다.
    """
    with decoding.receiving_slot(ctx.user.user_id):
        data, directory = await upload.read(ctx.request)
    with decoding.upload_slot():
        image = await service.upload(ctx.app, ctx.user, data, directory)
    if not _is_from_elsewhere(ctx.request):
        return image
    url = ctx.app.settings.public_url.rstrip("/") + image.url
    return UploadedImage(url, url, image.filename)


@endpoint("GET", "/images/{directory}/{filename}", tag=_TAG, errors=[ErrorCode.RESOURCE_NOT_FOUND])
async def image(ctx: Context, directory: Segment, filename: Segment) -> Response:
    """이미지 조회"""
    path = Storage(ctx.app.settings.storage_upload_dir).path(directory, filename)
    if path is None:
        raise ApiError(ErrorCode.RESOURCE_NOT_FOUND)
    try:
        stat = await anyio.to_thread.run_sync(os.stat, path)
    except OSError:
        raise ApiError(ErrorCode.RESOURCE_NOT_FOUND) from None
    # Files never change and names are unique, so the name is the ETag.
    headers = {"ETag": f'"{path.stem}"', "Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
    if _matches(ctx.request.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, headers=headers, media_type=_TYPES[path.suffix[1:]], stat_result=stat)


def _is_from_elsewhere(request: Request) -> bool:
    """Whether a page of another origin sent the request: it needs an absolute address."""
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


def _matches(if_none_match: str, etag: str) -> bool:
    return any(each.strip().removeprefix("W/") in (etag, "*") for each in if_none_match.split(","))
