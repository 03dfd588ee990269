"""What roles write outside the directory of the installation is known to the module that removes it."""

from __future__ import annotations

import re

from ansible_collections.jiucom.platform.plugins.modules.purge import FILES, UNITS
from plugins import ROOT

TEXTS = [path.read_text() for path in sorted((ROOT / "roles").glob("*/*/**/*.yml"))]


def named(pattern: str) -> set[str]:
    """Return what follows the project's name in the roles' texts."""
    return {found for text in TEXTS for found in re.findall(r"\{\{ platform_project \}\}" + pattern, text)}


def test_units() -> None:
    found = named(r"((?:-[a-z]+)?\.(?:timer|service))")
    assert {"-drift.timer", "-backup.service", ".service"} <= found
    assert found - set(UNITS) == set()


def test_entries_of_cron() -> None:
    found = {
        f"cron.d/{{}}{name}"
        for text in TEXTS
        for name in re.findall(r"/etc/cron\.d/\{\{ platform_project \}\}(-[a-z]+)", text)
    }
    assert len(found) == 3
    assert found - set(FILES) == set()
