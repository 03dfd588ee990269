#!/usr/bin/python
"""Download the jars of a recipe on the control node, and compare them with their checksums."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils.files import made_aside

DOCUMENTATION = r"""
module: images_jars
short_description: Download what a pom.xml names, once
description:
  - Runs on the control node. Maven downloads, because it knows the operator's mirrors, proxies and certificates. The jars are
    downloaded aside and moved in place, so that an interrupted run leaves no half of them.
options:
  pom: {type: path, required: true, description: File that names the dependencies.}
  properties: {type: dict, default: {}, description: Values of the pom's properties.}
  lock: {type: path, required: true, description: 'Lines of sha256 and file name, as C(sha256sum) writes them.'}
  path: {type: path, required: true, description: Directory of the jars.}
author: [JIUCOM]
"""
EXAMPLES = "- images_jars: {pom: pom.xml, lock: jars.sha256, path: .cache/images/opensearch-3.6.0}"
RETURN = "path: {type: path, returned: always, description: Directory of the jars.}"


def differing(directory: Path, lock: dict[str, str]) -> list[str]:
    """List the names of files that are missing, not wanted, or have another checksum."""
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in directory.glob("*")}
    return sorted(name for name in {*found, *lock} if found.get(name) != lock.get(name))


def main() -> None:
    """Run as an Ansible module."""
    paths = ("pom", "lock", "path")
    module = AnsibleModule(
        {name: {"type": "path", "required": True} for name in paths} | {"properties": {"type": "dict", "default": {}}},
        supports_check_mode=True,
    )
    wanted = module.params
    lines = [line.split() for line in Path(wanted["lock"]).read_text().splitlines()]
    lock = {name: checksum for checksum, name in lines}
    target = Path(wanted["path"]).resolve()
    if not differing(target, lock):
        module.exit_json(changed=False, path=str(target))
    if module.check_mode:
        module.exit_json(changed=True, path=str(target))
    with made_aside(target, lambda: not differing(target, lock)) as aside:
        command = ["mvn", "--batch-mode", "--quiet", f"--file={wanted['pom']}", "dependency:copy-dependencies"]
        command += [f"-D{key}={value}" for key, value in wanted["properties"].items()]
        code, said, error = module.run_command([*command, f"-DoutputDirectory={aside}"])
        if code:
            module.fail_json(
                msg=f"The control node cannot download what {wanted['pom']} names: {(said + error).strip()[-1500:]}. Check its "
                f"way to Maven's repository (~/.m2/settings.xml), or copy the directory from another control node: {target}"
            )
        if other := differing(aside, lock):
            module.fail_json(
                msg=f"What Maven downloaded is not what {wanted['lock']} names: {', '.join(other)}. After a change of the "
                f"version, write it anew; otherwise find out who changed the files"
            )
        shutil.rmtree(target, ignore_errors=True)
    module.exit_json(changed=True, path=str(target))


if __name__ == "__main__":
    main()
