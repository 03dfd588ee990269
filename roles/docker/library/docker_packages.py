#!/usr/bin/python
"""Download the packages of a distribution, and all that they need, for hosts without a mirror."""

from __future__ import annotations

import platform
import shutil
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils.apt_root import AptError, AptRoot
from ansible_collections.jiucom.platform.plugins.module_utils.apt_sources import print_uris, sources

DOCUMENTATION = r"""
module: docker_packages
short_description: Download the packages of a distribution, and all that they need
description:
  - Runs on a machine with a mirror of the distribution, which may run another release. The directory is a source for apt.
  - Downloads anew each time, so that a bundle has the newest packages; one that fails leaves the directory as it was.
options:
  codename: {type: str, required: true, description: 'Release of the hosts, such as C(trixie).'}
  next: {type: str, default: '', description: Release that C(packages) come from where it is another.}
  packages: {type: list, elements: str, required: true, description: Packages of Docker.}
  others: {type: list, elements: str, default: [], description: Further packages.}
  mirror: {type: str, default: '', description: The distribution's mirror; empty takes that of this machine.}
  keyring: {type: str, required: true, description: Keys that sign the lists.}
  repository: {type: str, default: '', description: 'Source line of a repository that C(packages) come from.'}
  options: {type: list, elements: str, default: [], description: Lines of apt's configuration.}
  path: {type: path, required: true, description: The directory.}
author: [JIUCOM]
"""
EXAMPLES = (
    "- docker_packages: {codename: trixie, packages: [docker.io], keyring: /usr/share/keyrings/k.gpg, path: /tmp/p}"
)
RETURN = "bytes: {type: int, returned: always, description: What was downloaded.}"
_PIN = "Package: {packages}\nPin: release n={suite}\nPin-Priority: 990\n\nPackage: *\nPin: release n={suite}\nPin-Priority: 50\n"


def lines(codename: str, mirror: str, keyring: str, own: list[tuple[str, str]], release: str) -> list[str]:
    """Return the source lines of a release: of the mirror named, else of the machine's own, which runs `release`.

    `own` are addresses and suites of the machine's sources; updates and security come from where it has its own.
    """
    if mirror:
        found = [(mirror, codename), (mirror, f"{codename}-updates")]
    else:
        endings = ("", "-updates", "-security")
        found = [(uri, codename + end) for end in endings for uri, suite in own if suite == release + end]
    return [f"deb [signed-by={keyring}] {uri} {suite} main" for uri, suite in dict.fromkeys(found)]


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "codename": {"type": "str", "required": True},
            "next": {"type": "str", "default": ""},
            "packages": {"type": "list", "elements": "str", "required": True},
            "others": {"type": "list", "elements": "str", "default": []},
            "mirror": {"type": "str", "default": ""},
            "keyring": {"type": "str", "required": True},
            "repository": {"type": "str", "default": ""},
            "options": {"type": "list", "elements": "str", "default": []},
            "path": {"type": "path", "required": True},
        },
    )
    wanted, path = module.params, Path(module.params["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        own = [] if wanted["mirror"] else sources(print_uris())
        release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
        found = lines(wanted["codename"], wanted["mirror"], wanted["keyring"], own, release)
        if wanted["next"]:
            # The release alone, as on a host: its security archive has another name, which the pin would not hold back.
            found += lines(wanted["next"], wanted["mirror"], wanted["keyring"], own, release)[:1]
        pin = _PIN.format(packages=" ".join(wanted["packages"]), suite=wanted["next"]) if wanted["next"] else ""
        found += filter(None, [wanted["repository"]])
        root = AptRoot(aside / "root", found, pin, wanted["options"])
        size = root.download([*wanted["packages"], *wanted["others"]], aside / "packages")
        shutil.rmtree(path, ignore_errors=True)
        (aside / "packages").rename(path)
        path.chmod(0o755)
    except (AptError, RuntimeError) as fault:
        module.fail_json(msg=f"{path.name}: {fault}")
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    module.exit_json(changed=True, bytes=size)


if __name__ == "__main__":
    main()
