#!/usr/bin/python
"""Write what the gateway's certificate is to be, and put one in place that nginx can start with."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils.files import owner, replace, settle

DOCUMENTATION = r"""
module: gateway_certificate
short_description: Prepare the gateway's certificate
description: [Writes the program certificate.py with its settings, and runs it. No certificate authority is asked.]
options:
  path: {type: path, required: true, description: 'The directory of certificates, such as /opt/jiucom/tls.'}
  program: {type: str, required: true, description: Content of certificate.py.}
  settings: {type: dict, required: true, description: Content of settings.json.}
  pair: {type: str, default: '', description: 'Certificate, chain and key of an operator''s own, in PEM.'}
author: [JIUCOM]
"""
EXAMPLES = "- gateway_certificate: {path: /opt/jiucom/tls, program: '...', settings: {mode: selfsigned}}"
RETURN = "diff: {type: list, returned: always, description: What differs; the pair is never shown.}"


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "program": {"type": "str", "required": True},
            "settings": {"type": "dict", "required": True},
            "pair": {"type": "str", "default": "", "no_log": True},
        },
        supports_check_mode=True,
    )
    base, settings = Path(module.params["path"]), module.params["settings"]
    if not shutil.which("openssl"):
        module.fail_json(msg="openssl is not installed on the host: apt-get install openssl")
    directories = {
        base: (0, 0, 0o711),
        base / "served": (0, settings["gid"], 0o750),
        base / "challenges": (0, 0, 0o755),
    }
    files = {
        "certificate.py": (module.params["program"].rstrip() + "\n", 0o700),
        "settings.json": (json.dumps(settings, indent=2, sort_keys=True) + "\n", 0o600),
        "given.pem": (module.params["pair"], 0o400),
    }
    diff: list[dict[str, str]] = []
    for directory, wanted in directories.items():
        if not directory.is_dir() or owner(directory) != wanted:
            diff.append({"prepared": f"{directory}: directory created, or owner and mode corrected\n"})
            if not module.check_mode:
                directory.mkdir(parents=True, exist_ok=True)
                settle(directory, *wanted)
    for name, (content, mode) in files.items():
        file = base / name
        before = file.read_text() if file.is_file() else ""
        if before == content and (not content or owner(file) == (0, 0, mode)):
            continue
        diff.append({"prepared": f"{file}: {'secret written' if content else 'removed'}\n"} if name == "given.pem" else
                    {"before": before, "after": content, "before_header": str(file), "after_header": str(file)})  # fmt: skip
        if module.check_mode:
            continue
        if not content:
            file.unlink()
            continue
        replace(file, content.encode(), 0, 0, mode)
    if not module.check_mode:
        code, out, err = module.run_command([sys.executable, str(base / "certificate.py"), "prepare"])
        if code:
            module.fail_json(msg=err.strip())
        if out:
            diff.append({"prepared": out})
    module.exit_json(changed=bool(diff), diff=diff)


if __name__ == "__main__":
    main()
