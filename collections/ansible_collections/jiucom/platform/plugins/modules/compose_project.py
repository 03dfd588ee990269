#!/usr/bin/python
"""Put compose.yaml together from the parts that the roles wrote, and compare it with what runs."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.compose_file import block
from ansible_collections.jiucom.platform.plugins.module_utils.edits import Edits
from ansible_collections.jiucom.platform.plugins.module_utils.files import replace
from ansible_collections.jiucom.platform.plugins.module_utils.releases import NEXT

DOCUMENTATION = r"""
module: compose_project
short_description: Write compose.yaml and compare it with what runs
description:
  - Each service's part is read from C(.services/<name>.yaml). Its label C(jiucom.files) becomes a keyed hash over owner, mode,
    time and content of all files of the service, secrets included, so that a changed file is a changed definition. Files that
    a service can read again (O(services) with C(reload)) are not in the label; what was read last is in C(.applied).
  - Nothing is started here. Compose's own hash of each definition says what must be recreated.
options:
  path: {type: path, required: true, description: Directory of the installation.}
  project: {type: str, required: true, description: Name of the Compose project.}
  template: {type: str, required: true, description: 'compose.yaml with a line C(@services@) for the services.'}
  services:
    type: list
    elements: dict
    required: true
    description: The services in their start order.
    options:
      name: {type: str, required: true, description: Name of the service.}
      scale: {type: int, default: 1, description: Number of its containers.}
      reload: {type: bool, default: false, description: Whether it can read its files again.}
      reloads: {type: list, elements: str, default: [], description: 'Which of them, by their directory; all by default.'}
  network:
    type: dict
    description: The network, where it is compared with what there is.
    options:
      name: {type: str, required: true, description: Its name.}
      subnets: {type: list, elements: str, required: true, description: Its subnets.}
  only: {type: list, elements: str, required: true, description: Services to compare with what runs.}
  pending: {type: list, elements: str, default: [], description: Services whose files check mode would change.}
  careful:
    type: str
    default: ''
    description:
      - A service whose change M(rollout) brings about, while it runs. Its definition in compose.yaml stays as it is until then,
        and the new file waits in C(.compose.next.yaml).
  applied: {type: list, elements: str, default: [], description: Record that these services have read their files, and end.}
author: [JIUCOM]
"""
EXAMPLES = "- jiucom.platform.compose_project: {path: /opt/jiucom, project: jiucom, template: '...', services: [{name: redis}]}"
RETURN = r"""
fresh: {type: bool, returned: always, description: Whether no container exists yet.}
recreate: {type: list, returned: always, description: 'Services to be recreated, in start order.'}
reload: {type: list, returned: always, description: Services whose files changed and that can read them again.}
network: {type: bool, returned: always, description: 'Whether its subnets differ, so that all containers must go first.'}
held: {type: bool, returned: always, description: Whether the new file waits.}
reasons: {type: list, returned: always, description: One line for each service that is not as wanted.}
edited: {type: str, returned: when written, description: The diff that keeps what was edited by hand in compose.yaml.}
"""

LABEL = "jiucom.files"
PLACEHOLDER = "@files@"


def fingerprints(directory: Path, key: bytes, reloads: list[str]) -> tuple[str, str]:
    """Hash a service's files with a key, those in the directories `reloads` by themselves; returns the others' hash and theirs.

    A label that holds one tells nothing about secrets. The time of change counts: a file that was edited by hand, loaded, and
    put right again is another file than the one loaded.
    """
    others, again = hmac.new(key, digestmod=hashlib.sha256), hmac.new(key, digestmod=hashlib.sha256)
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            status, name = path.stat(), path.relative_to(directory)
            facts = (name, status.st_uid, status.st_gid, status.st_mode, status.st_mtime_ns)
            total = again if name.parts[0] in reloads else others
            total.update(repr(tuple(map(str, facts))).encode() + hashlib.sha256(path.read_bytes()).digest())
    return others.hexdigest()[:16], again.hexdigest()[:16]


class Project:
    """The Compose project of one installation."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.params = module, module.params
        self.path = Path(module.params["path"])
        self.services: dict[str, dict[str, Any]] = {one["name"]: one for one in module.params["services"]}
        self.key = self.load_key()
        # The diff that keeps what was edited by hand in compose.yaml.
        self.edited = ""
        # Services whose containers are not as wanted.
        self.differing: set[str] = set()
        # By service: the hash in its label, and that of what it reads again.
        self.labels: dict[str, str] = {}
        self.prints: dict[str, str] = {}
        for name, service in self.services.items():
            others, again = fingerprints(self.path / name, self.key, service["reloads"])
            whole = service["reload"] and not service["reloads"]
            self.labels[name], self.prints[name] = ("reloaded", others) if whole else (others, again)

    def load_key(self) -> bytes:
        """Read the key of the hashes, made at the first use."""
        file = self.path / ".key"
        if file.is_file():
            return file.read_bytes()
        key = secrets.token_bytes(32)
        if self.path.is_dir() and not self.module.check_mode:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(handle, key)
            os.close(handle)
        return key

    def applied(self, service: str) -> Path:
        """Return the file that holds the hash of what a service has read last."""
        return self.path / ".applied" / service

    def missing(self) -> list[str]:
        """Name the services whose roles have not written their part yet."""
        return [name for name in self.services if not (self.path / ".services" / f"{name}.yaml").is_file()]

    def fragment(self, name: str) -> str:
        """Return a service's part with the hash of its files, indented."""
        file = self.path / ".services" / f"{name}.yaml"
        text = file.read_text().replace(PLACEHOLDER, self.labels[name])
        return "".join(f"  {line}" if line.strip() else line for line in text.splitlines(keepends=True))

    def text(self) -> str:
        """Put the file together."""
        parts = "\n".join(self.fragment(name) for name in self.services)
        return str(self.params["template"]).replace("@services@\n", parts)

    def docker(self, *args: str) -> str:
        """Run docker in the installation directory and return its output; a failure ends the module."""
        _, out, _ = self.module.run_command(["docker", *args], cwd=str(self.path), check_rc=True)
        return str(out)

    def hashes(self, text: str) -> dict[str, str]:
        """Validate a compose.yaml and return Compose's hash of each service's definition."""
        candidate = self.path / ".compose.candidate.yaml"
        try:
            candidate.write_text(text)
            candidate.chmod(0o600)
            lines = self.docker(
                "compose", "--project-directory", str(self.path), "--file", str(candidate), "config", "--hash", "*"
            )
        finally:
            candidate.unlink(missing_ok=True)
        return dict(line.split() for line in lines.splitlines())

    def faults(self, name: str, own: list[dict[str, Any]], digest: str) -> Iterator[tuple[str, str]]:
        """Yield what is to be done with a service, and why."""
        labels = [container["Config"]["Labels"] for container in own]
        if any(label[engine.CONFIG_HASH] != digest for label in labels):
            same = all(label.get(LABEL) == self.labels[name] for label in labels)
            yield "recreate", "its definition in compose.yaml changed" if same else "its files changed"
        images = [(c, engine.image(c["Config"]["Image"])) for c in own]
        newer = [c for c, image in images if image and image["Id"] != c["Image"]]
        if newer:
            yield "recreate", f"{newer[0]['Config']['Image']} is another build than the one that runs"
        stopped = [c["State"]["Status"] for c in own if c["State"]["Status"] != "running"]
        if stopped:
            yield "up", ", ".join(stopped)
        wanted = self.services[name]["scale"]
        if len(own) != wanted:
            yield "up", f"{len(own)} containers instead of {wanted}"
        # A stopped service reads its files when it is started.
        if self.services[name]["reload"] and not stopped:
            file = self.applied(name)
            if not file.is_file() or file.read_text() != self.prints[name]:
                yield "reload", "its files changed since it read them"

    def moved(self) -> bool:
        """Tell whether the network has other subnets than it should."""
        network = self.params["network"]
        found = engine.get(f"/networks?filters={quote(json.dumps({'name': [network['name']]}))}") if network else []
        subnets = [one["IPAM"]["Config"] or [] for one in found if one["Name"] == network["name"]]
        return bool(subnets) and {one["Subnet"] for one in subnets[0]} != {
            str(ipaddress.ip_network(subnet)) for subnet in network["subnets"]
        }

    def compare(self, hashes: dict[str, str]) -> dict[str, Any]:
        """Compare what runs with what should."""
        found = engine.containers(self.params["project"])
        everything = set(self.params["only"]) == set(self.services)
        result: dict[str, Any] = {"fresh": not found, "network": False, "recreate": [], "reload": [], "reasons": []}
        if self.moved():
            if not everything:
                self.module.fail_json(
                    msg="The network's subnets differ from the inventory's: run site.yml without tags"
                )
            result |= {
                "network": True,
                "reasons": ["the network: its subnets changed, so that every container is made anew"],
            }
            return result
        for name in self.services:
            if name not in self.params["only"]:
                continue
            if name not in found:
                result["reasons"].append(f"{name}: has no container")
                continue
            seen = list(self.faults(name, found[name], hashes[name]))
            if self.module.check_mode and name in self.params["pending"] and not seen:
                seen = [("reload" if self.services[name]["reload"] else "recreate", "its files would change")]
            if seen:
                self.differing.add(name)
            result["reasons"] += [f"{name}: {why}" for _, why in seen]
            for action in ("recreate", "reload"):
                # A container that is recreated reads its files anyway.
                if any(verb == action for verb, _ in seen) and name not in result["recreate"]:
                    result[action].append(name)
        if everything:
            result["reasons"] += [f"{name}: is not in compose.yaml" for name in found if name not in self.services]
        return result

    def record(self, names: list[str]) -> None:
        """Record what the named services have read, and everything that was started with its files."""
        for name in names:
            file = self.applied(name)
            file.parent.mkdir(mode=0o755, exist_ok=True)
            file.write_text(self.prints[name])

    def hold(self, text: str, state: dict[str, Any]) -> str:
        """Return what compose.yaml shall be for now: the careful service keeps its definition until it is replaced.

        The new file waits beside it, also where only the number of containers differs.
        """
        name, waits = self.params["careful"], self.path / NEXT
        file = self.path / "compose.yaml"
        old = block(file.read_text(), name) if name and file.is_file() else ""
        state["held"] = bool(old) and name in self.differing
        if self.module.check_mode:
            return text
        waits.unlink(missing_ok=True)
        if not state["held"]:
            return text
        self.put(waits, text)
        return text.replace(block(text, name), old)

    def put(self, file: Path, text: str) -> None:
        """Replace a file of the installation that its group reads."""
        replace(file, text.encode(), 0, self.path.stat().st_gid, 0o640)

    def write(self, text: str) -> dict[str, str]:
        """Write compose.yaml where it differs; returns the diff, empty when nothing does."""
        file, edits = self.path / "compose.yaml", Edits(self.path)
        before = file.read_text() if file.is_file() else ""
        if not self.module.check_mode:
            self.edited = edits.save(file, text.encode())
            # The next one takes its place once its service is replaced.
            waits = self.path / NEXT
            edits.written(file, text.encode(), *([waits.read_bytes()] if waits.is_file() else []))
            edits.close()
        if before == text:
            return {}
        if not self.module.check_mode:
            self.put(file, text)
            for part in (self.path / ".services").glob("*.yaml"):
                if part.stem not in self.services:
                    part.unlink()
        return {"before": before, "after": text, "before_header": str(file), "after_header": str(file)}


def main() -> None:
    """Run as an Ansible module."""
    service = {
        "name": {"type": "str", "required": True},
        "scale": {"type": "int", "default": 1},
        "reload": {"type": "bool", "default": False},
        "reloads": {"type": "list", "elements": "str", "default": []},
    }
    network = {
        "name": {"type": "str", "required": True},
        "subnets": {"type": "list", "elements": "str", "required": True},
    }
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "project": {"type": "str", "required": True},
            "template": {"type": "str", "required": True},
            "services": {"type": "list", "elements": "dict", "options": service, "required": True},
            "network": {"type": "dict", "options": network},
            "only": {"type": "list", "elements": "str", "required": True},
            "pending": {"type": "list", "elements": "str", "default": []},
            "careful": {"type": "str", "default": ""},
            "applied": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    project = Project(module)
    if module.params["applied"]:
        project.record(module.params["applied"])
        module.exit_json(changed=False)
    missing = project.missing()
    if missing and module.check_mode:
        reasons = ["compose.yaml: would be written anew"]
        module.exit_json(changed=True, fresh=False, network=False, held=False, recreate=[], reload=[], reasons=reasons)
    if missing:
        module.fail_json(
            msg=f"{', '.join(missing)}: no part of compose.yaml yet; run the whole site.yml once, without tags"
        )
    text = project.text()
    state = project.compare(project.hashes(text))
    diff = project.write(project.hold(text, state))
    module.exit_json(changed=bool(diff) or state["held"], diff=diff, edited=project.edited, **state)


if __name__ == "__main__":
    main()
