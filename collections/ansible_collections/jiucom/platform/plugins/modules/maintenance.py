#!/usr/bin/python
"""Have the gateway refuse requests because of maintenance, or take them again."""

from __future__ import annotations

import re
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils.locks import Lock
from ansible_collections.jiucom.platform.plugins.module_utils.rollout.gateway import GatewayError, running_gateway
from ansible_collections.jiucom.platform.plugins.module_utils.rollout.replicas import drain, replicas

DOCUMENTATION = r"""
module: maintenance
short_description: Refuse requests because of maintenance, or take them again
description:
  - Requests get 503 with Retry-After. Those that have begun are answered; the module returns when they are. Streams stay.
  - The file C(.maintenance) says so to the next run of the playbook.
options:
  path: {type: path, required: true, description: Directory of the installation.}
  project: {type: str, required: true, description: Name of the Compose project.}
  network: {type: str, required: true, description: Name of the platform's network.}
  port: {type: int, required: true, description: Port of the API.}
  gateway: {type: str, required: true, description: URL of the gateway's status port.}
  state: {type: str, choices: ["on", "off"], required: true, description: What to do.}
  drain: {type: int, default: 60, description: Seconds that requests which have begun may take.}
author: [JIUCOM]
"""
EXAMPLES = "- jiucom.platform.maintenance: {path: /opt/jiucom, project: jiucom, state: 'on'}"
RETURN = "lines: {type: list, returned: always, description: How it is now.}"

_DEFAULT = re.compile(r"^( *default )[01];$", re.MULTILINE)


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "project": {"type": "str", "required": True},
            "network": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "gateway": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["on", "off"], "required": True},
            "drain": {"type": "int", "default": 60},
        }
    )
    given = module.params
    base, on = Path(given["path"]), given["state"] == "on"
    file, mark = base / "nginx/conf/maintenance.conf", base / ".maintenance"
    text = file.read_text() if file.is_file() else ""
    wanted = _DEFAULT.sub(rf"\g<1>{int(on)};", text)
    gateway = running_gateway(given["project"], file, given["gateway"]) if text else None
    if gateway is None:
        module.fail_json(msg="The gateway does not run: type ansible-playbook site.yml")
        return
    Lock(base).describe(f"maintenance {given['state']}")
    if wanted == text and mark.exists() == on:
        module.exit_json(changed=False, lines=[f"Maintenance is {given['state']}, as it was"])
    try:
        workers = gateway.load(wanted.encode(), gateway.generation(), seconds=20)
    except GatewayError as fault:
        module.fail_json(msg=f"Nothing was changed. {fault}")
    if not on:
        mark.unlink(missing_ok=True)
        module.exit_json(changed=True, lines=["Maintenance is off"])
    mark.touch(mode=0o600)
    left = drain(replicas(given["project"], given["network"], given["port"]), workers, given["drain"])
    module.exit_json(changed=True, lines=[f"Maintenance is on; of the requests before, {left}"])


if __name__ == "__main__":
    main()
