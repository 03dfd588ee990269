"""Health: `UP` with 200, anything else with 503."""

import os
from datetime import datetime

from starlette.responses import Response

from jiucom.encoding import encode
from jiucom.state import Context
from jiucom.web import endpoint

_TAG = "Actuator"


@endpoint("GET", "/actuator/health", tag=_TAG, aliases=("/actuator/health/readiness",))
async def readiness(ctx: Context) -> Response:
    """요청을 처리할 준비가 되었는지"""
    # Redis is not checked: without it the API still answers, a little slower.
    return _answer(not ctx.app.stopping and await ctx.app.db.is_alive())


@endpoint("GET", "/actuator/health/liveness", tag=_TAG)
async def liveness(ctx: Context) -> Response:
    """프로세스가 살아 있는지"""
    return _answer(True)


@endpoint("GET", "/actuator/info", tag=_TAG)
async def info(ctx: Context) -> Response:
    """이름, 버전, 시작 시각"""
    app: dict[str, str | datetime] = {"name": "jiucom-api", "version": _version(), "startedAt": ctx.app.started_at}
    return Response(encode({"app": app}), media_type="application/json")


def _version() -> str:
    """The version of the image: a build argument of api/Dockerfile."""
    return os.environ.get("JIUCOM_VERSION") or "development"


def _answer(up: bool) -> Response:
    body = encode({"status": "UP" if up else "DOWN"})
    return Response(body, 200 if up else 503, media_type="application/json")
