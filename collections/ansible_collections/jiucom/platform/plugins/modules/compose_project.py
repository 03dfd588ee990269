#!/usr/bin/python
"""Put compose.yaml together from the parts that the roles wrote, and compare it with what runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils.comparison import (
    FRAGMENTS,
    Comparison,
    ComposeError,
    Written,
    load_key,
    moved,
    read,
)
from ansible_collections.jiucom.platform.plugins.module_utils.compose_file import block, put_together
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

PLACEHOLDER = "@files@"


class Project:
    """The Compose project of one installation."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.params = module, module.params
        self.path = Path(module.params["path"])
        self.services = [one["name"] for one in module.params["services"]]
        key = load_key(self.path, keep=not module.check_mode)
        self.comparison = Comparison(self.path, module.params["project"], module.params["services"], key)
        # The diff that keeps what was edited by hand in compose.yaml.
        self.edited = ""
        # Services whose containers are not as wanted.
        self.differing: set[str] = set()

    def missing(self) -> list[str]:
        """Name the services whose roles have not written their part yet."""
        return [name for name in self.services if not (self.path / FRAGMENTS / f"{name}.yaml").is_file()]

    def fragment(self, name: str) -> str:
        """Return a service's part with the hash of its files."""
        file = self.path / FRAGMENTS / f"{name}.yaml"
        return file.read_text().replace(PLACEHOLDER, self.comparison.labels[name])

    def text(self) -> str:
        """Put the file together."""
        return put_together(self.params["template"], [self.fragment(name) for name in self.services])

    def read(self, text: str) -> Written:
        """Validate a compose.yaml, and return what Compose reads in it; a failure ends the module."""
        candidate = self.path / ".compose.candidate.yaml"
        try:
            candidate.write_text(text)
            candidate.chmod(0o600)
            return read(self.path, candidate)
        except ComposeError as fault:
            self.module.fail_json(msg=f"Compose does not take the new compose.yaml, nothing was changed. {fault}")
            raise
        finally:
            candidate.unlink(missing_ok=True)

    def compare(self, written: Written) -> dict[str, Any]:
        """Compare what runs with what should."""
        found, only = self.comparison.found, self.params["only"]
        everything = set(only) == set(self.services)
        result: dict[str, Any] = {"fresh": not found, "network": False, "recreate": [], "reload": [], "reasons": []}
        if self.params["network"] and moved(**self.params["network"]):
            if not everything:
                self.module.fail_json(
                    msg="The network's subnets differ from the inventory's: run site.yml without tags"
                )
            result |= {
                "network": True,
                "reasons": ["the network: its subnets changed, so that every container is made anew"],
            }
            return result
        differences = self.comparison.differences(written, only)
        for name in self.services:
            seen = differences.get(name, [])
            if self.module.check_mode and name in self.params["pending"] and name in found and not seen:
                reload = self.comparison.services[name]["reload"]
                seen = [("reload" if reload else "recreate", "its files would change")]
            if seen and name in found:
                self.differing.add(name)
            result["reasons"] += [f"{name}: {why}" for _, why in seen]
            for action in ("recreate", "reload"):
                # A container that is recreated reads its files anyway.
                if any(verb == action for verb, _ in seen) and name not in result["recreate"]:
                    result[action].append(name)
        if everything:
            result["reasons"] += [f"{name}: is not in compose.yaml" for name in self.comparison.strangers()]
        return result

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
            for part in (self.path / FRAGMENTS).glob("*.yaml"):
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
        project.comparison.record(module.params["applied"])
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
    state = project.compare(project.read(text))
    diff = project.write(project.hold(text, state))
    module.exit_json(changed=bool(diff) or state["held"], diff=diff, edited=project.edited, **state)


if __name__ == "__main__":
    main()
