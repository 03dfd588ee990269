"""Recording rules (D3) and alert rules (D6)."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import yaml

from tests.manual import EXPRESSIONS

from .conftest import ROOT
from .exporters import COLLECTIONS, MEAN_SECONDS, MEMORY, MEMORY_LIMIT, POOL, RATES, THREADS

RULES = ROOT / "files/rules"
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
}
TESTS = sorted((RULES / "tests").glob("*.yml"))
CASES = [
    case
    for file in TESTS
    for test in yaml.safe_load(file.read_text())["tests"]
    for case in test.get("alert_rule_test", [])
]
Promtool = Callable[..., subprocess.CompletedProcess[str]]
Query = Callable[[str], list[dict[str, str]]]

# What the manual's chapter 8 must answer here.
MANUAL = dict(
    zip(
        EXPRESSIONS,
        (1, 100 * MEMORY / MEMORY_LIMIT, RATES["GET", "/parts", "200"], 100, MEAN_SECONDS),
        strict=True,
    )
)
# The names of chapter 4, and what old boards ask for beside them.
OLD_NAMES = {
    "jvm_memory_used_bytes": MEMORY,
    "jvm_memory_committed_bytes": MEMORY,
    "jvm_memory_max_bytes": MEMORY_LIMIT,
    "jvm_threads_live_threads": THREADS,
    "hikaricp_connections_active": POOL["used"],
    "hikaricp_connections_idle": POOL["idle"],
    "hikaricp_connections_pending": POOL["waiting"],
    "hikaricp_connections_max": POOL["size"],
}


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_promtool_agrees(promtool: Promtool, file: Any) -> None:
    done = promtool("test", "rules", f"/rules/tests/{file.name}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_is_tested_firing_and_silent(alert: str) -> None:
    fires = {bool(case.get("exp_alerts")) for case in CASES if case["alertname"] == alert}
    assert fires == {True, False}


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_says_what_it_is_and_what_to_do(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert re.search("[가-힣]", rule["annotations"]["summary"])
    assert rule["annotations"]["summary_en"].isascii()
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    for language in ("en", "ko"):
        headings = re.findall(r"^## (\w+)$", (ROOT / "docs" / language / page).read_text(), re.MULTILINE)
        assert anchor in [heading.lower() for heading in headings]


@pytest.mark.parametrize(("expr", "value"), MANUAL.items())
def test_the_manual_s_expressions_answer_with_data(query: Query, expr: str, value: float) -> None:
    answers = [float(item["value"]) for item in query(expr)]
    assert any(answer == pytest.approx(value, rel=0.1) for answer in answers), answers


@pytest.mark.parametrize(("name", "value"), OLD_NAMES.items())
def test_recorded_old_names_equal_the_new_metrics(query: Query, name: str, value: float) -> None:
    assert [float(item["value"]) for item in query(name)] == [value]


def test_collections_are_counted_under_the_old_name(query: Query) -> None:
    new = {item["generation"]: float(item["value"]) for item in query("jiucom_gc_pause_seconds_count")}
    old = {(item["action"], item["generation"]): item["value"] for item in query("jvm_gc_pause_seconds_count")}
    kinds = {"0": "end of minor GC", "1": "end of minor GC", "2": "end of major GC"}
    assert set(new) == set(COLLECTIONS)
    # The copies are some evaluations behind, on a busy machine more.
    assert {key: float(value) for key, value in old.items()} == {
        (kinds[name], name): pytest.approx(value, rel=0.05) for name, value in new.items()
    }


def test_all_rules_are_evaluated_without_an_error(prometheus: str) -> None:
    groups = httpx.get(f"{prometheus}/api/v1/rules").json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert {rule["name"] for rule in rules} >= set(ALERTS)
    assert [rule for rule in rules if rule["health"] != "ok"] == []
