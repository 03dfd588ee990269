"""Helpers of the Swarm stories: the nodes, and load on their gateways."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from hosts import ROOT, Host, wait_for
from loads import running, token


def failures(told: list[dict[str, Any]]) -> int:
    """Add up what failed, and show it."""
    for one in told:
        print(
            json.dumps({key: one[key] for key in ("sent", "written", "failures", "failing", "failed", "slowest")})[:900]
        )
    assert all(one["sent"] > 50 for one in told), "too few requests to say anything"
    return sum(one["failures"] for one in told)


def docker(*arguments: str) -> None:
    """Run docker on this machine."""
    subprocess.run(["docker", *arguments], check=True, capture_output=True, timeout=120)


class Cluster:
    """The nodes, asked over their own commands; the first one is a manager and has the volumes."""

    def __init__(self, first: Host) -> None:
        self.network = first.name.rpartition("-node1")[0]
        base = first.address.rpartition(".")[0]
        self.nodes = [Host(f"{self.network}-node{n}", f"{base}.{70 + n}", first.inventories) for n in range(1, 5)]
        self.first = self.nodes[0]
        self.more: list[str] = []

    def play(self, *arguments: str, playbook: str = "playbooks/swarm.yml", seconds: int = 900) -> tuple[int, str]:
        """Run a playbook on the hosts, those that have joined too."""
        self.first.inventories = [*self.first.inventories[:2], *self.more]
        return self.first.playbook(*arguments, playbook=playbook, seconds=seconds)

    def apply(self, *arguments: str) -> int:
        """Run the playbook, which must succeed; returns how much changed."""
        code, said = self.play(*arguments)
        assert code == 0, said[-6000:]
        return sum(map(int, re.findall(r"changed=(\d+)", said)))

    def services(self) -> dict[str, str]:
        """Return `running/wanted` of each service."""
        said = self.first.run("docker service ls --format '{{.Name}} {{.Replicas}}'")
        return dict(line.split()[:2] for line in said.splitlines())

    def complete(self) -> bool:
        """Whether each service runs as often as it should."""
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired, ValueError):
            found = self.services()
            return bool(found) and all(len(set(one.split("/"))) == 1 and one[0] != "0" for one in found.values())
        return False

    def tasks(self, service: str = "", state: str = "") -> dict[str, str]:
        """Return the node of each task that should run, of one service or of all, by its id; those in a state alone."""
        command = (
            "docker node ps $(docker node ls -q) --filter desired-state=running"
            " --format '{{.ID}} {{.Node}} {{.Name}} {{.CurrentState}}'"
        )
        lines = [line.split()[:4] for line in self.first.run(command).splitlines()]
        return {
            id_: node
            for id_, node, name, found in lines
            if name.startswith(f"jiucom_{service}") and state in ("", found)
        }

    def image(self, service: str) -> str:
        """Return the image that a service is defined with."""
        form = "{{.Spec.TaskTemplate.ContainerSpec.Image}}"
        return self.first.run(f"docker service inspect --format '{form}' jiucom_{service}").strip()

    def state(self, node: str) -> str:
        """Return a node's state and availability, as the first one sees them."""
        return self.first.run(
            f"docker node inspect --format '{{{{.Status.State}}}} {{{{.Spec.Availability}}}}' {node}"
        ).strip()

    def wait_until_complete(self, seconds: float = 240) -> None:
        """Wait until each service runs as often as it should."""
        wait_for(self.complete, seconds, "each service as often as it should run")

    @contextlib.contextmanager
    def load(self, mark: str, *edges: Host, rate: int = 20) -> Iterator[list[dict[str, Any]]]:
        """Send so many requests a second to each gateway until the end of the block; yields what happened, by gateway."""
        access = token(self.first)
        with contextlib.ExitStack() as every:
            options = ["--sources", "0.0.0.0", "--rate", str(rate), "--seconds", "1800", "--token", access]
            script = str(ROOT / "tests/load/__main__.py")
            yield [
                every.enter_context(
                    running(
                        [sys.executable, script, "--url", f"http://{edge.address}", *options, "--mark", f"{mark}{n}"]
                    )
                )
                for n, edge in enumerate(edges)
            ]


def doctor(cluster: Cluster, *arguments: str) -> tuple[str, set[str]]:
    """Run the doctor; returns what it said on one line, and `service: fault` of each fault."""
    _, said = cluster.play(*arguments, playbook="playbooks/doctor.yml")
    told = said[said.index("Tell what is wrong and what to type") :]
    found = re.findall(r"^ *- '?([\w-]+: [\w ]+)'?\n *- '? +seen: ", told, re.MULTILINE)
    return " ".join(told.split()), set(found)
