"""The host under test; Molecule's verify playbook names it."""

from __future__ import annotations

import os

import pytest
from hosts import Host


@pytest.fixture(scope="session")
def host() -> Host:
    """A host that site.yml has installed."""
    return Host(os.environ["JIUCOM_HOST"], os.environ["JIUCOM_ADDRESS"], os.environ["JIUCOM_INVENTORY"])
