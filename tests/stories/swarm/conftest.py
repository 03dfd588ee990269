"""The hosts of scenario swarm, and one more that joins them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts import ROOT, Host
from swarm_hosts import Cluster

OWN = Path(__file__).with_name("hosts.yml")


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The three hosts of the scenario."""
    if "JIUCOM_HOST" not in os.environ:
        pytest.skip("no hosts: run these tests by make stories SCENARIOS=swarm")
    return Cluster(Host(**json.loads(os.environ["JIUCOM_HOST"])))


@pytest.fixture(scope="session")
def fourth(cluster: Cluster) -> Iterator[Host]:
    """One more host, made for these stories."""
    shared = ROOT / "molecule/shared"
    command = [str(ROOT / ".venv/bin/ansible-playbook"), "-i", str(shared / "inventory"), "-i", str(OWN)]
    environment = os.environ | {
        "MOLECULE_PROJECT_DIRECTORY": str(ROOT), "MOLECULE_SCENARIO_DIRECTORY": str(ROOT / "molecule/swarm"),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    }  # fmt: skip
    subprocess.run([*command, str(shared / "create.yml")], env=environment, check=True, cwd=ROOT, timeout=600)
    cluster.more = [str(OWN)]
    yield cluster.nodes[3]
    cluster.more = []
    subprocess.run([*command, str(shared / "destroy.yml")], env=environment, check=False, cwd=ROOT, timeout=300)
