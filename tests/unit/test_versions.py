"""Which versions may open the data of others (A2)."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.jiucom.platform.plugins.filter import versions
from ansible_collections.jiucom.platform.plugins.module_utils.versions import version_fault
from plugins import ROOT

TABLE = yaml.safe_load((ROOT / "roles/platform/vars/main/services.yml").read_text())["_platform_services"]


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("8.0.43", "8.0.44", True),
        ("8.0.44", "8.0.43", True),
        ("8.0.43", "8.0.34", False),
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


def test_a_fault_names_the_variable_and_both_versions() -> None:
    [fault] = versions.version_faults(TABLE, host(), {"mysql": "8.0.43"}, "jiucom")
    assert "9.7.4" in fault
    assert "8.0.43" in fault
    assert "platform_images_overrides.mysql.ref" in fault


def test_a_volume_that_is_not_there_is_no_matter_but_one_that_cannot_be_seen_is() -> None:
    wanted = {"mysql": "8.0.43"}
    assert versions.version_faults(TABLE, host(volumes=()), wanted, "jiucom") == []
    assert versions.version_faults(TABLE, host(volumes=("other_mysql-data",)), wanted, "jiucom") == []
    assert len(versions.version_faults(TABLE, host(answers=False, volumes=()), wanted, "jiucom")) == 1
