"""The operator's executables before and after a verb."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def run(directory: str, moment: str, verb: str, result: str, base: Path) -> str:
    """Run `<moment>-<verb>` of the directory, where there is one; returns what is wrong with it, empty where nothing is."""
    hook = Path(directory) / f"{moment}-{verb}"
    if not directory or not hook.is_file():
        return ""
    given = {"JIUCOM_VERB": verb, "JIUCOM_RESULT": result, "JIUCOM_DIR": str(base)}
    try:
        run = subprocess.run([hook], env=os.environ | given, capture_output=True, text=True, check=False)
    except OSError as fault:
        return f"The hook {hook} cannot be run: {fault.strerror}"
    return f"The hook {hook} ended with {run.returncode}: {(run.stdout + run.stderr).strip()}" if run.returncode else ""
