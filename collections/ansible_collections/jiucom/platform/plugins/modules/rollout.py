#!/usr/bin/python
"""Bring the replicas of the API to a new definition or number without a lost request."""

from __future__ import annotations

import json
import math
import secrets
import shutil
import signal
import time
from pathlib import Path
from types import FrameType

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.comparison import by_hand
from ansible_collections.jiucom.platform.plugins.module_utils.locks import Lock
from ansible_collections.jiucom.platform.plugins.module_utils.releases import NEXT, Releases
from ansible_collections.jiucom.platform.plugins.module_utils.rollout.gateway import (
    KEPT,
    NEW,
    OLD,
    Gateway,
    GatewayError,
    Worker,
    run,
    running_gateway,
)
from ansible_collections.jiucom.platform.plugins.module_utils.rollout.replicas import (
    SERVICE,
    Replica,
    ReplicaError,
    drain,
    replicas,
)

DOCUMENTATION = r"""
module: rollout
short_description: Replace the replicas of the API without a lost request
description:
  - 'The gateway is pointed to the replicas that serve; new ones are started beside them; when each is healthy and has answered a
    request, the gateway is pointed to the new ones alone; when its old workers and the old replicas have nothing left to answer,
    the old replicas are stopped and removed.'
  - Until the gateway points to the new replicas, a failure or a signal puts everything back, compose.yaml too. Afterwards the
    rest is done, whatever comes.
  - Where no replica or no gateway serves, there is nothing to be careful with; C(docker compose up) does it.
options:
  path: {type: path, required: true, description: Directory of the installation.}
  project: {type: str, required: true, description: Name of the Compose project.}
  network: {type: str, required: true, description: Name of the platform's network.}
  port: {type: int, required: true, description: Port of the API.}
  gateway: {type: str, required: true, description: URL of the gateway's status port.}
  replicas: {type: int, required: true, description: How many there shall be.}
  memory: {type: int, required: true, description: Bytes that a replica is reserved.}
  patience: {type: int, default: 180, description: Seconds that a replica may take to become healthy.}
  drain: {type: int, default: 60, description: Seconds that old replicas may take to answer what they have begun.}
  grace: {type: int, default: 30, description: Seconds that a container has to end.}
  careful: {type: bool, default: true, description: 'With false, docker compose up does it, with a gap.'}
  back: {type: bool, default: false, description: Whether this goes back to an earlier release.}
author: [JIUCOM]
"""
EXAMPLES = r"""
- jiucom.platform.rollout: {path: /opt/jiucom, project: jiucom, network: jiucom-network, port: 8080,
    gateway: 'http://172.30.80.10:8081', replicas: 2, memory: 536870912}
"""
RETURN = "steps: {type: list, returned: always, description: 'What was done, with the time it took.'}"


class RefusedError(RuntimeError):
    """It cannot be done; the text says why and what to type."""


class InterruptedByError(RuntimeError):
    """A signal came before the gateway was pointed to the new replicas."""


class Signals:
    """Signals end what can be put back, and wait for what must be brought to its end."""

    def __init__(self) -> None:
        self.stoppable = True
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.receive)

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Raise where what was done can be put back."""
        if self.stoppable:
            self.stoppable = False
            raise InterruptedByError(f"interrupted by {signal.Signals(number).name}")


class Rollout:
    """One change of the replicas."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.given = module, module.params
        self.base = Path(self.given["path"])
        self.file, self.next = self.base / "compose.yaml", self.base / NEXT
        self.signals, self.steps, self.started = Signals(), list[str](), time.monotonic()

    def say(self, text: str) -> None:
        """Note a step, with the time since the beginning."""
        self.steps.append(f"{time.monotonic() - self.started:5.1f} s  {text}")

    def replicas(self) -> list[Replica]:
        """List the replicas."""
        return replicas(self.given["project"], self.given["network"], self.given["port"])

    def compose(self, *arguments: str) -> str:
        """Run docker compose on the new definition. Raises RefusedError with what it said."""
        file = self.next if self.next.is_file() else self.file
        done = run(
            "docker",
            "compose",
            "--project-directory",
            str(self.base),
            "--file",
            str(file),
            "--progress",
            "quiet",
            *arguments,
        )
        if done.returncode:
            raise RefusedError(f"docker compose {' '.join(arguments)}: {(done.stderr + done.stdout).strip()[-2000:]}")
        return done.stdout

    def accept(self) -> None:
        """Make the new definition the one that counts."""
        if self.next.is_file():
            self.next.replace(self.file)

    def check(self, fresh: list[Replica], new: int, image: str) -> None:
        """Refuse what cannot work, before anything is started."""
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                available = int(line.split()[1]) * 1024
        needed = new * self.given["memory"]
        if available < needed:
            raise RefusedError(
                f"{new} more replicas need {math.ceil(needed / 2**20)} MB beside those that serve, and the host has "
                f"{available // 2**20} MB left: lower api_replicas, or set stack_rollout: false to replace them with a gap"
            )
        if shutil.disk_usage(self.base).free < 200 * 2**20:
            raise RefusedError(f"{self.base} has less than 200 MB free")
        if not fresh or self.given["back"] or image == fresh[0].image:
            return
        told = run("docker", "exec", fresh[0].id, "python", "-m", "jiucom", "migrate", "--status", "--json")
        # A version that does not know the question has nothing that waits.
        waiting = json.loads(told.stdout.splitlines()[-1])["waiting"] if told.returncode == 0 else []
        if waiting:
            raise RefusedError(
                f"The migration {', '.join(waiting)} of the version that runs has not been done yet: "
                "type ansible-playbook playbooks/contract.yml, then deploy again"
            )

    def migrate(self) -> None:
        """Bring the schema to the new version, in a container of its own."""
        said = self.compose("run", "--rm", "--no-deps", "--no-TTY", SERVICE, "migrate", "--json")
        found = json.loads(said.splitlines()[-1])
        self.say(f"schema {found['before']} -> {found['after']}")

    def plain(self, why: str) -> None:
        """Let Compose do it."""
        self.signals.stoppable = False
        self.accept()
        self.say(f"{why}: docker compose up")
        count = f"{SERVICE}={self.given['replicas']}"
        self.compose(
            "up", "--detach", "--wait", "--wait-timeout", str(self.given["patience"]), "--scale", count, SERVICE
        )

    def start(self, old: list[Replica], new: int) -> list[Replica]:
        """Start more replicas beside those that there are; returns them."""
        total = len(old) + new
        # Without --no-deps: it would give the containers another hash than their definition has.
        self.compose("up", "--detach", "--no-recreate", "--scale", f"{SERVICE}={total}", SERVICE)
        known = {one.id for one in old}
        started = [one for one in self.replicas() if one.id not in known]
        self.say(f"started {', '.join(one.name for one in started)}")
        for one in started:
            one.await_health(self.given["patience"])
        self.say("healthy, and each has answered a request")
        return started

    def point(self, gateway: Gateway, ones: list[Replica], mark: str) -> list[Worker]:
        """Have the gateway ask these replicas alone, by their addresses; returns its workers of before."""
        addresses = [one.address for one in ones]
        gateway.keep(self.base / KEPT)
        workers = gateway.point_to(addresses, f"{mark}-{secrets.token_hex(6)}", seconds=20)
        self.say(f"the gateway asks {', '.join(addresses)} alone ({mark})")
        return workers

    def point_to_name(self, gateway: Gateway) -> None:
        """Have the gateway ask whatever has the service's name."""
        gateway.point_back(seconds=20)
        (self.base / KEPT).unlink(missing_ok=True)

    def remove(self, ones: list[Replica]) -> None:
        """Stop and remove replicas."""
        for one in ones:
            one.remove(self.given["grace"])
        if ones:
            self.say(f"removed {', '.join(one.name for one in ones)}")

    def run(self) -> None:
        """Do it."""
        old = self.replicas()
        gateway = running_gateway(self.given["project"], self.base / "nginx/conf/app.conf", self.given["gateway"])
        healthy = [one for one in old if one.health == "healthy"]
        if not self.given["careful"] or not healthy or gateway is None:
            self.plain("not careful (stack_rollout)" if not self.given["careful"] else "nothing serves")
            return
        wanted = self.compose("config", "--hash", SERVICE).split()[1]
        config = json.loads(self.compose("config", "--format", "json"))
        definition, networks = config["services"][SERVICE], config.get("networks", {})
        image = definition["image"]
        image_id = engine.get(f"/images/{image}/json")["Id"]
        # What is as wanted stays; an interrupted run may have left some.
        good = [
            one
            for one in healthy
            if one.inspected["Config"]["Labels"][engine.CONFIG_HASH] == wanted
            and one.inspected["Image"] == image_id
            and not by_hand(one.inspected, definition, networks)
        ]
        kept = good[: self.given["replicas"]]
        retired = [one for one in old if one not in kept]
        new = self.given["replicas"] - len(kept)
        self.check(healthy, new, image)
        started: list[Replica] = []
        try:
            if any(one.image != image for one in old):
                self.migrate()
            if new:
                # nginx answers 502 to a request that waits for an address while the name's addresses change (nginx issue 1656).
                self.point(gateway, healthy, OLD)
                started = self.start(old, new)
            workers: list[Worker] = []
            if retired:
                workers = self.point(gateway, kept + started, NEW)
            # From here on the new ones serve: what comes now is brought to its end.
            self.signals.stoppable = False
        except BaseException:
            self.signals.stoppable = False
            if (self.base / KEPT).exists():
                self.point(gateway, healthy, OLD)
            known = {one.id for one in old}
            self.remove([one for one in self.replicas() if one.id not in known])
            self.point_to_name(gateway)
            raise
        self.accept()
        if retired:
            self.say(f"the old replicas and workers of nginx: {drain(retired, workers, self.given['drain'])}")
            self.remove(retired)
        self.point_to_name(gateway)
        self.say(f"{self.given['replicas']} replicas of {image} serve")
        lock = Lock(self.base)
        Releases(self.base).record(str(lock.read().get("commit", "")))
        lock.describe(f"{old[0].image} -> {image}, {self.given['replicas']} replicas")


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "project": {"type": "str", "required": True},
            "network": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "gateway": {"type": "str", "required": True},
            "replicas": {"type": "int", "required": True},
            "memory": {"type": "int", "required": True},
            "patience": {"type": "int", "default": 180},
            "drain": {"type": "int", "default": 60},
            "grace": {"type": "int", "default": 30},
            "careful": {"type": "bool", "default": True},
            "back": {"type": "bool", "default": False},
        },
    )
    rollout = Rollout(module)
    try:
        with Lock(rollout.base).working():
            rollout.run()
    except (RefusedError, ReplicaError, GatewayError, InterruptedByError, engine.EngineError) as fault:
        rollout.next.unlink(missing_ok=True)
        Releases(rollout.base).keep()
        module.fail_json(
            msg=f"The new version was refused, and the one before serves as it did. {fault}", steps=rollout.steps
        )
    module.exit_json(changed=True, steps=rollout.steps)


if __name__ == "__main__":
    main()
