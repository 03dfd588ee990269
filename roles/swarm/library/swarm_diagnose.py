#!/usr/bin/python
"""Find out what is wrong with the nodes of a swarm, and with the platform's services on them (H2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.checks import http_request
from ansible_collections.jiucom.platform.plugins.module_utils.diagnosis import Diagnosis, Fault

DOCUMENTATION = r"""
module: swarm_diagnose
short_description: Name what is wrong with the nodes of a swarm and its services, and what to type
description: [Changes nothing. Looks at the images on each host, and at the rest on the one manager that is asked.]
options: {expected: {type: dict, description: What the role knows and the diagnosis compares with.}}
author: [JIUCOM]
"""
EXAMPLES = """
- swarm_diagnose:
    expected: {project: jiucom, asked: true, images: [], managers: 3, edges: {}, scheme: http, port: 80, needs: {}}
"""
RETURN = "ansible_facts: {type: dict, returned: always, description: The findings as findings_swarm.}"

diagnosis = Diagnosis("swarm")
# One that passes through the API to the database, and is never limited.
PATH = "/api/v1/actuator/health"
Node = Mapping[str, Any]


def nodes() -> list[dict[str, Any]]:
    """List the nodes; empty where too few managers are there to say, which `managers` tells."""
    try:
        found: list[dict[str, Any]] = engine.get("/nodes")
    except engine.EngineError:
        return []
    return found


def name_of(node: Node) -> str:
    """Return the name that Docker shows for a node."""
    return str(node["Description"]["Hostname"])


def state_of(node: Node) -> str:
    """Return what keeps a node from running anything; empty where nothing does."""
    if node["Status"]["State"] != "ready":
        message = node["Status"].get("Message")
        return f"{node['Status']['State']} ({message})" if message else str(node["Status"]["State"])
    availability = str(node["Spec"]["Availability"])
    return "" if availability == "active" else availability


def labels_of(node: Node, project: str) -> list[str]:
    """Return the platform's labels of a node: `edge`, and the services whose data it has."""
    labels = node["Spec"].get("Labels") or {}
    return [label.removeprefix(f"{project}.") for label in labels if label.startswith(f"{project}.")]


def in_danger(there: int, every: int) -> bool:
    """Tell whether the loss of one more manager would leave no majority."""
    return there - 1 < every // 2 + 1


def last_error(tasks: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> str:
    """Return the newest error of a service's tasks, with its node."""
    failed = [task for task in tasks if task["Status"].get("Err")]
    newest = max(failed, key=lambda task: str(task["Status"]["Timestamp"]), default=None)
    if newest is None:
        return "no task of it has told an error"
    where = names.get(newest.get("NodeID", ""), "")
    return f"{where}: {newest['Status']['Err']}" if where else str(newest["Status"]["Err"])


@diagnosis.look
def managers(expected: dict[str, Any]) -> Iterator[Fault]:
    """Too few managers are there to change anything, or one more must not be lost."""
    if not expected["asked"]:
        return
    try:
        every = [one for one in engine.get("/nodes") if one["Spec"]["Role"] == "manager"]
    except engine.EngineError as fault:
        if fault.status:
            type_ = (
                "start the other managers; where they are lost for good: docker swarm init --force-new-cluster "
                "on the first host, then ansible-playbook playbooks/swarm.yml"
            )
            yield Fault("no majority of managers", "swarm", f"docker node ls: {fault}", type_)
        return
    away = [name_of(one) for one in every if (one.get("ManagerStatus") or {}).get("Reachability") != "reachable"]
    if expected["managers"] > 1 and in_danger(len(every) - len(away), len(every)):
        gone = f"{', '.join(away)} not reachable; " if away else ""
        seen = f"docker node ls: {len(every) - len(away)} of {len(every)} managers; {gone}without one more nothing can be changed"
        type_ = f"start {' and '.join(away)}" if away else "docker node promote HOST, for one more manager"
        yield Fault("majority in danger", "swarm", seen, type_)


@diagnosis.look
def nodes_away(expected: dict[str, Any]) -> Iterator[Fault]:
    """A node is down, or takes no tasks; services whose data it has are away with it."""
    for node in nodes() if expected["asked"] else []:
        name, state = name_of(node), state_of(node)
        if not state:
            continue
        kept = [label for label in labels_of(node, expected["project"]) if label != "edge"]
        seen = f"docker node ls: {name} is {state}" + (f"; it has the data of {', '.join(kept)}" if kept else "")
        start = f"start {name}, or on it: systemctl restart docker; journalctl -u docker -n 50"
        if node["Status"]["State"] == "ready":
            yield Fault("node drained", name, seen, f"docker node update --availability active {name}")
        elif kept:
            yield Fault("node with data down", name, seen, start)
        else:
            lost = f"where it is lost: docker node rm --force {name}, and take it out of the inventory"
            yield Fault("node down", name, seen, f"{start}; {lost}")


@diagnosis.look
def services(expected: dict[str, Any]) -> Iterator[Fault]:
    """A service runs less often than it should."""
    found = nodes() if expected["asked"] else []
    if not found:
        return
    project = expected["project"]
    names = {one["ID"]: name_of(one) for one in found}
    away = {label: name_of(one) for one in found if state_of(one) for label in labels_of(one, project)}
    tasks = engine.get(engine.filtered("/tasks", label=[f"{engine.STACK}={project}"]))
    for one in engine.stack_services(project):
        full, status = one["Spec"]["Name"], one["ServiceStatus"]
        name = full.removeprefix(f"{project}_")
        if not status["DesiredTasks"]:
            seen = f"docker service ls: {full} {status['RunningTasks']}/0"
            yield Fault("stopped", name, seen, "ansible-playbook playbooks/swarm.yml, which gives it its number again")
        elif status["RunningTasks"] < status["DesiredTasks"]:
            error = last_error([task for task in tasks if task["ServiceID"] == one["ID"]], names)
            seen = f"docker service ls: {full} {status['RunningTasks']}/{status['DesiredTasks']}; {error}"
            type_ = f"docker service ps --no-trunc {full}; docker service logs --tail 50 {full}"
            because_of = (*expected["needs"].get(name, []), *([away[name]] if name in away else []))
            yield Fault("runs too few times", name, seen, type_, because_of, generic=True)


@diagnosis.look
def gateways(expected: dict[str, Any]) -> Iterator[Fault]:
    """A gateway does not answer, or does not reach the API; `edges` are the addresses by the node's id."""
    for node in nodes() if expected["asked"] else []:
        if node["ID"] not in expected["edges"] or state_of(node):
            continue
        url = f"{expected['scheme']}://{expected['edges'][node['ID']]}:{expected['port']}{PATH}"
        full = f"{expected['project']}_nginx"
        type_ = f"docker service ps --no-trunc {full}; docker service logs --tail 50 {full}"
        try:
            status = http_request(url).status
        except OSError as fault:
            yield Fault("gateway does not answer", name_of(node), f"GET {url}: {fault}", type_)
            continue
        if status in (502, 503, 504):
            seen = f"GET {url}: {status}"
            yield Fault("nginx answers 502", name_of(node), seen, type_, ("app", "mysql", "redis"), generic=True)


@diagnosis.look
def images(expected: dict[str, Any]) -> Iterator[Fault]:
    """The host lacks an image of the stack: no task of it can run here."""
    for image in expected["images"]:
        if engine.image(image) is None:
            seen = f"docker image inspect {image}: not there, and no registry is asked for it"
            yield Fault("image missing", "host", seen, "ansible-playbook playbooks/swarm.yml, which brings it")


if __name__ == "__main__":
    diagnosis.run()
