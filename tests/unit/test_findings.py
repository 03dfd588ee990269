"""Which faults the doctor tells: those that no other one explains (H2)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.jiucom.platform.plugins.filter import findings

ROOT = Path(__file__).parents[2]


def fault(service: str, name: str, *because_of: str, generic: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "service": service,
        "seen": "text",
        "type": "command",
        "because_of": list(because_of),
        "generic": generic,
    }


MYSQL = fault("mysql", "does not run", generic=True)
APP = fault("app", "not healthy", "mysql", "redis", generic=True)
TARGET = fault("prometheus", "no Prometheus target", "app")
GATEWAY = fault("nginx", "nginx answers 502", "app", "mysql")
REJECTED = fault("app", "secret rejected")
DRIFT = fault("nginx", "drift", generic=True)
FULL = fault("host", "disk nearly full")
REFUSED = fault("mysql-exporter", "MySQL exporter refused")
EXPORTER = fault("mysql-exporter", "not healthy", "mysql", generic=True)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([MYSQL], [MYSQL]),
        # One cause, and what follows from it, over several steps.
        ([MYSQL, APP, TARGET, GATEWAY, EXPORTER], [MYSQL]),
        ([APP, TARGET, GATEWAY], [APP]),
        # The same service: what says more.
        ([APP, REJECTED, GATEWAY], [REJECTED]),
        ([GATEWAY, DRIFT], [GATEWAY]),
        ([EXPORTER, REFUSED], [REFUSED]),
        # What has nothing to do with it stays, also where another fault of the service is left out.
        ([MYSQL, APP, GATEWAY, DRIFT, FULL], [MYSQL, DRIFT, FULL]),
        # Files that differ do not explain what other services do.
        ([fault("app", "drift", generic=True), TARGET], [fault("app", "drift", generic=True), TARGET]),
        ([], []),
    ],
)
def test_root_causes(found: list[dict[str, Any]], told: list[dict[str, Any]]) -> None:
    assert findings.root_causes(found) == told


def test_each_fault_is_told_with_what_shows_it_and_what_to_type() -> None:
    lines = findings.finding_lines({"findings_stack": [MYSQL], "findings_platform": [FULL], "other": 1})
    assert lines[0] == "host: disk nearly full"
    assert lines[1:3] == ["    seen: text", "    type: command"]
    assert lines[3] == "mysql: does not run"
    assert findings.finding_lines({"findings_stack": []}) == []


@pytest.mark.parametrize(
    ("host", "off"), [(1000, ""), (1050, ""), (1171, "61 s ahead"), (939, "61 s behind"), (1110, "")]
)
def test_a_clock_is_compared_with_two_moments_of_the_control_node(host: float, off: str) -> None:
    """A slow connection is no wrong clock: between the two moments everything is right."""
    found = findings.clock_findings(host, 1000, 1110)
    assert [one["name"] for one in found] == (["clock off"] if off else [])
    assert not off or off in found[0]["seen"]


def test_drift_names_files_and_what_runs_by_service() -> None:
    header = "/opt/jiucom/redis/conf/redis.conf"
    written: list[dict[str, Any]] = [
        {"diff": [{"before": "a\nmaxclients 7\n", "after": "a\n", "before_header": header, "after_header": header}]},
        {"diff": [{"prepared": "/opt/jiucom/nginx/secrets/admin_users: secret written\n"}]},
        {"diff": [{"prepared": "/opt/jiucom/.applied/alertmanager: removed\n"}]},
        {"skipped": True},
    ]
    project: dict[str, Any] = {
        "reasons": ["redis: its files would change", "app: 3 containers instead of 1", "zipkin: exited"],
        "diff": {},
    }
    found = findings.drift(written, project, "/opt/jiucom")
    assert {one["service"]: one["seen"] for one in found} == {
        "redis": f"{header}: -maxclients 7",
        "nginx": "/opt/jiucom/nginx/secrets/admin_users: secret written",
        "alertmanager": "/opt/jiucom/.applied/alertmanager: removed",
        "app": "3 containers instead of 1",
    }
    assert findings.drift([], {"reasons": []}, "/opt/jiucom") == []


def test_every_fault_is_explained() -> None:
    """docs/en/operations.md has a row for each name that the modules use."""
    sources = [*ROOT.glob("roles/*/library/*_diagnose.py"), ROOT / "roles/images/library/images_obtain.py"]
    sources += [ROOT / "collections/ansible_collections/jiucom/platform/plugins/filter/findings.py"]
    used = {
        name
        for path in sources
        for name in re.findall(r'Fault\(\s*"([^"]+)"|"name": "([^"]+)"', path.read_text())
        for name in name
        if name
    }
    page = (ROOT / "docs/en/doctor.md").read_text()
    assert len(used) >= 20
    assert {name for name in used if f"`{name}`" not in page} == set()
