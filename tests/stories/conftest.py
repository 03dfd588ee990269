"""The host under test; Molecule's verify playbook names it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from hosts import Host
from loads import LIMITS, token


@pytest.fixture(scope="session")
def host() -> Host:
    """The host of the scenario, as molecule/shared/tasks/stories.yml describes it."""
    if "JIUCOM_HOST" not in os.environ:
        pytest.skip("no host: run these tests by Molecule (make molecule) or by make stories")
    return Host(**json.loads(os.environ["JIUCOM_HOST"]))


@pytest.fixture(scope="module")
def access(host: Host) -> Iterator[str]:
    """The access token of a user that may write as much as a load does; afterwards the limits, and the version, are as before."""
    host.apply(*LIMITS)
    yield token(host)
    host.apply()
