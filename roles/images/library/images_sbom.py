#!/usr/bin/python
"""Write what the images that were built here hold, a CycloneDX document each."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine, sbom

DOCUMENTATION = r"""
module: images_sbom
short_description: Write what the images that were built here hold
description:
  - Writes a CycloneDX document (JSON) for each image of the project's containers, or of C(references), whose name has the prefix,
    and removes those of other images. What is there of the same image stays.
options:
  project: {type: str, required: true, description: Name of the Compose project.}
  image_prefix: {type: str, required: true, description: What the names of images built here begin with.}
  path: {type: path, required: true, description: 'Directory of the documents, which is there.'}
  references: {type: list, elements: str, default: [], description: Images instead of those of the containers.}
author: [JIUCOM]
"""
EXAMPLES = "- images_sbom: {project: jiucom, image_prefix: localhost/jiucom/, path: /opt/jiucom/sbom}"
RETURN = """
lines: {type: list, returned: always, description: 'A line for each document, with what it lists.'}
missing: {type: list, returned: always, description: Images of the project that were not built here.}
"""
_SUFFIX = ".cdx.json"
# Official Python images build their own, which no list in them knows.
_ENVIRONMENT = {"PYTHON_VERSION": "python"}


def in_use(project: str) -> set[str]:
    """Return the references of the images that the project's containers were made of."""
    return {one["Config"]["Image"] for replicas in engine.containers(project).values() for one in replicas}


def components(image: dict[str, Any]) -> list[dict[str, str]]:
    """Read an image's files, through a container that never runs."""
    variables = dict(entry.partition("=")[::2] for entry in image["Config"].get("Env") or [])
    recorded = [(name, variables[key]) for key, name in _ENVIRONMENT.items() if key in variables]
    command = ["docker", "create", "--network=none", image["Id"], "none"]
    container = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    try:
        with subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as export:
            assert export.stdout  # noqa: S101 - Popen was given a pipe
            found = sbom.components(export.stdout, recorded)
            # The archive's end is padded: a pipe that is closed early would fail the export.
            while export.stdout.read(1 << 16):
                pass
        if export.returncode:
            raise subprocess.CalledProcessError(export.returncode, export.args)
    finally:
        subprocess.run(["docker", "rm", "--volumes", container], capture_output=True, check=False)
    return found


def recorded_image(file: Path) -> str:
    """Return the id of the image that a document describes; empty where there is none, or it cannot be read."""
    try:
        [entry] = json.loads(file.read_text())["metadata"]["properties"]
        return str(entry["value"])
    except (OSError, ValueError, KeyError):
        return ""


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "project": {"type": "str", "required": True},
            "image_prefix": {"type": "str", "required": True},
            "path": {"type": "path", "required": True},
            "references": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    wanted, directory = module.params, Path(module.params["path"])
    lines, missing, changed = [], [], False
    try:
        used = set(wanted["references"]) or in_use(wanted["project"])
        files = {}
        for reference in sorted(used):
            image = engine.image(reference)
            if not reference.startswith(wanted["image_prefix"]) or not image:
                missing.append(reference)
                continue
            name = reference.removeprefix(wanted["image_prefix"]).partition(":")[0]
            files[directory / f"{name}{_SUFFIX}"] = reference, image
        for file, (reference, image) in files.items():
            if recorded_image(file) != image["Id"]:
                changed = True
                if not module.check_mode:
                    text = json.dumps(sbom.document(reference, image, components(image)), indent=1) + "\n"
                    aside = file.with_name(f".{file.name}")
                    aside.write_text(text)
                    aside.chmod(0o644)
                    aside.replace(file)
            lines.append(f"{file}: {reference}")
        for file in set(directory.glob(f"*{_SUFFIX}")) - set(files):
            changed = True
            if not module.check_mode:
                file.unlink()
    except engine.EngineError as fault:
        module.fail_json(msg=str(fault))
    except subprocess.CalledProcessError as fault:
        module.fail_json(msg=f"{' '.join(map(str, fault.cmd))}: {(fault.stderr or '').strip() or fault}")
    module.exit_json(changed=changed, lines=lines, missing=missing)


if __name__ == "__main__":
    main()
