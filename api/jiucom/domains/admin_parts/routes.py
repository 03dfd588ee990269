"""Administration of the catalogue."""

from functools import partial
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

from jiucom.domains.admin_parts import bulk, bulk_lines, service
from jiucom.domains.admin_parts.schemas import BulkQuery, BulkReport, PartCreate, PartUpdate
from jiucom.domains.parts.schemas import PartDetail
from jiucom.errors import ApiError, ErrorCode
from jiucom.limits import UPLOAD
from jiucom.state import Context
from jiucom.web import Id, endpoint
from jiucom.web.body import media_type, read_body
from jiucom.web.multipart import MULTIPART, form

_TAG = "Admin"

# The gateway's limit, too.
_MAX_UPLOAD = 10 * 1024 * 1024
# 20,000 lines, whose new parts go into the full-text index (s).
_UPLOAD_DEADLINE = 60.0

_UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {
                "schema": {"type": "string", "minLength": 1},
                "example": "name,category,manufacturer,specs,seller,price\n"
                'AMD Ryzen 5 9600X,CPU,AMD,"{""socket"":""AM5""}",다나와,319000\n',
            },
            "application/json": {
                "schema": {"type": "array", "maxItems": 20_000, "items": {"type": "object"}},
                "example": [{"partId": 1, "seller": "다나와", "price": 445000}],
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            },
        },
    }
}


@endpoint("POST", "/admin/parts", tag=_TAG, auth="admin", status=201)
async def create(ctx: Context, body: PartCreate) -> PartDetail:
    """부품 등록"""
    return await service.create(ctx.app, ctx.user, body, ctx.client_address)


@endpoint("PUT", "/admin/parts/{partId}", tag=_TAG, auth="admin", errors=[ErrorCode.PART_NOT_FOUND])
async def update(ctx: Context, part_id: Id, body: PartUpdate) -> PartDetail:
    """부품 수정

    주지 않은 값은 그대로 둔다. 재고가 있는 판매처가 있으면 최저가와 최고가는 판매처의 가격을 따른다.
    """
    return await service.update(ctx.app, ctx.user, part_id, body, ctx.client_address)


@endpoint("DELETE", "/admin/parts/{partId}", tag=_TAG, auth="admin", errors=[ErrorCode.PART_NOT_FOUND])
async def delete(ctx: Context, part_id: Id) -> None:
    """부품 삭제"""
    await service.delete(ctx.app, ctx.user, part_id, ctx.client_address)


@endpoint(
    "POST",
    "/admin/parts/bulk-upload",
    tag=_TAG,
    auth="admin",
    max_body=_MAX_UPLOAD,
    deadline=_UPLOAD_DEADLINE,
    limits=UPLOAD,
    errors=[
        ErrorCode.BAD_REQUEST,
        ErrorCode.INVALID_INPUT,
        ErrorCode.PAYLOAD_TOO_LARGE,
        ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    ],
    openapi=_UPLOAD_BODY,
)
async def bulk_upload(ctx: Context, query: BulkQuery) -> BulkReport:
    """부품과 상품 대량 등록

    CSV(첫 줄은 열 이름) 또는 JSON 배열, 20,000줄과 10MB까지. partId가 없는 줄의 부품은 카테고리와 이름으로 찾고, 없으면
    새로 등록한다. 한 줄이라도 틀리면 아무것도 저장하지 않는다. dryRun=true는 저장하지 않고 결과만 알려 준다.
    """
    kind, raw = await _uploaded(ctx.request)
    if kind in ("text/csv", "application/csv", "application/vnd.ms-excel"):
        read = partial(bulk_lines.read_csv, raw)
    elif kind == "application/json":
        read = partial(bulk_lines.read_json, raw)
    else:
        raise ApiError(ErrorCode.UNSUPPORTED_MEDIA_TYPE)
    if not raw:
        raise ApiError(ErrorCode.BAD_REQUEST, "요청 본문이 필요합니다.")
    return await bulk.upload(ctx.app, ctx.user, read, ctx.client_address, dry_run=query.dry_run)


async def _uploaded(request: Request) -> tuple[str, bytes]:
    """Media type and bytes of the body, or of the form's field `file`."""
    kind = media_type(request.headers.get("content-type"))
    if kind != MULTIPART:
        return kind, await read_body(request, _MAX_UPLOAD)
    async with form(request, _MAX_UPLOAD) as fields:
        file = fields.get("file")
        if not isinstance(file, UploadFile):
            raise ApiError(ErrorCode.BAD_REQUEST, "file 항목에 파일이 필요합니다.")
        return _file_type(file), await file.read()


def _file_type(file: UploadFile) -> str:
    """The media type of a file. Browsers send different types for CSV files, so the name counts first."""
    name = (file.filename or "").lower()
    if name.endswith(".csv"):
        return "text/csv"
    return "application/json" if name.endswith(".json") else media_type(file.content_type)
