#!/usr/bin/python
"""Write the README of the installation's directory, with the commit and the date of the last run that changed something."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils.files import replace

DOCUMENTATION = r"""
module: stack_readme
short_description: Write the README of the installation's directory
description:
  - The stamp in the text, C(@stamp@), is commit and date. A run that changes nothing leaves the one that is there.
options:
  path: {type: path, required: true, description: Directory of the installation.}
  text: {type: str, required: true, description: 'The text, with C(@stamp@).'}
  commit: {type: str, default: '', description: The commit of the checkout.}
  anew: {type: bool, required: true, description: Whether this run has changed something.}
author: [JIUCOM]
"""
EXAMPLES = "- stack_readme: {path: /opt/jiucom, text: 'Made from @stamp@', commit: abc1234, anew: false}"
RETURN = "changed: {type: bool, returned: always, description: Whether it was written.}"

STAMP = re.compile(r"commit \S+, \d{4}-\d\d-\d\d \d\d:\d\d UTC")


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "text": {"type": "str", "required": True},
            "commit": {"type": "str", "default": ""},
            "anew": {"type": "bool", "required": True},
        },
        supports_check_mode=True,
    )
    file = Path(module.params["path"], "README.md")
    before = file.read_text() if file.is_file() else ""
    stamp = STAMP.search(before)
    text = module.params["text"].rstrip() + "\n"
    if stamp and not module.params["anew"] and before == text.replace("@stamp@", stamp[0]):
        module.exit_json(changed=False)
    now = f"commit {module.params['commit'] or 'unknown'}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    after = text.replace("@stamp@", now)
    if not module.check_mode:
        replace(file, after.encode(), 0, file.parent.stat().st_gid, 0o640)
    diff = {"before": before, "after": after, "before_header": str(file), "after_header": str(file)}
    module.exit_json(changed=True, diff=diff)


if __name__ == "__main__":
    main()
