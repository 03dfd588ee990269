"""Modules run with the host's Python, which has nothing but its standard library and what Ansible sends along."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from plugins import ROOT

COLLECTIONS = ROOT / "collections"
OURS = "ansible_collections.jiucom.platform.plugins.module_utils"
MODULES = sorted(
    [*COLLECTIONS.glob("ansible_collections/jiucom/platform/plugins/modules/*.py"), *ROOT.glob("roles/*/library/*.py")]
)


def imported(file: Path) -> set[str]:
    """Return the dotted names of what a file imports."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def source(name: str) -> Path | None:
    """Return the file of one of our shared modules, or of one that has the imported name in it."""
    for dotted in (name, name.rpartition(".")[0]):
        path = COLLECTIONS / (dotted.replace(".", "/") + ".py")
        if path.is_file():
            return path
    return None


def foreign(file: Path, seen: set[Path]) -> set[str]:
    """Return what a file imports, itself or through our shared modules, that a host may not have."""
    if file in seen:
        return set()
    seen.add(file)
    found = set()
    for name in imported(file):
        if name.startswith(OURS):
            path = source(name)
            found |= foreign(path, seen) if path else {name}
        elif name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith("ansible.module_utils."):
            found.add(name)
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_host_has_what_a_module_imports(module: Path) -> None:
    assert foreign(module, set()) == set()
