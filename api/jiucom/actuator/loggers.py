"""Log levels: public to read, changed by administrators, on all replicas at once."""

import logging
from typing import Annotated, Any, Literal

from msgspec import Meta
from starlette.responses import Response

from jiucom import audit
from jiucom.cache import RedisUnavailableError
from jiucom.encoding import encode
from jiucom.errors import ApiError, ErrorCode, unavailable
from jiucom.runtime_settings import LEVELS
from jiucom.state import Context
from jiucom.web import Schema, endpoint

_TAG = "Actuator"

Level = Literal["OFF", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"]
Name = Annotated[str, Meta(max_length=200)]


class LevelChange(Schema, frozen=True):
    """The level to set; null restores the deployed one."""

    configured_level: Level | None = None


@endpoint("GET", "/actuator/loggers", tag=_TAG)
async def loggers(ctx: Context) -> Response:
    """로거와 로그 레벨 목록"""
    names = sorted(logging.root.manager.loggerDict)
    body = {"levels": list(LEVELS), "loggers": {name: _described(name) for name in ("ROOT", *names)}}
    return Response(encode(body), media_type="application/json")


@endpoint("GET", "/actuator/loggers/{name}", tag=_TAG, errors=[ErrorCode.RESOURCE_NOT_FOUND])
async def logger(ctx: Context, name: Name) -> Response:
    """로거 하나의 로그 레벨"""
    _check(name)
    return Response(encode(_described(name)), media_type="application/json")


@endpoint("POST", "/actuator/loggers/{name}", tag=_TAG, auth="admin", errors=[ErrorCode.RESOURCE_NOT_FOUND])
async def set_level(ctx: Context, name: Name, body: LevelChange) -> None:
    """로그 레벨 변경

    모든 인스턴스에 1초 안에 적용된다. null이면 원래 레벨로 돌아간다.
    """
    _check(name)
    before = _level(name, _described(name)["configuredLevel"])
    after = _level(name, body.configured_level)
    async with ctx.app.db.transaction() as tx:
        await audit.record(tx, ctx.user.user_id, "LOG_LEVEL_CHANGED", "LOGGER", None, before, after, ctx.client_address)
    # The record first: a record of a failed change is better than a change without a record.
    try:
        await ctx.app.runtime.set_level(name, body.configured_level)
    except RedisUnavailableError:
        raise unavailable() from None


def _check(name: str) -> None:
    # getLogger would create a logger for every name in a request, and keep it for ever.
    if name != "ROOT" and name not in logging.root.manager.loggerDict:
        raise ApiError(ErrorCode.RESOURCE_NOT_FOUND)


def _level(name: str, level: str | None) -> dict[str, str | None]:
    return {"logger": name, "configuredLevel": level}


def _described(name: str) -> dict[str, Any]:
    found = logging.getLogger(None if name == "ROOT" else name)
    return {"configuredLevel": _name(found.level), "effectiveLevel": _name(found.getEffectiveLevel())}


def _name(level: int) -> str | None:
    if level == logging.NOTSET:
        return None
    return next((name for name, number in LEVELS.items() if level >= number), "DEBUG")
