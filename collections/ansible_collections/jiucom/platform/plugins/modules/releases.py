#!/usr/bin/python
"""Record what the API serves with, and put the definition of an earlier release in place."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.locks import Lock
from ansible_collections.jiucom.platform.plugins.module_utils.releases import Releases, tag

DOCUMENTATION = r"""
module: releases
short_description: Record releases of the API, and put an earlier one's definition in place
description:
  - A release is an image and its part of compose.yaml. Those whose image is gone are forgotten.
  - Nothing is started here.
options:
  path: {type: path, required: true, description: Directory of the installation.}
  state:
    type: str
    choices: [recorded, restored, kept]
    required: true
    description: Record what serves, put an earlier release's definition in place, or that of what serves.
  version: {type: str, default: '', description: 'The release to restore: tag, image or commit; empty is the one before.'}
author: [JIUCOM]
"""
EXAMPLES = "- jiucom.platform.releases: {path: /opt/jiucom, state: recorded}"
RETURN = "version: {type: str, returned: always, description: The release.}"


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["recorded", "restored", "kept"], "required": True},
            "version": {"type": "str", "default": ""},
        },
    )
    base = Path(module.params["path"])
    releases = Releases(base)
    if not releases.fragment.is_file():
        module.fail_json(msg="The API is not installed: type ansible-playbook site.yml")
    releases.forget({one["image"] for one in releases.listed() if engine.image(one["image"])})
    if module.params["state"] == "recorded":
        releases.record(str(Lock(base).read().get("commit", "")))
        module.exit_json(changed=False, version=tag(releases.listed()[0]["image"]))
    if module.params["state"] == "kept":
        releases.keep()
        module.exit_json(changed=False, version="")
    try:
        release = releases.before(module.params["version"])
    except LookupError as fault:
        module.fail_json(msg=str(fault))
    releases.restore(release)
    module.exit_json(changed=True, version=tag(release["image"]))


if __name__ == "__main__":
    main()
