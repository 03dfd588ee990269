"""The way of an upgrade, and what is kept of a service's files."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.jiucom.platform.plugins.filter.versions import upgrade_way
from ansible_collections.jiucom.platform.plugins.module_utils.edits import Edits
from ansible_collections.jiucom.platform.plugins.module_utils.upgrades import Kept, bring_back
from ansible_collections.jiucom.platform.plugins.module_utils.versions import stops
from plugins import ROOT

TABLE = yaml.safe_load((ROOT / "roles/platform/vars/main/services.yml").read_text())["_platform_services"]


@pytest.mark.parametrize(
    ("old", "new", "way"),
    [
        ("8.0.43", "8.0.44", []),
        ("8.0.43", "8.4.6", ["8.4"]),
        ("8.0.43", "9.7.4", ["8.4", "9.7"]),
        ("8.4.6", "9.7.4-1", ["9.7"]),
        ("9.7.4", "8.4.6", []),
        ("", "9.7.4", []),
    ],
)
def test_the_stops_of_mysql_are_those_of_its_table(old: str, new: str, way: list[str]) -> None:
    assert stops(old, new, TABLE["mysql"]["lines"]) == way


@pytest.mark.parametrize(
    ("old", "new", "way"), [("7.0.15", "7.4.5", []), ("7.0.15", "8.0.3", ["8"]), ("7.4.5", "9.1.0", ["8", "9"])]
)
def test_without_a_table_each_major_version_is_a_stop(old: str, new: str, way: list[str]) -> None:
    assert stops(old, new) == way


@pytest.mark.parametrize(
    ("name", "written", "reference", "text", "fault"),
    [
        ("mysql", "8.0.43", "mysql:9.7.4", "stops: 8.4, 9.7", "cannot go to 9.7.4 at once.*an image of 8.4"),
        ("mysql", "8.0.43", "mysql:8.4.6", "8.0.43 -> mysql:8.4.6, stops: 8.4", ""),
        ("mysql", "8.4.6", "mysql:8.0.43", "", "cannot take over what 8.4.6 wrote: a newer line's data"),
        ("redis", "7.4.5", "redis:7.0.15-alpine", "", "cannot take over what 7.4.5 wrote"),
        ("redis", "7.0.15", "redis:9.0.0-alpine", "stops: 8, 9", "an image of 8,"),
        ("redis", "7.0.15", "redis:8.0.3-alpine", "stops: 8", ""),
        # No data, no way: it may go back.
        ("nginx", "1.29.1", "nginx:1.28.0-alpine", "nginx: 1.29.1 -> nginx:1.28.0-alpine", ""),
        # Another product's version says nothing about this one's; role images refuses where it must.
        ("grafana", "board 1.0.0", "grafana/grafana:11.6.4", "", ""),
        ("redis", "", "redis:8.0.3-alpine", "unknown version", ""),
    ],
)
def test_the_way_is_told_and_refused_when_it_has_more_than_one_stop(
    name: str, written: str, reference: str, text: str, fault: str
) -> None:
    found = upgrade_way(TABLE[name], name, written, reference)
    assert text in found["text"]
    if fault:
        assert re.search(fault, found["fault"]), found
    else:
        assert found["fault"] == ""


COMPOSE = "name: toy\nservices:\n  one:\n    image: {}\n\n  two:\n    image: b:1\nnetworks: {{}}\n"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """An installation of two services."""
    for path, text in {
        "one/conf/one.conf": "old", "one/secrets/key": "secret", ".services/one.yaml": "one: {image: a:1}", ".applied/one": "x",
    }.items():  # fmt: skip
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "compose.yaml").write_text(COMPOSE.format("a:1"))
    return tmp_path


def container(number: str) -> dict[str, Any]:
    return {"Id": number, "Config": {"Image": "a:1"}, "Image": "sha256:1"}


def facts(base: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(base)): (path.read_text(), path.stat().st_mtime_ns)
        for path in base.rglob("*")
        if path.is_file() and ".upgrades" not in path.parts
    }


def test_files_and_definition_come_back_with_their_times(base: Path) -> None:
    """Their time is in the label by which a container is known to have read them."""
    before = facts(base)
    kept = Kept(base, "one")
    kept.save(container("c1"), ["one"], "1.0.0")
    directory = (base / "one/conf").stat().st_ino
    (base / "one/conf/one.conf").write_text("new")
    (base / "one/conf/more.conf").write_text("stray")
    (base / "one/secrets/key").unlink()
    (base / ".services/one.yaml").write_text("one: {image: a:2}")
    (base / "compose.yaml").write_text(COMPOSE.format("a:2").replace("b:1", "b:2"))
    kept.restore_files()
    after = facts(base)
    # Of compose.yaml the service's part alone.
    assert after.pop("compose.yaml")[0] == COMPOSE.format("a:1").replace("b:1", "b:2")
    before.pop("compose.yaml")
    after.pop(".written.json")
    assert after == before
    # Nor is what came back taken for an edit by hand.
    assert Edits(base).save(base / "one/conf/one.conf", b"newer") == ""
    assert (base / "one/conf").stat().st_ino == directory
    assert [path.stat().st_mode & 0o077 for path in (base / ".upgrades", kept.directory / "state.json")] == [0, 0]


def test_what_an_interrupted_upgrade_kept_stays_while_it_runs(base: Path) -> None:
    kept = Kept(base, "one")
    kept.save(container("c1"), ["one"], "1.0.0")
    (base / "one/conf/one.conf").write_text("new")
    kept.save(container("c1"), ["one"], "1.0.0")
    assert (kept.directory / "files/one/conf/one.conf").read_text() == "old"
    kept.save(container("c2"), ["one"], "2.0.0")
    assert (kept.directory / "files/one/conf/one.conf").read_text() == "new"
    assert kept.read()["version"] == "2.0.0"


def test_files_that_are_as_they_were_are_left_alone(base: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    saved = tmp_path_factory.mktemp("saved") / "one"
    shutil.copytree(base / "one", saved)
    inode = (base / "one/conf/one.conf").stat().st_ino
    bring_back(saved, base / "one")
    assert (base / "one/conf/one.conf").stat().st_ino == inode
