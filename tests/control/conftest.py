"""Checkouts in directories as operators name theirs, with the environment for deploying."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.control.checkout import NEWEST, OLDEST, Checkout, pythons
from tests.control.inventory import Inventory


@pytest.fixture(scope="session", params=sorted({OLDEST, NEWEST}))
def checkout(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Make a checkout under a closed umask, by the oldest and the newest Python that this machine has."""
    made = Checkout(tmp_path_factory.mktemp("control") / "Kim's Projects 내 것" / "jiucom", umask=0o077)
    made.make(".venv/control", f"PYTHON={pythons()[request.param]}", umask=0o077)
    return made


@pytest.fixture
def platform_dir(tmp_path: Path) -> Path:
    """Return a directory for a platform that is never made."""
    return tmp_path / "platform"


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    """Return an inventory of production without secrets."""
    return Inventory(tmp_path)
