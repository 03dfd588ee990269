"""Prometheus's HTTP API, as far as dashboards need it."""

import time
from dataclasses import dataclass
from typing import Any

import httpx

from .language import t
from .timerange import TimeRange

_KEPT_SECONDS, _KEPT_ANSWERS = 5, 500


class QueryError(Exception):
    """A question that Prometheus did not answer; the text is for the reader of the page."""


@dataclass(frozen=True)
class Series:
    """One line of a result: its labels, (Unix seconds, value) pairs in order of time, and its name in the legend."""

    labels: dict[str, str]
    points: list[tuple[float, float]]
    name: str = ""


class Prometheus:
    """A client that remembers answers for a few seconds, so that ten viewers cost what one costs."""

    def __init__(self, url: str, patience: float = 10) -> None:
        self.url = url
        limits = httpx.Limits(max_connections=8)
        self._client = httpx.AsyncClient(base_url=url, timeout=patience, limits=limits, trust_env=False)
        self._kept: dict[tuple[tuple[str, str], ...], tuple[float, Any]] = {}

    async def range(self, expr: str, span: TimeRange) -> list[Series]:
        """Evaluate over a range. Raises QueryError."""
        data = await self._ask("query_range", query=expr, start=str(span.start), end=str(span.end), step=str(span.step))
        return [_series(item["metric"], item["values"]) for item in data["result"]]

    async def instant(self, expr: str, moment: int) -> list[Series]:
        """Evaluate at one moment (Unix seconds). Raises QueryError."""
        data = await self._ask("query", query=expr, time=str(moment))
        return [_series(item["metric"], [item["value"]]) for item in data["result"]]

    async def label_values(self, label: str, match: str, span: TimeRange) -> list[str]:
        """Return the values that `label` has in the series of selector `match`. Raises QueryError."""
        window = {"start": str(span.start), "end": str(span.end)}
        values = await self._ask(f"label/{label}/values", **window, **({"match[]": match} if match else {}))
        return [str(value) for value in values]

    async def _ask(self, path: str, **parameters: str) -> Any:
        key = (("", path), *parameters.items())
        now = time.monotonic()
        if key in self._kept and now < self._kept[key][0]:
            return self._kept[key][1]
        try:
            answer = await self._client.get(f"/api/v1/{path}", params=parameters)
            body = answer.json()
        except (httpx.HTTPError, ValueError) as fault:
            text = t("Prometheus에 연결할 수 없습니다", "Prometheus cannot be reached")
            raise QueryError(f"{text} ({self.url}): {type(fault).__name__}") from fault
        if body.get("status") != "success":
            raise QueryError(f"Prometheus: {body.get('error', answer.status_code)}")
        if len(self._kept) >= _KEPT_ANSWERS:
            self._kept.clear()
        self._kept[key] = (now + _KEPT_SECONDS, body["data"])
        return body["data"]


def _series(labels: dict[str, str], values: list[list[Any]]) -> Series:
    return Series(labels, [(float(moment), float(value)) for moment, value in values])
