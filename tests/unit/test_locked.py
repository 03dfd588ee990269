"""Timers and playbooks take the same lock: the program that timers start, as the host has it, against the module of the verbs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.jiucom.platform.plugins.module_utils.locks import Lock, owner
from modules import run
from plugins import ROOT

VARIABLES = yaml.safe_load((ROOT / "roles/platform/vars/main/lock.yml").read_text())
LIBRARY = VARIABLES["_platform_lock_library"]
[WRITE] = yaml.safe_load((ROOT / "roles/platform/tasks/lock_program.yml").read_text())
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """An installation with the files that the role writes, and none else."""
    place = tmp_path / "lock" / LIBRARY
    place.mkdir(parents=True)
    for name in WRITE["vars"]["__platform_names"]:
        shutil.copy(ROOT / "collections" / LIBRARY / f"{name}.py", place)
    shutil.copy(ROOT / "roles/platform/files/locked.py", tmp_path / "lock")
    settings(tmp_path, seconds=600)
    return tmp_path


def settings(base: Path, seconds: int, hooks: str = "") -> None:
    (base / "lock/settings.json").write_text(json.dumps({"seconds": seconds, "hooks": hooks}))


def begin(base: Path, *words: str, token: str = "") -> subprocess.Popen[str]:
    """Start the program as a timer does, without the repository's path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.Popen(
        ["/usr/bin/env", "python3", str(base / "lock/locked.py"), *words],
        env=environment | ({"JIUCOM_LOCK": token} if token else {}),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def deploy(base: Path, state: str = "taken") -> dict[str, Any]:
    """Take or release the lock as a deploy of this process does."""
    return run("lock", path=str(base), verb="deploy", state=state, owner=owner(os.getpid(), "abc"))


def log(base: Path) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in (base / "audit.log").read_text().splitlines()]
    return [(line["verb"], line["result"]) for line in lines]


def test_a_timer_waits_for_a_deploy_and_goes_on_after_it(base: Path) -> None:
    assert deploy(base)["token"]
    timer = begin(base, "backup", "touch", str(base / "made"))
    assert timer.stderr
    # It says so once it has been refused, and not before.
    assert "backup waits: deploy of" in timer.stderr.readline()
    assert not (base / "made").exists()
    assert timer.poll() is None
    deploy(base, "released")
    assert timer.communicate()[0] == ""
    assert (timer.returncode, (base / "made").exists()) == (0, True)
    assert log(base) == [("deploy", "done"), ("backup", "done")]
    assert Lock(base).read() == {}


def test_a_deploy_is_refused_while_a_timer_works(base: Path) -> None:
    timer = begin(base, "backup", "sh", "-c", "echo begun; read end; exit 3")
    assert timer.stdout
    assert timer.stdout.readline() == "begun\n"
    refused = deploy(base)
    assert f"backup of {refused['held']['user']} on" in refused["msg"]
    assert "sudo rm" in refused["msg"]
    timer.communicate("\n")
    assert timer.returncode == 3
    assert "msg" not in deploy(base)
    assert log(base) == [("backup", "failed")]


def test_it_is_not_run_when_the_lock_is_held_for_too_long(base: Path) -> None:
    settings(base, seconds=0)
    deploy(base)
    timer = begin(base, "backup", "touch", str(base / "made"))
    said = timer.communicate()[1]
    assert timer.returncode == 75
    assert "backup was not run: deploy of" in said
    assert not (base / "made").exists()


def test_a_playbook_s_own_program_does_not_wait_for_its_playbook(base: Path) -> None:
    """What a backup within an upgrade starts on the host."""
    token = deploy(base)["token"]
    timer = begin(base, "backup", "sh", "-c", "echo begun; read end", token=token)
    assert timer.stdout
    assert timer.stdout.readline() == "begun\n"
    assert Lock(base).read()["worker"][0] == timer.pid
    timer.communicate("\n")
    assert timer.returncode == 0
    assert Lock(base).read()["verb"] == "deploy"
    assert "worker" not in Lock(base).read()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 7), (signal.SIGKILL, -9)])
def test_a_timer_that_is_ended_leaves_no_lock_that_holds(base: Path, number: int, code: int) -> None:
    """Told to end, it waits for the command to clear up; killed, its lock is stale at once."""
    clears_up = (
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); print('begun', flush=True); input()"
    )
    timer = begin(base, "backup", "python3", "-c", clears_up)
    assert timer.stdout
    assert timer.stdout.readline() == "begun\n"
    timer.send_signal(number)
    assert timer.wait() == code
    assert timer.stdin
    timer.stdin.close()
    assert "msg" not in deploy(base)
    assert log(base) == [("backup", "failed" if code == 7 else "interrupted")]


def test_renewals_that_succeed_are_not_logged(base: Path) -> None:
    assert begin(base, "--quiet", "certificate", "true").wait() == 0
    assert not (base / "audit.log").exists()
    assert begin(base, "--quiet", "certificate", "false").wait() == 1
    assert log(base) == [("certificate", "failed")]


def test_a_hook_may_refuse_the_run_of_a_timer(base: Path) -> None:
    hook = base / "hooks/before-backup"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\necho not today; exit 1\n")
    hook.chmod(0o755)
    settings(base, seconds=600, hooks=str(hook.parent))
    timer = begin(base, "backup", "touch", str(base / "made"))
    assert "not today. Nothing was changed" in timer.communicate()[1]
    assert not (base / "made").exists()
    assert Lock(base).read() == {}
