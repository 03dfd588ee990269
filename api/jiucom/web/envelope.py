"""The envelope of answers: `{success, message, data, timestamp}`, or the error shape."""

from datetime import datetime
from typing import Any

from starlette.responses import Response

from jiucom.encoding import Json, encode
from jiucom.errors import ApiError

OK = "요청이 성공적으로 처리되었습니다."
CREATED = "리소스가 성공적으로 생성되었습니다."


def success(data: Any, message: str, status: int, now: datetime) -> Response:
    """The answer for the result `data` of a handler; for None without the key `data`."""
    value = b""
    if data is not None:
        value = b',"data":' + (data.raw if isinstance(data, Json) else encode(data))
    body = b'{"success":true,"message":%b%b,"timestamp":%b}' % (encode(message), value, encode(now))
    return Response(body, status, media_type="application/json")


def failure(error: ApiError, now: datetime) -> Response:
    """The error shape; `errors` is there when fields were wrong."""
    body: dict[str, Any] = {"success": False, "code": error.code, "message": error.message, "timestamp": now}
    if error.errors:
        body["errors"] = error.errors
    return Response(encode(body), error.status, headers=error.headers, media_type="application/json")
