"""The module wheels: one directory for each lock file, Python and architecture, never half of one."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from modules import MODULES, result, run, start

ROOT = Path(__file__).parents[2]
# Stands for Python with pip: writes a file named by the platform that is asked for.
PIP = """#!/bin/sh
for word; do
    case $word in
        --dest=*) dest=${{word#--dest=}};;
        --platform=manylinux2014_*) machine=${{word#--platform=manylinux2014_}};;
    esac
done
echo half > "$dest/one.whl"
{then}
echo "$machine" > "$dest/two.whl"
"""


@pytest.fixture
def wanted(tmp_path: Path) -> dict[str, Any]:
    """Arguments of the module, with a pip that downloads nothing."""
    (tmp_path / "requirements.lock").write_text("markupsafe==3.0.4\n")
    given = {"lock": "requirements.lock", "cache": "cache", "executable": "pip"}
    fake_pip(tmp_path)
    return {name: str(tmp_path / file) for name, file in given.items()} | {
        "name": "app",
        "architecture": "x86_64",
        "python_version": "3.13",
    }


def fake_pip(directory: Path, then: str = "") -> None:
    """Write the executable; `then` is what it does between its two files."""
    (directory / "pip").write_text(PIP.format(then=then))
    (directory / "pip").chmod(0o755)


def cached(wanted: dict[str, Any]) -> list[str]:
    """Return what lies in the cache."""
    return sorted(path.name for path in Path(wanted["cache"]).iterdir())


def test_two_architectures_and_pythons_share_nothing(wanted: dict[str, Any]) -> None:
    paths = {
        (machine, version): Path(run("wheels", **wanted | {"architecture": machine, "python_version": version})["path"])
        for machine in ("x86_64", "aarch64")
        for version in ("3.13", "3.14")
    }
    assert len(set(paths.values())) == 4
    for (machine, _), path in paths.items():
        assert (path / "two.whl").read_text().strip() == machine


def test_another_lock_is_another_directory(wanted: dict[str, Any]) -> None:
    first = run("wheels", **wanted)
    Path(wanted["lock"]).write_text("markupsafe==3.0.3\n")
    assert run("wheels", **wanted)["path"] != first["path"]


def test_present_wheels_are_not_downloaded_again(wanted: dict[str, Any], tmp_path: Path) -> None:
    assert run("wheels", **wanted)["changed"]
    fake_pip(tmp_path, then="exit 1")
    assert not run("wheels", **wanted)["changed"]


@pytest.mark.parametrize("then", ["echo no way to the index >&2; exit 1", "kill -9 $$"])
def test_a_download_that_ends_early_leaves_nothing(then: str, wanted: dict[str, Any], tmp_path: Path) -> None:
    fake_pip(tmp_path, then)
    said = run("wheels", **wanted)
    assert said["failed"]
    assert "pip config list" in said["msg"]
    assert cached(wanted) == []
    fake_pip(tmp_path)
    assert len(list(Path(run("wheels", **wanted)["path"]).iterdir())) == 2


def test_a_killed_run_leaves_no_finished_directory(wanted: dict[str, Any], tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    fake_pip(tmp_path, then=f"touch {ready}; while [ -e {ready} ]; do sleep 0.1; done; exit 1")
    process = start(MODULES / "wheels.py", **wanted)
    while not ready.exists():
        assert process.poll() is None
    process.kill()
    process.communicate()
    ready.unlink()
    fake_pip(tmp_path)
    assert len(list(Path(run("wheels", **wanted)["path"]).iterdir())) == 2


def test_runs_side_by_side_end_with_one_directory(wanted: dict[str, Any], tmp_path: Path) -> None:
    """Each waits in the middle of its download until both are there, and then both finish together."""
    meet = f"touch {tmp_path}/$$.here; while [ $(ls {tmp_path} | grep -c here) -lt 2 ]; do sleep 0.05; done"
    fake_pip(tmp_path, then=meet)
    said = [result(process) for process in [start(MODULES / "wheels.py", **wanted) for _ in range(2)]]
    assert [one.get("failed", False) for one in said] == [False, False], said
    assert len({one["path"] for one in said}) == 1
    assert cached(wanted) == [Path(said[0]["path"]).name]
    assert len(list(Path(said[0]["path"]).iterdir())) == 2


@pytest.mark.parametrize("umask", [0o022, 0o077], ids=oct)
def test_check_mode_downloads_the_wheels(umask: int, wanted: dict[str, Any]) -> None:
    said = run("wheels", **wanted, check=True, umask=umask)
    assert len(list(Path(said["path"]).iterdir())) == 2


def test_real_wheels_are_those_of_the_architecture(wanted: dict[str, Any]) -> None:
    """By pip itself, from the package index, in both directions: one of them is not this machine's."""
    lock = (ROOT / "api/requirements.lock").read_text()
    [entry] = re.findall(r"^markupsafe==(?:.*\\\n)+.*", lock, re.MULTILINE)
    Path(wanted["lock"]).write_text(entry + "\n")
    for machine in ("x86_64", "aarch64"):
        said = run("wheels", **wanted | {"architecture": machine, "executable": sys.executable})
        [wheel] = Path(said["path"]).iterdir()
        assert re.fullmatch(rf"markupsafe-.*-cp313-.*{machine}.*\.whl", wheel.name)


def test_a_bundle_gives_them_and_nothing_is_downloaded(wanted: dict[str, Any], tmp_path: Path) -> None:
    path = Path(run("wheels", **wanted)["path"])
    fake_pip(tmp_path, then="exit 1")
    bundled = tmp_path / "bundle/wheels" / path.name
    bundled.parent.mkdir(parents=True)
    path.rename(bundled)
    said = run("wheels", **wanted, bundle=str(tmp_path / "bundle"))
    assert (said["changed"], said["path"]) == (False, str(bundled))
    assert cached(wanted) == []


def test_a_bundle_without_them_is_refused(wanted: dict[str, Any], tmp_path: Path) -> None:
    """Although they lie in the cache, and pip would bring them: what is not in the bundle was not checked."""
    run("wheels", **wanted)
    said = run("wheels", **wanted, bundle=str(tmp_path / "bundle"))
    assert said["failed"]
    assert f"The bundle has no {tmp_path}/bundle/wheels/app-" in said["msg"]
    assert "checkout.tar.gz" in said["msg"]
