"""Runs a module of the collection as Ansible does, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "collections/ansible_collections/jiucom/platform/plugins/modules"


def start(path: Path, /, umask: int = 0o022, check: bool = False, **arguments: Any) -> subprocess.Popen[str]:
    """Start a module with these arguments and its input given."""
    # A shell ignores Ctrl-C for its background jobs, and so would the module.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, umask=umask,
        env=os.environ | {"PYTHONPATH": str(ROOT / "collections")},
    )  # fmt: skip
    assert process.stdin
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check}}))
    process.stdin.close()
    process.stdin = None
    return process


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a module and return what it said."""
    output, errors = process.communicate(timeout=120)
    assert output, errors
    said: dict[str, Any] = json.loads(output)
    return said


def run(name: str, /, **arguments: Any) -> dict[str, Any]:
    """Run a module of the collection, by name; `umask` and `check` (mode) may be among the arguments."""
    return result(start(MODULES / f"{name}.py", **arguments))
