"""Metrics: Prometheus's text, and Micrometer's JSON of the same families."""

from typing import Annotated, Any

from msgspec import Meta
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from starlette.responses import Response

from jiucom.encoding import encode
from jiucom.errors import ApiError, ErrorCode
from jiucom.state import Context
from jiucom.web import endpoint

_TAG = "Actuator"


@endpoint("GET", "/actuator/prometheus", tag=_TAG)
async def prometheus(ctx: Context) -> Response:
    """Prometheus가 읽는 메트릭"""
    return Response(ctx.app.metrics.scrape(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


@endpoint("GET", "/actuator/metrics", tag=_TAG)
async def names(ctx: Context) -> Response:
    """메트릭 이름 목록"""
    found = sorted(_dotted(family.name) for family in ctx.app.metrics.families())
    return Response(encode({"names": found}), media_type="application/json")


@endpoint("GET", "/actuator/metrics/{name}", tag=_TAG, errors=[ErrorCode.RESOURCE_NOT_FOUND])
async def metric(ctx: Context, name: Annotated[str, Meta(max_length=200)]) -> Response:
    """메트릭 하나의 값과 태그

    점이나 밑줄로 쓴 이름. 값은 모든 태그의 합이다.
    """
    wanted = _dotted(name)
    family = next((each for each in ctx.app.metrics.families() if _dotted(each.name) == wanted), None)
    if family is None:
        raise ApiError(ErrorCode.RESOURCE_NOT_FOUND)
    return Response(encode(_described(family)), media_type="application/json")


def _dotted(name: str) -> str:
    return name.replace("_", ".")


def _described(family: Metric) -> dict[str, Any]:
    sums: dict[str, float] = {}
    tags: dict[str, set[str]] = {}
    for sample in family.samples:
        statistic = sample.name.removeprefix(family.name).strip("_").upper() or "VALUE"
        sums[statistic] = sums.get(statistic, 0.0) + sample.value
        for tag, value in sample.labels.items():
            tags.setdefault(tag, set()).add(value)
    return {
        "name": _dotted(family.name),
        "description": family.documentation,
        "measurements": [{"statistic": name, "value": value} for name, value in sums.items()],
        "availableTags": [{"tag": tag, "values": sorted(values)} for tag, values in sorted(tags.items())],
    }
