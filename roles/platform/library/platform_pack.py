#!/usr/bin/python
"""Write a bundle for closed networks, or say how large it will be."""

from __future__ import annotations

import contextlib
import datetime
import gzip
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import bundles, engine

DOCUMENTATION = r"""
module: platform_pack
short_description: Write a bundle for closed networks
description:
  - C(plan) adds up what the parts will take, and fails where the disk has less. C(write) writes them aside, with checksums and,
    where a key is given, their signature, and moves them in place.
options:
  mode: {type: str, choices: [plan, write], required: true, description: What to do.}
  to: {type: path, required: true, description: 'Directory of the bundle, which is not there yet.'}
  files: {type: dict, required: true, description: 'Files and directories by their names there; C(NAME.tar) packs a directory.'}
  images: {type: list, elements: str, required: true, description: References of the images.}
  checkout: {type: path, required: true, description: The checkout; its tracked files go along.}
  manifest: {type: dict, required: true, description: What bundle.json says beside the layout.}
  key: {type: str, default: '', description: SSH private key that signs.}
  tar: {type: bool, default: false, description: Whether one file is written beside the directory.}
author: [JIUCOM]
"""
EXAMPLES = "- platform_pack: {mode: plan, to: /tmp/bundle, files: {}, images: [], checkout: ., manifest: {}}"
RETURN = "lines: {type: list, returned: always, description: 'Sizes by part, in megabytes; what is left to do.'}"
_MB = 1000**2


def tree_bytes(path: Path) -> int:
    """Return the size of a file, or of all files of a directory."""
    return sum(one.stat().st_size for one in ([path] if path.is_file() else path.rglob("*")) if one.is_file())


def sized(parts: dict[str, int]) -> list[str]:
    """Return a line for each part with its megabytes, and their sum."""
    return [f"{name:12} {size / _MB:7.0f} MB" for name, size in [*parts.items(), ("all", sum(parts.values()))]]


@contextlib.contextmanager
def output(*command: str) -> Iterator[Any]:
    """Run a command and give its output as a stream. Raises CalledProcessError."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        yield process.stdout
        said = process.communicate()[1]
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=said.decode(errors="replace"))


class Bundle:
    """A bundle that is being made."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        self.wanted, self.to = wanted, Path(wanted["to"])
        self.files = {name: Path(path).resolve() for name, path in wanted["files"].items()}

    def parts(self) -> dict[str, int]:
        """Return the bytes of each part before it is written: images as Docker counts them, more than they will take."""
        found = {"images": sum(int((engine.image(one) or {}).get("Size", 0)) for one in self.wanted["images"])}
        for name, path in self.files.items():
            part = name.partition("/")[0]
            found[part] = found.get(part, 0) + tree_bytes(path)
        return found

    def plan(self) -> list[str]:
        """Say how large the bundle will be at most. Raises ValueError where there is less room."""
        parts, place = self.parts(), self.to
        while not place.exists():
            place = place.parent
        needed, free = sum(parts.values()) * (2 if self.wanted["tar"] else 1), shutil.disk_usage(place).free
        if free < needed:
            raise ValueError(
                f"{place} has {free // _MB} MB free, and the bundle may need {needed // _MB}: set bundle_to"
            )
        return ["At most:", *sized(parts), f"{place} has {free // _MB} MB free"]

    def write(self) -> list[str]:
        """Write the bundle; returns what was written, and what is left to do."""
        aside = self.to.with_name(f".{self.to.name}.{os.getpid()}")
        try:
            aside.mkdir(parents=True)
            for name, path in self.files.items():
                self._copy(path, aside / name)
            self._images(aside)
            self._checkout(aside / "checkout.tar.gz")
            made = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            manifest = {"layout": bundles.LAYOUT, "made": made, **self.wanted["manifest"]}
            (aside / bundles.MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
            for path in [aside, *aside.rglob("*")]:
                path.chmod(0o755 if path.is_dir() else 0o644)
            bundles.seal(aside, self.wanted["key"])
            lines = [str(self.to), *sized({path.name: tree_bytes(path) for path in sorted(aside.iterdir())})]
            if self.wanted["tar"]:
                self._tar(aside)
            aside.rename(self.to)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        if not self.wanted["key"]:
            sign = f"ssh-keygen -Y sign -f KEY -n {bundles.NAMESPACE} {self.to / bundles.SUMS}"
            lines.append(f"It is not signed, and so will be refused. Type: {sign}")
        return lines

    def _copy(self, path: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and target.suffix == ".tar":
            with tarfile.open(target, "w") as packed:
                packed.add(path, ".")
        elif path.is_dir():
            shutil.copytree(path, target)
        else:
            shutil.copyfile(path, target)

    def _images(self, aside: Path) -> None:
        """Save the images under the names that the hosts will look for: one with a digest would come without a name."""
        names = []
        for reference in self.wanted["images"]:
            name = reference.partition("@")[0]
            if name != reference:
                subprocess.run(["docker", "tag", reference, name], check=True, capture_output=True, text=True)
            names.append(name)
        (aside / "images").mkdir()
        with output("docker", "save", *names) as saved, gzip.open(aside / "images/images.tar.gz", "wb", 1) as packed:
            shutil.copyfileobj(saved, packed, 1 << 20)

    def _checkout(self, target: Path) -> None:
        """Pack the checkout's tracked files as they are now, below jiucom/."""
        root = Path(self.wanted["checkout"])
        command = ["git", "-C", str(root), "-c", f"safe.directory={root}", "ls-files", "-z"]
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
        with tarfile.open(target, "w:gz") as packed:
            for name in listed:
                if name and (root / name).is_file():
                    packed.add(root / name, f"jiucom/{name}")

    def _tar(self, aside: Path) -> None:
        target = self.to.with_name(f"{self.to.name}.tar")
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with tarfile.open(partial, "w") as packed:
                packed.add(aside, self.to.name)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "mode": {"type": "str", "choices": ["plan", "write"], "required": True},
            "to": {"type": "path", "required": True},
            "files": {"type": "dict", "required": True},
            "images": {"type": "list", "elements": "str", "required": True},
            "checkout": {"type": "path", "required": True},
            "manifest": {"type": "dict", "required": True},
            "key": {"type": "str", "default": ""},
            "tar": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    bundle = Bundle(module.params)
    try:
        if module.params["mode"] == "plan":
            module.exit_json(changed=False, lines=bundle.plan())
        module.exit_json(changed=True, lines=[] if module.check_mode else bundle.write())
    except subprocess.CalledProcessError as fault:
        module.fail_json(msg=f"{' '.join(map(str, fault.cmd))}: {(fault.stderr or '').strip() or fault}")
    except (bundles.SealError, engine.EngineError, ValueError, OSError) as fault:
        module.fail_json(msg=str(fault))


if __name__ == "__main__":
    main()
