"""The lock that verbs share: one holder at a time, stale ones taken over, each release a line in the log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.jiucom.platform.plugins.module_utils import processes
from ansible_collections.jiucom.platform.plugins.module_utils.locks import HeldError, Lock
from modules import ROOT, run

OWNER: dict[str, Any] = {"user": "kim", "node": "one", "boot": "b", "process": 10, "started": 1, "commit": "abc"}
OTHER = OWNER | {"process": 11, "user": "lee"}


def log(base: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (base / "audit.log").read_text().splitlines()]


def test_one_run_holds_it_and_the_other_is_told_who_and_what_to_type(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    assert lock.take("deploy", OWNER, 60) == ""
    with pytest.raises(HeldError, match=r"deploy of kim on one \(process 10\) .* sudo rm .*/\.lock"):
        lock.take("backup", OTHER, 60)
    assert not lock.release(OTHER, "done")
    assert lock.release(OWNER, "done")
    assert lock.take("backup", OTHER, 60) == ""


def test_a_run_may_take_it_twice_and_its_last_release_is_logged(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    lock.take("upgrade", OWNER, 60)
    lock.take("backup", OWNER, 60)
    assert not lock.release(OWNER, "done")
    assert lock.read()["verb"] == "upgrade"
    assert lock.release(OWNER, "done")
    [line] = log(tmp_path)
    assert {key: line[key] for key in ("verb", "user", "node", "commit", "result")} == {
        "verb": "upgrade", "user": "kim", "node": "one", "commit": "abc", "result": "done",
    }  # fmt: skip


def test_a_failure_ends_it_however_often_it_was_taken(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    lock.take("upgrade", OWNER, 60)
    lock.take("backup", OWNER, 60)
    assert lock.release(OWNER, "failed", last=True)
    assert [line["result"] for line in log(tmp_path)] == ["failed"]


def test_a_lock_whose_time_is_over_or_whose_process_was_seen_to_end_is_taken_over(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    lock.take("deploy", OWNER, -1)
    assert "its time is over" in lock.take("deploy", OTHER, 60)
    with pytest.raises(HeldError):
        lock.take("deploy", OWNER, 60, gone="another lock's token")
    assert "its process has ended" in lock.take("deploy", OWNER, 60, gone=lock.read()["token"])
    assert [line["result"] for line in log(tmp_path)] == ["interrupted", "interrupted"]


def test_it_holds_while_a_process_of_the_host_works_for_it(tmp_path: Path) -> None:
    """The control node may be gone: what it started is still at work."""
    lock = Lock(tmp_path)
    lock.take("deploy", OWNER, -1)
    with lock.working(), pytest.raises(HeldError):
        lock.take("deploy", OTHER, 60)
    assert "its time is over" in lock.take("deploy", OTHER, 60)


def test_a_process_is_known_by_its_start(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = processes.started(process.pid)
    assert processes.alive(process.pid, start)
    assert not processes.alive(process.pid, start - 1)
    process.communicate()
    assert not processes.alive(process.pid, start)
    here = OWNER | {"boot": processes.boot(), "process": process.pid, "started": start}
    Lock(tmp_path).take("deploy", here, 60)
    assert "its process has ended" in Lock(tmp_path).take("deploy", OTHER, 60)


def test_a_container_s_process_is_not_looked_for_on_its_host() -> None:
    """Both have the same boot, and numbers of their own."""
    code = "from ansible_collections.jiucom.platform.plugins.module_utils import processes; print(processes.boot())"
    command = ["unshare", "--pid", "--fork", sys.executable, "-c", code]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "collections")}
    inside = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()
    assert inside.split()[0] == processes.boot().split()[0]
    assert inside != processes.boot()


def test_the_hook_afterwards_is_the_one_of_the_verb_that_took_it_first(tmp_path: Path) -> None:
    """What it includes may be what releases it after a failure."""
    base, hooks = tmp_path / "base", tmp_path / "hooks"
    base.mkdir()
    hooks.mkdir()
    for verb in ("rotate", "site"):
        (hooks / f"after-{verb}").write_text(f"#!/bin/sh\necho {verb} $JIUCOM_VERB >> {tmp_path}/said\n")
        (hooks / f"after-{verb}").chmod(0o755)
    given = {"path": str(base), "hooks": str(hooks), "owner": OWNER}
    assert run("lock", **given, verb="rotate")["token"] == run("lock", **given, verb="site")["token"]
    run("lock", **given, verb="site", state="released", result="failed", last=True)
    assert (tmp_path / "said").read_text() == "rotate rotate\n"


def test_hooks_run_before_and_after_and_may_refuse(tmp_path: Path) -> None:
    base, hooks = tmp_path / "base", tmp_path / "hooks"
    base.mkdir()
    hooks.mkdir()
    for moment, code in (("before", 0), ("after", 0)):
        (hooks / f"{moment}-deploy").write_text(
            f"#!/bin/sh\necho {moment} $JIUCOM_RESULT >> {tmp_path}/said\nexit {code}\n"
        )
        (hooks / f"{moment}-deploy").chmod(0o755)
    given = {"path": str(base), "verb": "deploy", "hooks": str(hooks), "owner": OWNER}
    for state in ("taken", "taken", "released", "released"):
        assert "msg" not in run("lock", **given, state=state, result="failed")
    assert (tmp_path / "said").read_text() == "before failed\nafter failed\n"
    (hooks / "before-deploy").write_text("#!/bin/sh\necho not on a Friday; exit 3\n")
    refused = run("lock", **given)
    assert "ended with 3: not on a Friday. Nothing was changed" in refused["msg"]
    assert Lock(base).read() == {}


def test_check_mode_and_a_host_without_an_installation_have_no_lock(tmp_path: Path) -> None:
    assert run("lock", path=str(tmp_path), verb="deploy", owner=OWNER, check=True)["changed"] is False
    assert run("lock", path=str(tmp_path / "none"), verb="deploy", owner=OWNER)["changed"] is False
    assert os.listdir(tmp_path) == []
