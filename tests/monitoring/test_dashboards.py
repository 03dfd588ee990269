"""The dashboards: generated and checked in alike, laid out as D5 says, every query answered."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from tools.dashboards.generate import render_all

from .conftest import ROOT

FILES = sorted((ROOT / "files/dashboards").glob("*.json"))
MODELS: dict[str, dict[str, Any]] = {file.name: json.loads(file.read_text()) for file in FILES}
MAIN = [name for name in MODELS if name.startswith("jiucom-main")]
PANELS = [
    pytest.param(panel, id=f"{name}-{panel['id']}")
    for name, model in MODELS.items()
    for panel in model["panels"]
    if panel["type"] != "row" and ".en." not in name
]


def test_generator_and_files_agree() -> None:
    assert render_all() == {file.name: file.read_text() for file in FILES}


@pytest.mark.parametrize("name", MODELS)
def test_files_are_what_grafana_s_schema_reads(name: str) -> None:
    """Through Grafana's own model and back: a field that its schema does not know would be lost on the way."""
    again = json.loads(json.dumps(Dashboard.from_json(MODELS[name]), cls=JSONEncoder))
    assert again == MODELS[name]


@pytest.mark.parametrize("name", MAIN)
def test_main_dashboard_has_four_rows_and_sixteen_panels(name: str) -> None:
    model = MODELS[name]
    rows: list[list[str]] = []
    for panel in model["panels"]:
        rows.append([]) if panel["type"] == "row" else rows[-1].append(panel["type"])
    assert (model["uid"], model["refresh"]) == ("jiucom-main", "10s")
    assert rows == [["stat"] * 5, ["timeseries"] * 3, ["timeseries"] * 2, ["timeseries"] * 6]


@pytest.mark.parametrize("name", MODELS)
def test_panels_lie_beside_each_other(name: str) -> None:
    cells = [
        (x, y)
        for grid in (panel["gridPos"] for panel in MODELS[name]["panels"])
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]
    ids = [panel["id"] for panel in MODELS[name]["panels"] if panel["type"] != "row"]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert ids == list(range(1, len(ids) + 1))


@pytest.mark.parametrize("panel", PANELS)
def test_panels_say_what_to_do_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert len(panel["description"]) > 10
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert all(target["datasource"] == {"type": "prometheus", "uid": "prometheus"} for target in panel["targets"])


@pytest.mark.parametrize("name", [name for name in MODELS if ".en." in name])
def test_english_variant_differs_in_texts_alone(name: str) -> None:
    english, korean = MODELS[name], MODELS[name.replace(".en.", ".")]
    assert not re.search("[가-힣]", json.dumps(english, ensure_ascii=False))
    queries = [
        [target["expr"] for panel in m["panels"] for target in panel.get("targets", [])] for m in (english, korean)
    ]
    assert queries[0] == queries[1]
    assert english["uid"] == korean["uid"]


@pytest.mark.parametrize("panel", PANELS)
def test_every_query_returns_data(panel: dict[str, Any], query: Callable[[str], list[dict[str, str]]]) -> None:
    for target in panel["targets"]:
        expr = target["expr"].replace("$__rate_interval", "1m").replace("$__range", "5m")
        expr = expr.replace("$uri", "/parts").replace("$method", ".*")
        answers = [float(item["value"]) for item in query(expr)]
        assert answers, expr
        assert not any(math.isnan(answer) for answer in answers), f"NaN from {expr}"
