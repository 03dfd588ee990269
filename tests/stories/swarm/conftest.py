"""The hosts of scenario swarm."""

from __future__ import annotations

import json
import os

import pytest
from hosts import Host
from swarm_hosts import Cluster


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The three hosts of the scenario."""
    if "JIUCOM_HOST" not in os.environ:
        pytest.skip("no hosts: run these tests by make stories SCENARIOS=swarm")
    return Cluster(Host(**json.loads(os.environ["JIUCOM_HOST"])))
