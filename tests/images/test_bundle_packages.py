"""The packages of a bundle: of a release that need not run here, and a source that apt reads without a network."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from modules import result, start
from plugins import load

from .sources import REPOSITORY

MODULE = "roles/docker/library/docker_packages.py"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def download(path: Path, **given: Any) -> dict[str, Any]:
    """Run the module for Debian 13."""
    fixed = {
        "codename": "trixie",
        "keyring": KEYRING,
        "path": str(path),
        "options": ['Acquire::Check-Valid-Until "false";'],
    }
    return result(start(REPOSITORY / MODULE, **fixed | given))


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package without dependencies, and one with an epoch in its version."""
    path = tmp_path_factory.mktemp("packages") / "debian-13"
    said = download(path, packages=["netbase"], others=["passwd"])
    assert not said.get("failed"), said
    assert said["bytes"] == sum(file.stat().st_size for file in path.glob("*.deb"))
    return path


def test_apt_reads_it_without_a_network(packages: Path, tmp_path: Path) -> None:
    """With the configuration that roles/platform/tasks/packages.yml writes; checksums are apt's."""
    for name in ("lists/partial", "cache/archives/partial"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "sources.list").write_text(f"deb [trusted=yes] file:{packages} ./\n")
    lines = {"Dir::Etc::SourceList": "sources.list", "Dir::State::Lists": "lists", "Dir::Cache": "cache"}
    text = "".join(f'{name} "{tmp_path / place}";\n' for name, place in lines.items())
    (tmp_path / "apt.conf").write_text(f'Dir::Etc::SourceParts "-";\nAPT::Sandbox::User "root";\n{text}')
    apt = "unshare --net env APT_CONFIG=%s apt-get -qq %s"
    for words in ("update", "download netbase passwd"):
        subprocess.run((apt % (tmp_path / "apt.conf", words)).split(), check=True, cwd=tmp_path)
    assert {file.name.partition("_")[0] for file in tmp_path.glob("*.deb")} == {"netbase", "passwd"}


def test_dependencies_of_packages_are_included(packages: Path) -> None:
    names = {file.name.partition("_")[0] for file in packages.glob("*.deb")}
    assert {"netbase", "passwd", "libc6", "libselinux1"} <= names
    assert all("%" not in file.name for file in packages.iterdir())


def test_an_unknown_package_leaves_what_was_there(packages: Path) -> None:
    before = sorted(packages.iterdir())
    said = download(packages, packages=["no-such-package"])
    assert said["msg"].startswith("debian-13: ")
    assert "no-such-package" in said["msg"]
    assert sorted(packages.iterdir()) == before
    assert list(packages.parent.iterdir()) == [packages]


def test_a_mirror_that_does_not_answer_is_told(tmp_path: Path) -> None:
    said = download(tmp_path / "debian-13", packages=["netbase"], mirror="http://127.0.0.1:1/debian")
    assert "127.0.0.1" in said["msg"]
    assert list(tmp_path.iterdir()) == []


def test_sources_are_those_of_this_machine_under_the_release_that_is_asked_for() -> None:
    lines = load(MODULE).lines
    own = [("http://m/debian", "bookworm"), ("http://m/security", "bookworm-security"), ("http://vendor", "stable")]
    assert lines("trixie", "", "/k", own, "bookworm") == [
        "deb [signed-by=/k] http://m/debian trixie main",
        "deb [signed-by=/k] http://m/security trixie-security main",
    ]
    assert lines("noble", "http://u", "/k", own, "bookworm") == [
        "deb [signed-by=/k] http://u noble main",
        "deb [signed-by=/k] http://u noble-updates main",
    ]
