#!/usr/bin/python
"""Bring one service to its new image, and put the one before back where that does not become healthy."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import containers, engine
from ansible_collections.jiucom.platform.plugins.module_utils.files import rewrite
from ansible_collections.jiucom.platform.plugins.module_utils.locks import Lock
from ansible_collections.jiucom.platform.plugins.module_utils.rollout.gateway import run
from ansible_collections.jiucom.platform.plugins.module_utils.upgrades import (
    Kept,
    VolumeError,
    copy_volume,
    exchange_volume,
    remove_volume,
    size,
    volume,
    volume_exists,
)

DOCUMENTATION = r"""
module: upgrade
short_description: Bring one service to its new image, or back
description:
  - C(prepared) keeps what runs and its files, before the new files are written.
  - C(applied) stops the service, copies its volumes, and starts it as compose.yaml says now. Where it does not become healthy, or
    a signal comes, image, files and volumes are put back.
  - C(back) puts them back after C(applied), and C(reverted) later, when the volumes' present content is kept beside them.
  - C(finished) records that the upgrade is done; C(dropped) that there was nothing to do.
options:
  path: {type: path, required: true, description: Directory of the installation.}
  project: {type: str, required: true, description: Name of the Compose project.}
  service: {type: str, required: true, description: Name of the service.}
  state:
    type: str
    choices: [prepared, applied, back, finished, dropped, reverted]
    required: true
    description: What to do.
  beside: {type: list, elements: str, default: [], description: 'The services of its role, whose files are written in one step.'}
  volumes: {type: list, elements: str, default: [], description: Names of its volumes, without the project's.}
  version: {type: str, default: '', description: Version that is recorded for it now.}
  patience: {type: int, default: 300, description: Seconds that it may take to become healthy.}
  grace: {type: int, default: 600, description: Seconds that it may take to end by itself.}
author: [JIUCOM]
"""
EXAMPLES = "- jiucom.platform.upgrade: {path: /opt/jiucom, project: jiucom, service: redis, state: applied}"
RETURN = r"""
lines: {type: list, returned: always, description: What was done and what the operator should know.}
before: {type: str, returned: always, description: The image before.}
version: {type: str, returned: always, description: The version that was recorded for it.}
"""

# Docker starts a container again at once, then more and more slowly.
CRASHES = 5


class RefusedError(RuntimeError):
    """It cannot be done; the text says why and what to type."""


class InterruptedByError(RuntimeError):
    """A signal came before the new one was healthy."""


class Upgrade:
    """The upgrade of one service."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given, self.name = given, given["service"]
        self.base = Path(given["path"])
        self.kept = Kept(self.base, self.name)
        self.lines: list[str] = []
        self.stoppable = True
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.receive)

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Raise where what was done can be put back."""
        if self.stoppable:
            self.stoppable = False
            raise InterruptedByError(f"interrupted by {signal.Signals(number).name}")

    def container(self) -> dict[str, Any]:
        """Inspect the service's container. Raises RefusedError where there is none."""
        found = engine.containers(self.given["project"]).get(self.name, [])
        if not found:
            raise RefusedError(f"{self.name} has no container: ansible-playbook site.yml")
        return found[0]

    def compose(self, *arguments: str) -> None:
        """Run docker compose. Raises RefusedError with what it said."""
        done = run("docker", "compose", "--project-directory", str(self.base), "--progress", "quiet", *arguments)
        if done.returncode:
            raise RefusedError(f"docker compose {' '.join(arguments)}: {(done.stderr + done.stdout).strip()[-2000:]}")

    def stop(self) -> None:
        """Stop it. A data store that was killed cannot be upgraded. Raises RefusedError."""
        self.compose("stop", "--timeout", str(self.given["grace"]), self.name)
        if self.given["volumes"] and self.container()["State"]["ExitCode"] == 137:
            raise RefusedError(f"{self.name} did not end by itself within {self.given['grace']} s")

    def up(self) -> None:
        """Start it as compose.yaml says, and wait until it is healthy. Raises RefusedError with what it said.

        What it depends on is there and left alone. Without its dependencies (--no-deps) the container would get another hash than
        its definition has, and be recreated by the next run.
        """
        self.compose("up", "--detach", "--no-build", "--pull", "never", "--force-recreate", self.name)
        end = time.monotonic() + self.given["patience"]
        while containers.health(self.container()) != "healthy":
            found = self.container()
            if found["RestartCount"] >= CRASHES or time.monotonic() > end:
                raise RefusedError(f"{self.name} did not become healthy\n{containers.evidence(found)}")
            time.sleep(0.3)

    def volumes(self) -> dict[str, str]:
        """Name the volumes, and what their copies are called."""
        stamp = self.kept.read()["stamp"]
        names = [f"{self.given['project']}_{name}" for name in self.given["volumes"]]
        return {name: f"{name}.before-{stamp}" for name in names}

    def require_room(self) -> None:
        """Refuse copies that the disk has no room for."""
        for name in self.volumes():
            place = volume(name)
            needed, free = int(size(place) * 1.1) + (256 << 20), shutil.disk_usage(place).free
            if free < needed:
                raise RefusedError(
                    f"A copy of volume {name} needs {needed >> 20} MB, and {place} has {free >> 20} MB free: make room"
                )

    def prepare(self) -> None:
        """Keep what runs."""
        container, left = self.container(), self.kept.read().get("unfinished")
        if container["State"]["Status"] != "running" and left:
            raise RefusedError(
                f"An upgrade of {self.name} was interrupted: ansible-playbook playbooks/upgrade.yml -e service={self.name} "
                "-e revert=true, then this command again"
            )
        if container["State"]["Status"] != "running":
            raise RefusedError(f"{self.name} is {container['State']['Status']}: start it first, or type make doctor")
        self.kept.save(container, self.given["beside"], self.given["version"])

    def apply(self) -> None:
        """Bring the new one up; in the case of a fault everything is put back."""
        self.require_room()
        try:
            self.stop()
            for name, copy in self.volumes().items():
                copy_volume(name, copy)
                self.kept.note(volumes=self.kept.read()["volumes"] | {name: copy})
            self.up()
            self.stoppable = False
        except BaseException as fault:
            self.stoppable = False
            try:
                self.back()
            except RefusedError as second:
                raise RefusedError(f"{fault}\nWhat was put back does not start either: {second}") from fault
            raise
        self.lines.append(f"{self.kept.read()['image']} -> {self.container()['Config']['Image']}, healthy")

    def back(self, keep: bool = False) -> None:
        """Put image, files and volumes back. `keep`: the volumes' present content is kept."""
        self.stoppable = False
        state = self.kept.read()
        container = self.container()
        if container["Id"] == state["container"] and container["State"]["Status"] == "running":
            self.kept.restore_files()
            self.kept.forget()
            return
        if engine.image(state["image_id"]) is None:
            raise RefusedError(
                f"The host no longer has the image {state['image']} as it was ({state['image_id'][:19]})"
            )
        gone = [copy for copy in state["volumes"].values() if not volume_exists(copy)]
        if gone:
            raise RefusedError(
                f"The copy {', '.join(gone)} is not there any more: restore an archive, ansible-playbook playbooks/restore.yml"
            )
        if keep:
            self.compose("stop", "--timeout", str(self.given["grace"]), self.name)
        self.compose("rm", "--stop", "--force", self.name)
        for name, copy in state["volumes"].items():
            after = f"{name}.after-{state['stamp']}"
            exchange_volume(name, copy, after)
            if keep:
                self.lines.append(f"what was written since is kept; without need of it: docker volume rm {after}")
            else:
                remove_volume(after)
        self.kept.note(volumes={})
        self.kept.restore_files()
        now = engine.image(state["image"])
        if now is None or now["Id"] != state["image_id"]:
            run("docker", "tag", state["image_id"], state["image"])
        self.record(state["version"])
        self.up()
        self.kept.forget()
        volumes = ", and its volume as it was" if state["volumes"] else ""
        self.lines.append(f"{state['image']} serves again, with the files that it had{volumes}")
        self.lines.append(
            f"site.yml brings what the inventory names: set platform_images_overrides.{self.name}.ref before it"
        )

    def back_if_kept(self) -> None:
        """Put back what has not been put back yet."""
        if self.kept.read():
            self.back()

    def revert(self) -> None:
        """Go back to before the last upgrade. Raises RefusedError where nothing is kept of one."""
        if not self.kept.read():
            raise RefusedError(f"Nothing is kept of an upgrade of {self.name}")
        self.back(keep=True)

    def drop(self) -> None:
        """End an upgrade that had nothing to do; one that was interrupted once the new one ran is done."""
        if self.kept.read()["container"] == self.container()["Id"]:
            self.kept.forget()
        else:
            self.finish()

    def record(self, version: str) -> None:
        """Record which version writes the data."""
        file = self.base / ".versions.json"
        if version and file.is_file():
            versions = json.loads(file.read_text()) | {self.name: version}
            rewrite(file, (json.dumps(versions, indent=2, sort_keys=True) + "\n").encode())

    def finish(self) -> None:
        """Record that it is done, and say how to go back."""
        state = self.kept.read()
        self.kept.finish()
        names = [f"{self.given['project']}_{name}.before-" for name in self.given["volumes"]]
        there = [one["Name"] for one in (engine.get("/volumes")["Volumes"] or [])]
        kept = sorted(name for name in there if name.startswith(tuple(names))) if names else []
        loss = ", without what has been written since" if kept else ""
        self.lines.append(
            f"back to {state['image']}{loss}: ansible-playbook playbooks/upgrade.yml -e service={self.name} -e revert=true"
        )
        if kept:
            self.lines.append(f"without need of the copies from before: docker volume rm {' '.join(kept)}")
        Lock(self.base).describe(f"{state['image']} -> {self.container()['Config']['Image']}")


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "project": {"type": "str", "required": True},
            "service": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["prepared", "applied", "back", "finished", "dropped", "reverted"],
                "required": True,
            },
            "beside": {"type": "list", "elements": "str", "default": []},
            "volumes": {"type": "list", "elements": "str", "default": []},
            "version": {"type": "str", "default": ""},
            "patience": {"type": "int", "default": 300},
            "grace": {"type": "int", "default": 600},
        },
    )
    upgrade, state = Upgrade(module.params), module.params["state"]
    before = upgrade.kept.read()
    actions = {
        "prepared": upgrade.prepare,
        "applied": upgrade.apply,
        "back": upgrade.back_if_kept,
        "finished": upgrade.finish,
        "dropped": upgrade.drop,
        "reverted": upgrade.revert,
    }
    try:
        with Lock(upgrade.base).working():
            actions[state]()
    except (RefusedError, InterruptedByError, VolumeError, engine.EngineError) as fault:
        module.fail_json(msg="\n".join([str(fault), *upgrade.lines]), lines=upgrade.lines)
    kept = before or upgrade.kept.read()
    module.exit_json(
        changed=state in ("applied", "back", "reverted"),
        lines=upgrade.lines, before=kept.get("image", ""), version=kept.get("version", ""),
    )  # fmt: skip


if __name__ == "__main__":
    main()
