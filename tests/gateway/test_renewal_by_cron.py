"""H3.1: where no systemd runs, cron renews the certificate, by a line that works with cron's own poor environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.role import ROOT


@pytest.mark.skipif(Path("/run/systemd/system").is_dir(), reason="systemd runs here")
def test_the_line_of_cron_makes_a_certificate(tmp_path: Path) -> None:
    cron = tmp_path / "cron"

    def renew(**more: Any) -> None:
        variables = {
            "ansible_python_interpreter": sys.executable,
            "platform_dir": str(tmp_path / "jiucom"),
            "platform_public_url": "https://shop.example.kr",
            # Nothing answers there: certificate.py must not take another gateway of this machine for this one.
            "platform_gateway_bind": "127.0.0.1",
            "platform_gateway_https_port": 1,
            "gateway_tls": "selfsigned",
            "_gateway_cron_file": str(cron),
        }
        tasks = yaml.safe_load((ROOT / "roles/gateway/tasks/main.yml").read_text())[:1]
        tasks.append({"ansible.builtin.include_role": {"name": "gateway", "tasks_from": "certificate"}})
        tasks[0]["gateway_certificate"]["program"] = (ROOT / "roles/gateway/files/certificate.py").read_text()
        roles = ["platform", {"role": "gateway", "tags": ["never"]}]
        play = [{"hosts": "localhost", "connection": "local", "roles": roles, "tasks": tasks}]
        (tmp_path / "play.yml").write_text(yaml.safe_dump(play))
        (tmp_path / "variables.yml").write_text(yaml.safe_dump(variables | more))
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "--inventory", "localhost,"]
        run = subprocess.run(
            [*command, "--extra-vars", f"@{tmp_path / 'variables.yml'}", str(tmp_path / "play.yml")], text=True,
            capture_output=True, timeout=120, check=False, env=os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        )  # fmt: skip
        assert run.returncode == 0, run.stdout

    renew()
    (line,) = [line for line in cron.read_text().splitlines() if not line.startswith("#")]
    found = re.fullmatch(r"[0-5]?\d \*/12 \* \* \* root (.+)", line)
    assert found
    served = tmp_path / "jiucom/tls/served/gateway.pem"
    served.unlink()
    subprocess.run(["env", "-i", "PATH=/usr/bin:/bin", "/bin/sh", "-c", found[1]], check=True, timeout=60)
    assert "BEGIN CERTIFICATE" in served.read_text()
    assert (tmp_path / "jiucom/tls/renewal.log").read_text() == ""
    renew(gateway_tls="none")
    assert not cron.exists()
