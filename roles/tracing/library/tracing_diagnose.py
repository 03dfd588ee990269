#!/usr/bin/python
"""Find out why Zipkin has no traces, the manual's "no traces", and whether their store is well (H2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.jiucom.platform.plugins.module_utils.diagnosis import (
    Diagnosis,
    Fault,
    healthy,
    inside,
    log,
    running,
)

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

SHOW = """import sys, urllib.request as u
print(u.build_opener(u.ProxyHandler({})).open(f"http://127.0.0.1:{sys.argv[1]}/", timeout=5).read().decode())"""


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


@diagnosis.look
def store(expected: dict[str, Any]) -> Iterator[Fault]:
    """The store of the traces does not answer, is full or red, or its jobs fail."""
    managed = "opensearch" in expected["ports"]
    logs = f"docker compose logs --tail 50 trace-jobs {'opensearch' if managed else 'zipkin'}"
    for container in healthy(expected["project"], "trace-jobs"):
        page = inside(container["Id"], "python", "-S", "-c", SHOW, str(expected["ports"]["trace-jobs"]))[1]
        lines = (line.rsplit(" ", 1) for line in page.splitlines() if line.startswith("jiucom_traces_"))
        seen = {name.removeprefix("jiucom_traces_"): float(value) for name, value in lines}
        last = (log(container["Id"], 1) or ["no word in the log of trace-jobs"])[-1]
        failed = [name for name, value in seen.items() if name.startswith("job_failed{") and value]
        if not seen["store_up"]:
            yield Fault("trace store not reached", "trace-jobs", last, logs, ("opensearch",) if managed else ())
        elif seen["read_only_indices"]:
            free = f"{seen['disk_available_bytes'] / 2**30:.1f} of {seen['disk_total_bytes'] / 2**30:.1f} GB are free"
            type_ = "df -h; make room, or lower tracing_retention_days; ansible-playbook site.yml --tags tracing"
            yield Fault(
                "trace store full",
                "trace-jobs",
                f"{seen['read_only_indices']:.0f} indices are read-only, {free}",
                type_,
            )
        elif seen["store_status"] == 2:
            yield Fault("trace store red", "trace-jobs", "the status of the store is red", logs)
        elif failed:
            yield Fault("trace job failed", "trace-jobs", f"{', '.join(failed)}: {last}", logs)


if __name__ == "__main__":
    diagnosis.run()
