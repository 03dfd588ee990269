"""Which versions may open the data of others (A2)."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.jiucom.platform.plugins.filter import versions as filters
from ansible_collections.jiucom.platform.plugins.module_utils.versions import version_fault
from plugins import ROOT

TABLE = yaml.safe_load((ROOT / "roles/platform/vars/main/services.yml").read_text())["_platform_services"]


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("8.0.43", "8.0.44", True),
        ("8.0.44", "8.0.43", True),
        ("8.0.43", "8.0.34", False),
        ("8.0.34", "8.0.33", False),
        ("8.0.20", "8.0.43", True),
        ("8.0.43", "8.4.6", True),
        ("8.4.6", "8.0.43", False),
        ("8.4.6", "9.7.4", True),
        ("8.0.43", "9.7.4", False),
        ("9.7.4", "8.4.6", False),
        ("9.7.4-1", "9.7.5", True),
        ("9.7.4", "", True),
        ("", "9.7.4", True),
        ("9.7.4", "mysql", True),
    ],
)
def test_mysql_goes_from_line_to_line_and_never_back(old: str, new: str, allowed: bool) -> None:
    assert (version_fault(old, new, TABLE["mysql"]["lines"]) == "") is allowed


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("7.0.15", "7.4.5", True),
        ("7.4.5", "7.0.15", False),
        ("7.4.5", "8.0.3", True),
        ("7.4.5", "9.0.0", False),
        ("3.5.0", "3.4.0", False),
        ("v3.5.0", "3.5.1", True),
    ],
)
def test_others_go_to_the_next_major_version_and_never_back(old: str, new: str, allowed: bool) -> None:
    assert (version_fault(old, new) == "") is allowed


def host(answers: bool = True, volumes: tuple[str, ...] = ("jiucom_mysql-data",)) -> dict[str, Any]:
    return {"versions": {"mysql": "9.7.4"}, "docker": {"answers": answers}, "volumes": list(volumes)}


def test_volumes_count_as_data_where_docker_does_not_answer() -> None:
    assert filters.written_data(TABLE, host(), "jiucom")["mysql"]["version"] == "9.7.4"
    assert filters.written_data(TABLE, host(volumes=()), "jiucom") == {}
    assert filters.written_data(TABLE, host(volumes=("other_mysql-data",)), "jiucom") == {}
    assert filters.written_data(TABLE, host(answers=False, volumes=()), "jiucom")["mysql"]["version"] == "9.7.4"


def test_recorded_versions_name_substitutes() -> None:
    images = {
        "mysql": {"product": "mysql", "version": "9.7.4"},
        "grafana": {"product": "board", "version": "1.0.0"},
        "python": {"product": "python", "version": "3.13.5"},
        "zipkin": {"product": "zipkin", "version": ""},
    }
    recorded = filters.recorded_versions(images, ["mysql", "grafana", "zipkin"])
    assert recorded == {"mysql": "9.7.4", "grafana": "board 1.0.0"}
