#!/usr/bin/python
"""Find out why Zipkin has no traces: the manual's "no traces" (H2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.jiucom.platform.plugins.module_utils.diagnosis import Diagnosis, Fault, inside, running

DOCUMENTATION = r"""
module: tracing_diagnose
short_description: Name what is wrong with tracing and what to type
description: [Changes nothing.]
options: {expected: {type: dict, description: What the role knows and the diagnosis compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- tracing_diagnose: {expected: {project: jiucom}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The findings as findings_tracing.}"

diagnosis = Diagnosis("tracing")
# An empty list of spans: Zipkin answers 202, and stores nothing.
SEND = """import sys, urllib.request as u
request = u.Request(sys.argv[1], data=b"[]", headers={"Content-Type": "application/json"})
print(u.build_opener(u.ProxyHandler({})).open(request, timeout=5).status)"""


@diagnosis.look
def spans(expected: dict[str, Any]) -> Iterator[Fault]:
    """The API traces nothing, or what it sends does not reach Zipkin."""
    for container in running(expected["project"], "app")[:1]:
        environment = dict(entry.partition("=")[::2] for entry in container["Config"]["Env"])
        sampling, endpoint = environment.get("TRACING_SAMPLING", "1"), environment.get("ZIPKIN_ENDPOINT", "")
        if float(sampling) == 0:
            type_ = "set tracing_sampling; ansible-playbook site.yml; for a while: playbooks/sampling.yml"
            yield Fault("no traces", "app", f"TRACING_SAMPLING is {sampling}", type_)
        code, said = inside(container["Id"], "python", "-S", "-c", SEND, endpoint)
        if code:
            host = urlsplit(endpoint).hostname
            reason = said.strip().rpartition("\n")[2]
            type_ = "docker compose logs --tail 50 zipkin; take ZIPKIN_ENDPOINT out of api_environment; ansible-playbook site.yml"
            # A Zipkin that does not run is told by its own name.
            needed = ("zipkin",) if host == "zipkin" else ()
            yield Fault("no traces", "app", f"from app, POST {endpoint}: {reason}", type_, needed)


if __name__ == "__main__":
    diagnosis.run()
