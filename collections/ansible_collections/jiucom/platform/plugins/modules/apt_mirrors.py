#!/usr/bin/python
"""Find the distribution's mirrors in the host's own sources, whatever their format."""

from __future__ import annotations

import platform
import re

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: apt_mirrors
short_description: Find the distribution's mirrors in the host's own apt sources
description:
  - Asks apt itself, which reads both formats of sources.
  - A mirror is what gives the main archive of the release that runs. Others call their suites by its name too; the lists, where
    apt has fetched them, say whose they are.
author: [JIUCOM]
"""
EXAMPLES = "- apt_mirrors:"
RETURN = """
mirrors: {type: list, returned: always, description: 'Addresses in the sources order, without security archives.'}
sources: {type: list, returned: always, description: 'Every source, as address and suite: http://mirror.example/debian trixie.'}
"""

TARGETS = "$(REPO_URI) $(RELEASE) $(CODENAME) $(COMPONENT) $(ORIGIN)"


def sources(uris: str) -> list[tuple[str, str]]:
    """List address and suite of every source, of what `apt-get update --print-uris` prints."""
    return re.findall(r"'(https?://\S+?)/+dists/(\S+)/InRelease'", uris)


def mirrors(uris: str, targets: str, distribution: str, codename: str) -> list[str]:
    """Choose the addresses that give main of the `distribution`'s release `codename`.

    `uris` is what `apt-get update --print-uris` prints: every source. `targets` has a line in the form of TARGETS for each list
    that was fetched, and may be empty: then the name of the suite alone decides.
    """
    fetched, own = set(), set()
    for line in targets.splitlines():
        address, suite, name, component, *origin = line.split(" ")
        source = (address.rstrip("/"), suite)
        fetched.add(source)
        if name == codename and component == "main" and " ".join(origin).lower() == distribution:
            own.add(source)
    chosen = [source for source in sources(uris) if source in own]
    chosen = chosen or [source for source in sources(uris) if source not in fetched and source[1] == codename]
    return list(dict.fromkeys(address for address, _ in chosen))


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule({}, supports_check_mode=True)
    _, uris, _ = module.run_command(["apt-get", "update", "--print-uris"], check_rc=True)
    command = ["apt-get", "indextargets", "--format", TARGETS, "Created-By: Packages"]
    _, targets, _ = module.run_command(command, check_rc=True)
    release = platform.freedesktop_os_release()
    module.exit_json(
        changed=False,
        mirrors=mirrors(uris, targets, release["ID"], release["VERSION_CODENAME"]),
        sources=[" ".join(source) for source in sources(uris)],
    )


if __name__ == "__main__":
    main()
