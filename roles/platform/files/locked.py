#!/usr/bin/python3
"""Run a command of this host under the lock that all verbs share: what a timer starts, and what is typed here.

    locked.py [--quiet] VERB COMMAND [ARGUMENT...]

Written by Ansible (roles/platform/files/locked.py), with settings.json beside it. It waits while another verb holds the lock,
and ends with 75, the command not run, when that lasts longer than a lock may. A playbook that holds the lock itself gives its
token as JIUCOM_LOCK. --quiet: no line in audit.log for a command that succeeds.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import hooks, locks

HERE = Path(__file__).resolve().parent
BASE = HERE.parent
NOT_RUN = 75


def take(lock: locks.Lock, verb: str, owner: locks.Owner, seconds: int) -> None:
    """Take the lock, and wait for it as long as a lock holds at most. Raises HeldError."""
    end, said = time.monotonic() + seconds, False
    while True:
        try:
            note = lock.take(verb, owner, seconds)
        except locks.HeldError as held:
            if time.monotonic() >= end:
                raise
            if not said:
                print(f"{verb} waits: {held}", file=sys.stderr, flush=True)
                said = True
            time.sleep(1)
            continue
        if note:
            print(note, file=sys.stderr)
        return


def run(lock: locks.Lock, command: list[str]) -> int:
    """Run the command; the lock holds as long as this process lives. Returns its exit code."""
    child: subprocess.Popen[bytes] | None = None
    asked = False

    def end(*_: object) -> None:
        nonlocal asked
        asked = True
        if child:
            child.terminate()

    # Ctrl-C and the end of a terminal reach the command by themselves: a second signal would interrupt its clearing up.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGTERM, end)
    with lock.working():
        child = subprocess.Popen(command, env=os.environ | {"JIUCOM_LOCK": str(lock.read().get("token", ""))})
        if asked:
            child.terminate()
        code = child.wait()
    return code if code >= 0 else 128 - code


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(prog="locked.py")
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("verb")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    settings: dict[str, Any] = json.loads((HERE / "settings.json").read_text())
    lock, verb = locks.Lock(BASE), options.verb
    token = os.environ.get("JIUCOM_LOCK")
    if token and lock.read().get("token") == token:
        return run(lock, options.command)
    owner = locks.owner(os.getpid())
    try:
        take(lock, verb, owner, int(settings["seconds"]))
    except locks.HeldError as held:
        print(f"{verb} was not run: {held}", file=sys.stderr)
        return NOT_RUN
    fault = hooks.run(settings["hooks"], "before", verb, "", BASE)
    if fault:
        lock.release(owner, "refused by its hook")
        print(f"{fault}. Nothing was changed", file=sys.stderr)
        return 1
    code = run(lock, options.command)
    result = "failed" if code else "done"
    lock.release(owner, result, last=True, logged=bool(code) or not options.quiet)
    fault = hooks.run(settings["hooks"], "after", verb, result, BASE)
    if fault:
        print(f"{verb} is {result}, but: {fault}", file=sys.stderr)
    return code or bool(fault)


if __name__ == "__main__":
    sys.exit(main())
