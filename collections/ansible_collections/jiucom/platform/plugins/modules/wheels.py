#!/usr/bin/python
"""Download the wheels of a lock file on the control node, once for each lock file and architecture."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils.files import made_aside

DOCUMENTATION = r"""
module: wheels
short_description: Download the wheels of a lock file once
description:
  - Runs on the control node. The wheels are those of the image's Python and the host's architecture, whatever the control node
    has, and each lock file, Python and architecture has a directory of its own. They are downloaded aside and moved in place, so
    that an interrupted run leaves no half of them and runs side by side share none.
  - Downloads in check mode, too (40 MB for the API, once), because the checksum that tells whether the host would change is made
    over the wheels. Check mode changes nothing else on the control node, and nothing on the host.
  - With a bundle for closed networks, they are taken from there, and nothing is downloaded.
options:
  lock: {type: path, required: true, description: Complete lock file with hashes.}
  cache: {type: path, required: true, description: Directory of the downloads.}
  name: {type: str, required: true, description: 'Prefix of the directory, such as C(app).'}
  architecture: {type: str, required: true, description: 'Architecture of the host, such as C(x86_64).'}
  python_version: {type: str, required: true, description: 'Version of the Python that will install them, such as C(3.13).'}
  executable: {type: path, required: true, description: Python of the control node, whose pip downloads.}
  bundle: {type: str, default: '', description: Directory of a bundle that has them.}
author: [JIUCOM]
"""
EXAMPLES = r"""
- jiucom.platform.wheels:
    lock: api/requirements.lock
    cache: .cache/wheels
    name: app
    architecture: x86_64
    python_version: "3.13"
    executable: /usr/bin/python3
"""
RETURN = "path: {type: path, returned: always, description: Directory of the wheels.}"

# What a wheel may call a glibc platform that Debian 12 and everything newer can load.
PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")


def main() -> None:
    """Run as an Ansible module."""
    names = ("lock", "cache", "executable")
    module = AnsibleModule(
        {name: {"type": "path", "required": True} for name in names}
        | {name: {"type": "str", "required": True} for name in ("name", "architecture", "python_version")}
        | {"bundle": {"type": "str", "default": ""}},
        supports_check_mode=True,
    )
    wanted = module.params
    lock = Path(wanted["lock"]).resolve()
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    directory = f"{wanted['name']}-{digest}-{wanted['python_version']}-{wanted['architecture']}"
    if wanted["bundle"]:
        bundled = Path(wanted["bundle"]).expanduser() / "wheels" / directory
        if not bundled.is_dir():
            module.fail_json(
                msg=f"The bundle has no {bundled}: it was made by a checkout with another {lock}, or for another architecture. "
                "Use the checkout that lies in the bundle (checkout.tar.gz)"
            )
        module.exit_json(changed=False, path=str(bundled))
    target = Path(wanted["cache"]).resolve() / directory
    if target.is_dir():
        module.exit_json(changed=False, path=str(target))
    with made_aside(target, target.is_dir) as aside:
        # The lock is complete, and pip would read the conditions of dependencies for its own Python, not the image's.
        command = [wanted["executable"], "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps"]
        command += ["--only-binary=:all:", f"--python-version={wanted['python_version']}"]
        command += [f"--platform={name}_{wanted['architecture']}" for name in PLATFORMS]
        code, _, error = module.run_command([*command, f"--requirement={lock}", f"--dest={aside}"])
        if code:
            module.fail_json(
                msg=f"The control node cannot download the wheels of {lock}: {error.strip()[-1500:]}. "
                "Check its way to the package index (pip config list), or copy the directory from another control node: "
                f"{target}"
            )
    module.exit_json(changed=True, path=str(target))


if __name__ == "__main__":
    main()
