#!/usr/bin/python
"""Find the distribution's mirrors in the host's own sources, whatever their format."""

from __future__ import annotations

import platform

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils.apt_sources import own_mirrors, print_uris, sources

DOCUMENTATION = r"""
module: apt_mirrors
short_description: Find the distribution's mirrors in the host's own apt sources
description:
  - Asks apt itself, which reads both formats of sources.
  - A mirror is what gives the main archive of the release that runs. Others call their suites by its name too; the lists, where
    apt has fetched them, say whose they are.
author: [JIUCOM]
"""
EXAMPLES = "- jiucom.platform.apt_mirrors:"
RETURN = """
mirrors: {type: list, returned: always, description: 'Addresses in the sources order, without security archives.'}
sources: {type: list, returned: always, description: 'Every source, as address and suite: http://mirror.example/debian trixie.'}
"""


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule({}, supports_check_mode=True)
    release = platform.freedesktop_os_release()
    try:
        found = own_mirrors(release["ID"], release["VERSION_CODENAME"])
        listed = [" ".join(source) for source in sources(print_uris())]
    except RuntimeError as fault:
        module.fail_json(msg=str(fault))
    module.exit_json(changed=False, mirrors=found, sources=listed)


if __name__ == "__main__":
    main()
