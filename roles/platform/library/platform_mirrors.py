#!/usr/bin/python
"""Find Debian's mirrors in the host's own sources, whatever their format."""

from __future__ import annotations

import re

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: platform_mirrors
short_description: Find the mirrors in the host's own apt sources
description: [Asks apt itself, which reads both formats of sources and needs no package lists for it.]
author: [JIUCOM]
"""
EXAMPLES = "- platform_mirrors:"
RETURN = (
    "mirrors: {type: list, returned: always, description: 'Addresses in the sources order, without security archives.'}"
)


def mirrors(uris: str) -> list[str]:
    """Read the addresses out of what `apt-get update --print-uris` prints."""
    found = re.findall(r"'(https?://\S+?)/dists/\S+/InRelease'", uris)
    return list(dict.fromkeys(address for address in found if "security" not in address))


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule({}, supports_check_mode=True)
    _, uris, _ = module.run_command(["apt-get", "update", "--print-uris"], check_rc=True)
    module.exit_json(changed=False, mirrors=mirrors(uris))


if __name__ == "__main__":
    main()
