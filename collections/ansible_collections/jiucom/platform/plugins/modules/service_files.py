#!/usr/bin/python
"""Write the files of services: configuration, secrets and the part of compose.yaml, all in one step."""

from __future__ import annotations

import base64
import grp
import pwd
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils.comparison import APPLIED, FRAGMENTS
from ansible_collections.jiucom.platform.plugins.module_utils.edits import Edits
from ansible_collections.jiucom.platform.plugins.module_utils.files import owner, replace, settle

DOCUMENTATION = r"""
module: service_files
short_description: Write the files of services
description:
  - Each service has a directory of its name in O(base). Configuration belongs to root and the group of the container's user
    (0640), secrets lie in C(secrets) and belong to the container's user alone (0400), because Compose ignores owner and mode of
    secrets.
  - A service's new configuration is validated as a whole by the program that will read it, in a directory aside with the final
    owners and modes, before a file is replaced.
  - A file that was edited by hand since it was written is saved as a diff in C(.edits) before it is overwritten.
  - A file that this module did not write is moved to C(.removed), so that a stray file is not loaded and not lost; a secret is
    deleted.
options:
  base: {type: path, required: true, description: Directory of the installation.}
  services:
    type: list
    elements: dict
    required: true
    description: The services.
    options:
      name: {type: str, required: true, description: Name of the service.}
      uid: {type: int, required: true, description: User of the container.}
      gid: {type: int, required: true, description: Group of the container.}
      files:
        type: dict
        default: {}
        description: 'Content by path below the service''s directory: a text, or C({base64: ...}) for what is none.'
      directories: {type: list, elements: str, default: [], description: Directories that must be there, also empty.}
      validate:
        type: list
        elements: str
        default: []
        description: Shell commands that must succeed; C(%s) is the directory with the new files.
      compose: {type: str, required: true, description: 'Part of compose.yaml, written to C(.services/<name>.yaml).'}
  secrets: {type: dict, default: {}, description: 'Content by service and name, never printed.'}
  absent: {type: list, elements: str, default: [], description: Services whose files are removed.}
author: [JIUCOM]
"""
EXAMPLES = r"""
- jiucom.platform.service_files:
    base: /opt/jiucom
    services: [{name: redis, uid: 999, gid: 1000, files: {conf/redis.conf: "port 6379"}, compose: "..."}]
    secrets: {redis: {health_password: "..."}}
"""
RETURN = "services: {type: list, returned: always, description: Services with a file that changed.}"

REMOVED = ".removed"


class Tree:
    """The wanted files of one service: {path: (content, uid, gid, mode)}, and the directories they need."""

    def __init__(self, service: dict[str, Any], secrets: dict[str, str]) -> None:
        self.name, self.uid, self.gid = service["name"], service["uid"], service["gid"]
        self.files: dict[str, tuple[bytes, int, int, int]] = {
            path: (encoded(content), 0, self.gid, 0o640) for path, content in service["files"].items()
        }
        self.files |= {
            f"secrets/{name}": (str(content).encode(), self.uid, self.gid, 0o400) for name, content in secrets.items()
        }
        self.directories: dict[str, tuple[int, int, int]] = {}
        if self.files or service["directories"]:
            self.directories[""] = (0, self.gid, 0o750)
        needed = {parent for path in self.files for parent in Path(path).parents}
        needed |= {path for name in service["directories"] for path in (Path(name), *Path(name).parents)}
        for path in needed - {Path()}:
            self.directories[str(path)] = (0, self.gid, 0o750)
        if secrets:
            self.directories["secrets"] = (self.uid, self.gid, 0o500)

    def write(self, root: Path) -> None:
        """Write everything below `root`, which may not exist yet."""
        for path, (uid, gid, mode) in sorted(self.directories.items()):
            (root / path).mkdir(parents=True, exist_ok=True)
            settle(root / path, uid, gid, mode)
        for path, (content, uid, gid, mode) in self.files.items():
            replace(root / path, content, uid, gid, mode)


def encoded(content: Any) -> bytes:
    """Return what is written of a file's content."""
    return base64.b64decode(content["base64"]) if isinstance(content, dict) else str(content).encode()


def text(content: bytes) -> str:
    """Decode for a diff."""
    return content.decode(errors="replace")


class Writer:
    """Compares the wanted trees with the host and brings the host to them."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.base = module, Path(module.params["base"])
        self.edits = Edits(self.base)
        self.diff: list[dict[str, str]] = []
        self.changed: list[str] = []

    def note(self, service: str, path: Path, before: str = "", after: str = "", what: str = "") -> None:
        """Record a change for the result; `what` replaces the contents, for secrets, owners and directories."""
        if service not in self.changed:
            self.changed.append(service)
        if what:
            self.diff.append({"prepared": f"{path}: {what}\n"})
        else:
            self.diff.append({"before": before, "after": after, "before_header": str(path), "after_header": str(path)})

    def compare(self, tree: Tree) -> tuple[bool, list[Path]]:
        """Record what differs; returns whether a file's content does, and the files to be removed."""
        root, differs = self.base / tree.name, False
        for path, wanted in tree.directories.items():
            if not (root / path).is_dir():
                self.note(tree.name, root / path, what="directory created")
            elif owner(root / path) != wanted:
                self.note(tree.name, root / path, what="owner or mode corrected")
        for path, (content, *wanted_owner) in tree.files.items():
            file = root / path
            current = file.read_bytes() if file.is_file() else None
            if current != content:
                differs = True
                if path.startswith("secrets/"):
                    self.note(tree.name, file, what="secret written")
                else:
                    self.note(tree.name, file, text(current or b""), text(content))
            elif owner(file) != tuple(wanted_owner):
                self.note(tree.name, file, what="owner or mode corrected")
        strays = [file for file in sorted(root.rglob("*")) if not file.is_dir() or file.is_symlink()]
        strays = [file for file in strays if str(file.relative_to(root)) not in tree.files]
        for file in strays:
            where = "deleted" if file.parent == root / "secrets" else f"moved to {self.base / REMOVED}"
            self.note(tree.name, file, what=f"not written by the playbook, {where}")
        return differs or bool(strays), strays

    def validate(self, tree: Tree, commands: list[str]) -> None:
        """Run the validating commands on the new files, written aside."""
        with tempfile.TemporaryDirectory(prefix=".staging.", dir=self.base) as aside:
            tree.write(Path(aside))
            for command in commands:
                line = command.replace("%s", aside)
                run = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=120, check=False)
                if run.returncode:
                    said = f"{run.stdout}{run.stderr}".replace(aside, str(self.base / tree.name)).strip()
                    self.module.fail_json(
                        msg=f"The new configuration of {tree.name} is invalid, nothing was changed: {said}",
                        command=command,
                    )

    def remove(self, root: Path, strays: list[Path]) -> None:
        """Move files aside, to a directory of the time, and delete secrets."""
        for file in strays:
            if file.parent == root / "secrets":
                file.unlink()
                continue
            now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
            target = self.base / REMOVED / now / file.relative_to(self.base)
            target.parent.mkdir(parents=True, exist_ok=True)
            settle(self.base / REMOVED, 0, 0, 0o700)
            shutil.move(str(file), target)

    def fragment(self, name: str, content: str) -> None:
        """Write a service's part of compose.yaml."""
        path = self.base / FRAGMENTS / f"{name}.yaml"
        current = path.read_text() if path.is_file() else ""
        if current != content:
            self.note(name, path, current, content)
            if not self.module.check_mode:
                path.parent.mkdir(parents=True, exist_ok=True)
                settle(path.parent, 0, 0, 0o700)
                replace(path, content.encode(), 0, 0, 0o600)

    def service(self, service: dict[str, Any]) -> None:
        """Bring one service to what is wanted."""
        tree = Tree(service, self.module.params["secrets"].get(service["name"], {}))
        noted = len(self.diff)
        differs, strays = self.compare(tree)
        if self.module.check_mode:
            pass
        elif len(self.diff) > noted:
            if differs:
                self.validate(tree, service["validate"])
            root = self.base / tree.name
            self.save_edits(tree)
            self.remove(root, strays)
            for path, wanted in sorted(tree.directories.items()):
                (root / path).mkdir(parents=True, exist_ok=True)
                settle(root / path, *wanted)
            for path, (content, *wanted_owner) in tree.files.items():
                if not (root / path).is_file() or (root / path).read_bytes() != content:
                    replace(root / path, content, *wanted_owner)
                else:
                    settle(root / path, *wanted_owner)
        self.edits.forget(tree.name, tree.files)
        for path, (content, *_) in tree.files.items():
            if not path.startswith("secrets/"):
                self.edits.written(self.base / tree.name / path, content)
        self.fragment(service["name"], service["compose"])

    def save_edits(self, tree: Tree) -> None:
        """Save what was edited by hand in the files that are about to be overwritten."""
        for path, (content, *_) in tree.files.items():
            file = self.base / tree.name / path
            diff = "" if path.startswith("secrets/") else self.edits.save(file, content)
            if diff:
                self.note(tree.name, file, what=f"was edited by hand, which is kept in {diff}")

    def absent(self, name: str) -> None:
        """Remove the files of a service that is off, secrets among them."""
        self.edits.forget(name)
        fragment = self.base / FRAGMENTS / f"{name}.yaml"
        for path in (self.base / name, fragment, self.base / APPLIED / name):
            if path.exists():
                self.note(name, path, what="removed, the service is off")
                if not self.module.check_mode:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


def docker_group() -> int:
    """Return the group that may use Docker, which may read the installation too; root's where there is none."""
    try:
        return grp.getgrnam("docker").gr_gid
    except KeyError:
        return 0


def main() -> None:
    """Run as an Ansible module."""
    service = {
        "name": {"type": "str", "required": True},
        "uid": {"type": "int", "required": True},
        "gid": {"type": "int", "required": True},
        "files": {"type": "dict", "default": {}},
        "directories": {"type": "list", "elements": "str", "default": []},
        "validate": {"type": "list", "elements": "str", "default": []},
        "compose": {"type": "str", "required": True},
    }
    module = AnsibleModule(
        {
            "base": {"type": "path", "required": True},
            "services": {"type": "list", "elements": "dict", "options": service, "required": True},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "absent": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    writer = Writer(module)
    base = writer.base
    # Other users of the host see nothing of it; containers see what is mounted, whatever the mode of this directory.
    wanted = (pwd.getpwnam("root").pw_uid, docker_group(), 0o750)
    if not base.is_dir() or owner(base) != wanted:
        writer.note("", base, what="directory created, or owner and mode corrected")
        if not module.check_mode:
            base.mkdir(parents=True, exist_ok=True)
            settle(base, *wanted)
    for one in module.params["services"]:
        writer.service(one)
    for name in module.params["absent"]:
        writer.absent(name)
    if not module.check_mode:
        writer.edits.close()
    module.exit_json(changed=bool(writer.changed), services=[name for name in writer.changed if name], diff=writer.diff)


if __name__ == "__main__":
    main()
