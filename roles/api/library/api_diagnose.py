#!/usr/bin/python
"""Find out why the API does not start, and whether a migration waits (H2)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.diagnosis import Diagnosis, Fault, healthy, inside, log

DOCUMENTATION = r"""
module: api_diagnose
short_description: Name what is wrong with the API and what to type
description: [Changes nothing.]
options: {expected: {type: dict, description: What the role knows and the diagnosis compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- api_diagnose: {expected: {project: jiucom, network: jiucom-network}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The findings as findings_api.}"

diagnosis = Diagnosis("api")


@diagnosis.look
def stores(expected: dict[str, Any]) -> Iterator[Fault]:
    """DB_HOST or REDIS_HOST name what is not in the network."""
    found = engine.containers(expected["project"])
    for container in found.get("app", [])[:1]:
        environment = dict(entry.partition("=")[::2] for entry in container["Config"]["Env"])
        for variable, service in (("DB_HOST", "mysql"), ("REDIS_HOST", "redis")):
            host = environment.get(variable, service)
            if host == service:
                continue
            last = " | ".join(line.strip()[:200] for line in log(container["Id"], 3))
            seen = f"{variable} is {host}, and the service is called {service}; log: {last}"
            type_ = f"take {variable} out of api_environment; ansible-playbook site.yml"
            yield Fault(f"wrong {variable}", "app", seen, type_)


@diagnosis.look
def migrations(expected: dict[str, Any]) -> Iterator[Fault]:
    """A migration that takes something away waits, and with it the next deploy."""
    for container in healthy(expected["project"], "app")[:1]:
        try:
            code, said = inside(container["Id"], "python", "-m", "jiucom", "migrate", "--status", "--json")
        except subprocess.TimeoutExpired:
            seen = "python -m jiucom migrate --status does not answer: it waits for MySQL"
            yield Fault("not looked at", "app", seen, "docker compose ps", because_of=("mysql",))
            continue
        # Its log lines are JSON, too, and come before or after.
        answer = next((line for line in said.splitlines() if line.startswith('{"revision"')), "")
        if code or not answer:
            continue
        waiting = json.loads(answer).get("waiting") or []
        if waiting:
            seen = f"python -m jiucom migrate --status: waiting {', '.join(map(str, waiting))}"
            type_ = "ansible-playbook playbooks/contract.yml, when you are sure not to go back"
            yield Fault("contract migration pending", "app", seen, type_)


if __name__ == "__main__":
    diagnosis.run()
