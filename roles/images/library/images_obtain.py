#!/usr/bin/python
"""Plan which source gives which image, diagnose what is missing, or bring what was planned."""

from __future__ import annotations

import dataclasses
import functools
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import apt_sources, engine, references
from ansible_collections.jiucom.platform.plugins.module_utils.diagnosis import Fault
from ansible_collections.jiucom.platform.plugins.module_utils.images import wanted as entries
from ansible_collections.jiucom.platform.plugins.module_utils.images.build import Builder, distribution
from ansible_collections.jiucom.platform.plugins.module_utils.images.host import Host
from ansible_collections.jiucom.platform.plugins.module_utils.images.obtain import Obtainer
from ansible_collections.jiucom.platform.plugins.module_utils.images.plan import Choice, Planner
from ansible_collections.jiucom.platform.plugins.module_utils.images.registry import Registry
from ansible_collections.jiucom.platform.plugins.module_utils.images.suites import Suites

DOCUMENTATION = r"""
module: images_obtain
short_description: Plan which source gives which image, or bring what was planned
description:
  - C(plan) asks Docker, the registry and Debian's mirror, chooses the first source that gives each image, and changes nothing. It
    fails when an image has no source, with a line for each source.
  - C(diagnose) plans, too, and never fails. It sets the fact C(findings_images).
  - C(obtain) pulls, loads and builds what a plan has chosen. A source that fails ends it; no other takes its place.
options:
  mode: {type: str, choices: [plan, diagnose, obtain], required: true, description: What to do.}
  table: {type: list, elements: dict, required: true, description: 'Wanted images, as the filter C(images_wanted) has them.'}
  image_prefix: {type: str, required: true, description: What the names of images built here begin with.}
  project: {type: str, required: true, description: 'Name of the Compose project, a label of what is built here.'}
  work_dir: {type: path, required: true, description: Directory on the host for archives and builds.}
  stage: {type: str, default: '', description: 'Directory with what was copied to the host, removed in the end.'}
  local: {type: bool, default: false, description: 'The host is the control node, and reads its archives where they are.'}
  registry_prefix: {type: str, default: '', description: What is put before references.}
  registry_timeout: {type: float, default: 5, description: Seconds for a registry's answer.}
  believe: {type: bool, default: false, description: 'The registry cannot be asked yet, and is taken to have what is wanted.'}
  daemon_options: {type: dict, default: {}, description: Options that the daemon may not know yet.}
  archives: {type: dict, default: {}, description: 'What the control node has, as the filter C(images_archives) makes it.'}
  packages_mirror: {type: str, default: '', description: Debian's mirror; empty asks the host's apt.}
  packages_timeout: {type: float, default: 10, description: Seconds for the mirror's answer.}
  packages_snapshot: {type: bool, default: false, description: The mirror is a snapshot past its date.}
  ca_bundle: {type: str, default: '', description: File with certificate authorities for builds.}
  refresh: {type: bool, default: false, description: Take images again from where they came from.}
  plan: {type: dict, default: {}, description: What C(plan) returned.}
  context: {type: str, default: '', description: 'Archive of the build context, by its path on the control node.'}
  socket: {type: path, default: /var/run/docker.sock, description: Docker's socket.}
author: [JIUCOM]
"""
EXAMPLES = (
    "- images_obtain: {mode: plan, table: [], image_prefix: localhost/jiucom/, project: jiucom, work_dir: /var/tmp}"
)
RETURN = r"""
plan: {type: dict, returned: always, description: The choice of each image.}
work: {type: list, returned: always, description: Names of images to bring.}
archives: {type: list, returned: always, description: Archives of the control node that are needed.}
recipes: {type: list, returned: always, description: Recipes that will be built.}
resolved: {type: dict, returned: always, description: 'By image: reference, source, id, digest, version, origin and the like.'}
lines: {type: list, returned: always, description: A line for each image that is brought.}
seconds: {type: dict, returned: for C(obtain), description: How long each pull and build took.}
"""


def free_mb(path: str) -> int:
    """Return the free megabytes of the disk where a path lies, or will lie."""
    place = Path(path)
    while not place.exists():
        place = place.parent
    space = os.statvfs(place)
    return space.f_bavail * space.f_frsize // 1024**2


class Run:
    """One run of the module."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.params = module, module.params
        get = functools.partial(engine.get, socket_path=self.params["socket"])
        self.host = Host(get)
        self.table = {entry["name"]: entries.read(entry) for entry in self.params["table"]}
        self.registry = Registry(get, self.params["registry_timeout"])
        name, release = distribution()
        look_up = functools.partial(
            apt_sources.look_up,
            timeout=self.params["packages_timeout"],
            ca_bundle=self.params["ca_bundle"],
            expired_is_right=self.params["packages_snapshot"],
        )
        own = functools.partial(apt_sources.own_mirrors, name, release)
        self.suites = Suites(self.params["packages_mirror"], own, look_up, name)

    def work(self, choices: dict[str, Choice]) -> list[Choice]:
        """Return the choices that something must be brought for."""
        return [choice for choice in choices.values() if choice.source and not choice.done]

    def archives(self, choices: dict[str, Choice]) -> list[str]:
        """Return the archives that are needed."""
        return sorted({choice.file for choice in self.work(choices) if choice.file})

    def place(self, path: str) -> str:
        """Return where a file of the control node lies on this host."""
        return path if self.params["local"] else str(Path(self.params["stage"]) / Path(path).name)

    def space_faults(self, choices: dict[str, Choice]) -> list[str]:
        """Say where there is too little room for the archives: for their copies, and for their images."""
        held = [self.params["archives"][path] for path in self.archives(choices)]
        root = self.host.info.get("DockerRootDir") or "/var/lib/docker"
        needed = {root: sum(archive["unpacked"] for archive in held)}
        if not self.params["local"]:
            needed[self.params["work_dir"]] = sum(archive["size"] for archive in held)
        return [
            f"{path} has {free_mb(path)} MB free, and the archives need {size // 1024**2}"
            for path, size in needed.items()
            if free_mb(path) < size // 1024**2
        ]

    def resolved(self, choices: dict[str, Choice]) -> dict[str, dict[str, str]]:
        """Describe the images for the other roles."""
        return {
            choice.name: {
                "reference": choice.reference,
                "source": choice.source,
                "id": choice.id,
                "digest": choice.digest,
                "version": choice.version,
                "product": choice.product,
                "origin": "packages" if choice.packaged else "official",
                "pull_policy": "never" if choice.packaged else "",
            }
            for choice in choices.values()
        }

    def result(self, choices: dict[str, Choice]) -> dict[str, Any]:
        """Return what the tasks read."""
        work = self.work(choices)
        recipes = [self.table[choice.name].recipe for choice in work if choice.source == "packages"]
        return {
            "plan": {name: dataclasses.asdict(choice) for name, choice in choices.items()},
            "work": [choice.name for choice in work],
            "archives": self.archives(choices),
            "recipes": [recipe.name for recipe in recipes if recipe],
            "resolved": self.resolved(choices),
            "lines": self.lines(work),
        }

    def lines(self, work: list[Choice]) -> list[str]:
        """Say what is brought from where, and what the operator should know of it."""
        return [", ".join(filter(None, (f"{one.name}: {one.reference} ({one.source})", one.note))) for one in work]

    def _plan(self) -> tuple[dict[str, Choice], list[str]]:
        """Choose, and say what has no source."""
        fault = references.prefix_fault(self.params["registry_prefix"]) if self.params["registry_prefix"] else ""
        if fault:
            return {}, [fault]
        planner = Planner(
            self.host,
            self.registry,
            self.suites,
            self.params["archives"],
            image_prefix=self.params["image_prefix"],
            registry_prefix=self.params["registry_prefix"],
            believe_registry=self.params["believe"] or self.host.unknown_options(self.params["daemon_options"]),
            refresh=self.params["refresh"],
        )
        choices = planner.plan(self.table.values())
        faults = []
        for choice in choices.values():
            if not choice.source:
                faults += [f"{choice.name} ({choice.reference or 'no reference'}):"]
                faults += [f"  {line}" for line in choice.faults]
        return choices, faults + self.space_faults(choices)

    def plan(self) -> None:
        """Choose, and fail where an image has no source."""
        choices, faults = self._plan()
        if faults:
            self.module.fail_json(msg="\n".join(faults))
        self.module.exit_json(changed=False, **self.result(choices))

    def diagnose(self) -> None:
        """Say what is missing and what to do about it."""
        choices, faults = self._plan()
        result = self.result(choices)
        found = []
        if self.host.answers:
            bring = "ansible-playbook playbooks/images.yml, which brings it"
            found = [Fault("image missing", line.partition(":")[0], line, bring) for line in result["lines"]]
        # One for each image: what the sources said follows its name.
        for line in "\n".join(faults).replace(":\n  ", ": ").replace("\n  ", "; ").splitlines():
            bring = "what the text says of one of the sources; then ansible-playbook playbooks/images.yml"
            found.append(Fault("image missing", line.partition(" ")[0], line, bring))
        facts = {"findings_images": [dataclasses.asdict(fault) for fault in found]}
        self.module.exit_json(changed=False, ansible_facts=facts, **result)

    def obtain(self) -> None:
        """Bring what the plan has chosen."""
        choices = {name: Choice(**choice) for name, choice in self.params["plan"].items()}
        if self.module.check_mode:
            self.module.exit_json(changed=bool(self.work(choices)), **self.result(choices))
        directory = Path(tempfile.mkdtemp(dir=self.params["work_dir"], prefix="jiucom-images."))
        try:
            builder = Builder(
                directory,
                self.params["image_prefix"],
                self.params["project"],
                ca_bundle=self.params["ca_bundle"],
                snapshot=self.params["packages_snapshot"],
                anew=self.params["refresh"],
            )
            if self.params["context"]:
                builder.prepare(self.place(self.params["context"]))
            obtainer = Obtainer(
                self.host, self.table, choices, self.suites, builder,
                registry_prefix=self.params["registry_prefix"], place=self.place,
            )  # fmt: skip
            faults = obtainer.run()
        finally:
            for path in filter(None, (str(directory), self.params["stage"])):
                shutil.rmtree(path, ignore_errors=True)
        if faults:
            self.module.fail_json(msg="\n".join(faults), changed=bool(obtainer.changed))
        self.module.exit_json(changed=bool(obtainer.changed), seconds=obtainer.seconds, **self.result(choices))


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "mode": {"type": "str", "choices": ["plan", "diagnose", "obtain"], "required": True},
            "table": {"type": "list", "elements": "dict", "required": True},
            "image_prefix": {"type": "str", "required": True},
            "project": {"type": "str", "required": True},
            "work_dir": {"type": "path", "required": True},
            "stage": {"type": "str", "default": ""},
            "local": {"type": "bool", "default": False},
            "registry_prefix": {"type": "str", "default": ""},
            "registry_timeout": {"type": "float", "default": 5},
            "believe": {"type": "bool", "default": False},
            "daemon_options": {"type": "dict", "default": {}},
            "archives": {"type": "dict", "default": {}},
            "packages_mirror": {"type": "str", "default": ""},
            "packages_timeout": {"type": "float", "default": 10},
            "packages_snapshot": {"type": "bool", "default": False},
            "ca_bundle": {"type": "str", "default": ""},
            "refresh": {"type": "bool", "default": False},
            "plan": {"type": "dict", "default": {}},
            "context": {"type": "str", "default": ""},
            "socket": {"type": "path", "default": engine.SOCKET},
        },
        supports_check_mode=True,
    )
    run = Run(module)
    try:
        getattr(run, module.params["mode"])()
    except (engine.EngineError, ValueError) as fault:
        module.fail_json(msg=str(fault))


if __name__ == "__main__":
    main()
