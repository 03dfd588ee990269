"""Every page and picture that is made, as it has to be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tools.docs import configure, diagrams, growth, swarm, tables
from tools.docs.data import LANGUAGES, ROOT
from tools.docs.markdown import filled

SECTIONS: dict[str, Callable[[str], str]] = {
    "inventories": configure.inventories,
    "reference": configure.reference,
    "alerts": tables.alerts,
    "dashboard": tables.dashboard,
    "growth": growth.needs,
    "growth-costs": growth.costs,
    "growth-limits": growth.limits,
    "jobs": tables.jobs,
    "limits": tables.limits,
    "old-names": tables.old_names,
    "operations": tables.operations,
    "ports": tables.ports,
    "routes": tables.routes,
    "sampling": tables.sampling,
    "services": tables.service_table,
    "stack-keys": swarm.keys,
    "start-order": tables.start_order,
    "volumes": tables.volumes,
}


def generate() -> dict[Path, str]:
    """Return the text of each file by its path."""
    pages = {
        page: filled(page.read_text(), language, SECTIONS)
        for language in LANGUAGES
        for page in sorted((ROOT / "docs" / language).glob("*.md"))
    }
    return pages | {ROOT / "docs/pictures" / name: draw() for name, draw in diagrams.PICTURES.items()}
