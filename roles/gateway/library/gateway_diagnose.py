#!/usr/bin/python
"""Find out why the gateway answers 502, whether its certificate ends soon, and whether the public name leads here (H2)."""

from __future__ import annotations

import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.checks import http_request
from ansible_collections.jiucom.platform.plugins.module_utils.diagnosis import Diagnosis, Fault, log, running

DOCUMENTATION = r"""
module: gateway_diagnose
short_description: Name what is wrong with the gateway and what to type
description: [Changes nothing.]
options: {expected: {type: dict, description: What the role knows and the diagnosis compares with.}}
author: [JIUCOM]
"""
EXAMPLES = (
    "- gateway_diagnose: {expected: {project: jiucom, path: /opt/jiucom, gateway: 'http://127.0.0.1', tls: none}}"
)
RETURN = "ansible_facts: {type: dict, returned: always, description: The findings as findings_gateway.}"

diagnosis = Diagnosis("gateway")
# One that passes through the API to the database, and is never limited.
PATH = "/api/v1/actuator/health"
# As the alert CertificateEnding: renewed at a third, below a quarter it has failed several times.
LEAST = 0.25


def last_error(container: str) -> str:
    """Return nginx's last line about a service behind it."""
    return next(
        (line for line in reversed(log(container)) if "upstream" in line and "[error]" in line),
        "no error in nginx's log",
    )


@diagnosis.look
def upstream(expected: dict[str, Any]) -> Iterator[Fault]:
    """Nginx does not reach the API."""
    for container in running(expected["project"], "nginx")[:1]:
        try:
            status = http_request(expected["gateway"] + PATH).status
        except OSError as fault:
            type_ = "docker compose ps nginx; docker compose logs --tail 50 nginx"
            yield Fault("gateway does not answer", "nginx", f"GET {expected['gateway']}{PATH}: {fault}", type_)
            return
        if status in (502, 504):
            yield Fault(
                "nginx answers 502",
                "nginx",
                f"GET {expected['gateway']}{PATH}: {status}; {last_error(container['Id'])}",
                "docker compose ps app; docker compose logs --tail 50 nginx app; ansible-playbook site.yml",
                ("app", "mysql", "redis"),
            )


@diagnosis.look
def certificate(expected: dict[str, Any]) -> Iterator[Fault]:
    """The certificate in place ends soon, or has ended."""
    file = Path(expected["path"], "tls/served/gateway.pem")
    if expected["tls"] == "none" or not file.is_file():
        return
    shown = subprocess.run(
        ["openssl", "x509", "-in", file, "-noout", "-dates"], capture_output=True, text=True, timeout=30, check=True
    ).stdout
    said = dict(line.split("=", 1) for line in shown.splitlines())
    begins, ends = (ssl.cert_time_to_seconds(said[name]) for name in ("notBefore", "notAfter"))
    left = (ends - time.time()) / (ends - begins)
    if left >= LEAST:
        return
    state = Path(expected["path"], "tls/state.json")
    fault = json.loads(state.read_text())["fault"] if state.is_file() else ""
    last = f"; the last renewal: {fault}" if fault else ""
    own = "put a new one at gateway_tls_certificate_file, then ansible-playbook site.yml --tags gateway"
    renew = f"sudo {expected['path']}/tls/certificate.py renew, which says what is in the way"
    yield Fault(
        "certificate near its end",
        "nginx",
        f"{file}: notAfter={said['notAfter']}, {max(left, 0):.0%} of its lifetime are left{last}",
        own if expected["tls"] == "files" else renew,
    )


@diagnosis.look
def public(expected: dict[str, Any]) -> Iterator[Fault]:
    """The request that the control node sent to the public name is not in this gateway's log."""
    token = str(expected.get("token", ""))
    for container in running(expected["project"], "nginx")[:1] if token else []:
        if not any(token in line for line in log(container["Id"], 5000)):
            yield Fault(
                "public name does not lead here",
                "nginx",
                f"from the control node, GET {expected['public']}/{token}: {expected['fetched']}, and nginx has not seen it",
                f"getent hosts NAME on the control node; the firewall in front of the host; curl -i {expected['public']}/health",
            )


if __name__ == "__main__":
    diagnosis.run()
