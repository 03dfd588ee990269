"""Every command of docs/en and docs/ko is typed, but for those that tests/stories/commands.py names with the reason (F4)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest
from commands import filled, from_outside, in_order, on_the_host
from hosts import ROOT, Host

from testing.images import image

# What pages about backups, drift and stored traces speak of is there.
ON = (
    "-e", "backup_enabled=true", "-e", "stack_drift_report=daily",
    "-e", "tracing_storage=elasticsearch", "-e", "tracing_elasticsearch_managed=true",
)  # fmt: skip
# site.yml ends with what verify.yml does alone.
QUICK = ("--skip-tags", "verify")
STOPS = {"docker compose down", "docker compose down -v", "ansible-playbook playbooks/stop.yml"}


@pytest.fixture(scope="module", autouse=True)
def prepared(host: Host) -> Iterator[None]:
    """Turn optional features on, and send a request for the logs; at the end turn them off, and remove the doctor's bundle."""
    bundles = set(ROOT.glob("jiucom-support-*"))
    host.load(image("opensearch"))
    host.apply(*ON)
    assert host.get("/api/v1/parts?size=1")[0] == 200
    yield
    for bundle in set(ROOT.glob("jiucom-support-*")) - bundles:
        bundle.unlink()
    host.apply()


def type_on_the_control_node(host: Host, command: str) -> tuple[int, str]:
    """Type a command in the checkout, with this host's inventories; returns its code and what it said."""
    options = [word for path in host.inventories for word in ("-i", path)] + list(ON)
    options += QUICK if " site.yml" in command else []
    text = f'{command} ARGS="{" ".join(options)}"' if command.startswith("make") else f"{command} {' '.join(options)}"
    environment = os.environ | {"PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(
        ["bash", "-c", text], cwd=ROOT, env=environment | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("command", in_order())
def test_a_command_does_what_it_says(host: Host, command: str) -> None:
    """It ends well; after one that starts something all services are healthy, and the gateway answers."""
    if from_outside(command):
        subprocess.run(["sh", "-c", filled(command, host.address)], check=True, timeout=60)
    elif on_the_host(command):
        output = host.run(filled(command), seconds=600)
    else:
        code, output = type_on_the_control_node(host, command)
        assert code == 0, output[-6000:]
    if command in STOPS:
        assert host.get("/health")[0] == 0
        return
    host.wait_until_healthy()
    expected = 503 if command.endswith("state=on") else 200
    assert host.get("/api/v1/parts?size=1")[0] == expected


@pytest.mark.timeout(1800)
def test_the_platform_is_as_it_was_installed(host: Host) -> None:
    host.apply(*ON)
    host.unchanged(*ON)
