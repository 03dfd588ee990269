"""The module service_files: owners and modes whatever the host's umask is, validation, strays."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from modules import run

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")

UMASKS = pytest.mark.parametrize("umask", [0o022, 0o027, 0o077, 0o000], ids=oct)


def redis(**changes: Any) -> dict[str, Any]:
    """Return a service with nested configuration, an empty directory and a part of compose.yaml."""
    return {
        "name": "redis",
        "uid": 999,
        "gid": 1000,
        "files": {"conf/redis.conf": "port 6379\n", "conf/acl/users.acl": "user default off\n"},
        "directories": ["rules/own"],
        "compose": "redis: {}\n",
        **changes,
    }


def tree(root: Path) -> dict[str, tuple[int, int, str]]:
    """Return owner, group and mode of everything below a directory, by path."""
    found = {}
    for path in [root, *root.rglob("*")]:
        status = path.stat()
        found[str(path.relative_to(root))] = (status.st_uid, status.st_gid, oct(status.st_mode & 0o7777))
    return found


@UMASKS
def test_owners_and_modes_do_not_depend_on_the_umask(umask: int, tmp_path: Path) -> None:
    base = tmp_path / "jiucom"
    said = run("service_files", base=str(base), services=[redis()], secrets={"redis": {"password": "x"}}, umask=umask)
    assert said["services"] == ["redis"]
    found = tree(base)
    docker = found.pop(".")
    assert docker[::2] == (0, "0o750")
    assert found == {
        ".services": (0, 0, "0o700"),
        ".written.json": (0, 0, "0o600"),
        ".services/redis.yaml": (0, 0, "0o600"),
        "redis": (0, 1000, "0o750"),
        "redis/conf": (0, 1000, "0o750"),
        "redis/conf/redis.conf": (0, 1000, "0o640"),
        "redis/conf/acl": (0, 1000, "0o750"),
        "redis/conf/acl/users.acl": (0, 1000, "0o640"),
        "redis/rules": (0, 1000, "0o750"),
        "redis/rules/own": (0, 1000, "0o750"),
        "redis/secrets": (999, 1000, "0o500"),
        "redis/secrets/password": (999, 1000, "0o400"),
    }


@UMASKS
def test_the_new_files_are_validated_with_their_final_modes(umask: int, tmp_path: Path) -> None:
    """The program that validates may run as the container's user."""
    seen = tmp_path / "seen"
    command = f"find %s -printf '%%m %%U:%%G %%P\\n' | sort > {seen}"
    run(
        "service_files",
        base=str(tmp_path / "jiucom"),
        services=[redis(validate=[command.replace("%%", "%")])],
        umask=umask,
    )
    lines = seen.read_text().splitlines()
    assert "640 0:1000 conf/acl/users.acl" in lines
    assert "750 0:1000 conf/acl" in lines
    assert "750 0:1000 " in lines


@UMASKS
def test_changes_by_hand_are_reverted(umask: int, tmp_path: Path) -> None:
    wanted: dict[str, Any] = {
        "base": str(tmp_path / "jiucom"),
        "services": [redis()],
        "secrets": {"redis": {"key": "x"}},
    }
    run("service_files", **wanted)
    before = tree(tmp_path / "jiucom")
    (tmp_path / "jiucom/redis/conf").chmod(0o777)
    (tmp_path / "jiucom/redis/secrets/key").chmod(0o444)
    os.chown(tmp_path / "jiucom/redis/conf/redis.conf", 1, 1)
    seen = run("service_files", check=True, **wanted)
    assert seen["changed"]
    assert tree(tmp_path / "jiucom") != before
    assert len([line for line in seen["diff"] if "owner or mode" in line.get("prepared", "")]) == 3
    assert run("service_files", umask=umask, **wanted)["changed"]
    assert tree(tmp_path / "jiucom") == before
    assert not run("service_files", umask=umask, **wanted)["changed"]


@UMASKS
def test_a_stray_file_is_moved_where_root_alone_reads_it(umask: int, tmp_path: Path) -> None:
    wanted: dict[str, Any] = {"base": str(tmp_path / "jiucom"), "services": [redis()]}
    run("service_files", **wanted)
    stray = tmp_path / "jiucom/redis/conf/mine.conf"
    stray.write_text("maxmemory 1\n")
    stray.chmod(0o666)
    run("service_files", umask=umask, **wanted)
    assert not stray.exists()
    [moved] = (tmp_path / "jiucom/.removed").rglob("mine.conf")
    assert moved.read_text() == "maxmemory 1\n"
    assert tree(tmp_path / "jiucom/.removed")["."] == (0, 0, "0o700")


def test_invalid_files_do_not_replace_valid_ones(tmp_path: Path) -> None:
    wanted: dict[str, Any] = {"base": str(tmp_path / "jiucom"), "services": [redis()]}
    run("service_files", **wanted)
    bad = redis(files={"conf/redis.conf": "nonsense\n"}, validate=["! grep -q nonsense %s/conf/redis.conf"])
    said = run("service_files", base=str(tmp_path / "jiucom"), services=[bad])
    assert said["failed"]
    assert "redis is invalid, nothing was changed" in said["msg"]
    assert (tmp_path / "jiucom/redis/conf/redis.conf").read_text() == "port 6379\n"
    assert [path.name for path in (tmp_path / "jiucom").iterdir() if path.name.startswith(".staging")] == []


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    said = run("service_files", base=str(tmp_path / "jiucom"), services=[redis()], check=True)
    assert said["changed"]
    assert not (tmp_path / "jiucom").exists()


def test_a_service_that_is_off_leaves_no_file(tmp_path: Path) -> None:
    run("service_files", base=str(tmp_path), services=[redis()], secrets={"redis": {"password": "x"}})
    (tmp_path / ".applied").mkdir()
    (tmp_path / ".applied/redis").write_text("what it has read")
    off: dict[str, Any] = {"base": str(tmp_path), "services": [], "absent": ["redis"]}
    assert run("service_files", **off)["changed"]
    assert [path for path in tmp_path.rglob("*") if "redis" in path.name] == []
    assert not run("service_files", **off)["changed"]
