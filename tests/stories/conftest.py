"""The host under test; Molecule's verify playbook names it."""

from __future__ import annotations

import json
import os

import pytest
from hosts import Host


@pytest.fixture(scope="session")
def host() -> Host:
    """The host of the scenario, as molecule/shared/tasks/stories.yml describes it."""
    if "JIUCOM_HOST" not in os.environ:
        pytest.skip("no host: run these tests by Molecule (make molecule) or by make stories")
    return Host(**json.loads(os.environ["JIUCOM_HOST"]))
