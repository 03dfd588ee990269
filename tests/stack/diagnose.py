"""Runs the roles' diagnosis modules as Ansible does, and shows what the doctor would tell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from ansible_collections.jiucom.platform.plugins.filter.findings import root_causes

from .conftest import ROOT


def diagnose(
    role: str, *, secrets: dict[str, Any] | None = None, environment: dict[str, str] | None = None, **expected: Any
) -> list[dict[str, Any]]:
    """Run a role's diagnosis module on this machine; returns the faults that it finds."""
    arguments = {"ANSIBLE_MODULE_ARGS": {"expected": expected, "secrets": secrets or {}}}
    run = subprocess.run(
        [sys.executable, ROOT / f"roles/{role}/library/{role}_diagnose.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "collections"), **(environment or {})},
        input=json.dumps(arguments), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.stdout, run.stderr
    result = json.loads(run.stdout)
    assert result["changed"] is False
    found: list[dict[str, Any]] = result["ansible_facts"][f"findings_{role}"]
    return found


def told(*found: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Return service and name of each fault that the doctor would tell."""
    faults = [fault for group in found for fault in group]
    assert all(fault["seen"] and fault["type"] for fault in faults)
    return {(fault["service"], fault["name"]) for fault in root_causes(faults)}
