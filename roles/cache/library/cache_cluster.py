#!/usr/bin/python
"""Join the servers of a Redis cluster, and replace them one by one."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.redis_cluster import (
    SLOTS,
    ClusterError,
    Server,
    View,
    ask_each,
    faults,
    parts,
    ranges,
    servers,
)

DOCUMENTATION = r"""
module: cache_cluster
short_description: Join the servers of a Redis cluster, and replace them one by one
description:
  - C(joined) makes the running servers one cluster, three primaries with a replica each, and changes nothing where they are. A
    server that has lost its volume comes back as a replica; slots that no server has are given out anew.
  - C(replaced) recreates the servers of O(services) as compose.yaml says now, replicas first; a primary hands over to its
    replica before. It ends at the first that does not come back, with the others as they were. A cluster that is not whole is
    left alone.
options:
  path: {type: path, required: true, description: Directory of the installation.}
  project: {type: str, required: true, description: Name of the Compose project.}
  addresses: {type: dict, required: true, description: 'Address by service, those of the first primaries first.'}
  port: {type: int, required: true, description: Port of each server.}
  state: {type: str, choices: [joined, replaced], default: joined, description: What to do.}
  services: {type: list, elements: str, default: [], description: Services to replace.}
  patience: {type: int, default: 60, description: Seconds that the cluster may take to become whole.}
author: [JIUCOM]
"""
EXAMPLES = "- cache_cluster: {path: /opt/jiucom, project: jiucom, port: 6379, addresses: {redis: 172.30.80.122}}"
RETURN = r"""
lines: {type: list, returned: always, description: What was done.}
replaced: {type: list, returned: always, description: Services that were recreated.}
"""

PRIMARIES = 3


def until(condition: Callable[[], Any], seconds: float, what: str) -> None:
    """Wait for a condition. Raises ClusterError, which says what was waited for."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise ClusterError(f"after {seconds:.0f} s {what}")
        time.sleep(0.2)


def missing(given: dict[str, Any]) -> list[str]:
    """List what the cluster lacks; servers that do not run are a line, too."""
    try:
        return faults(servers(given["project"], given["addresses"]))
    except ClusterError as fault:
        return [str(fault)]


class Cluster:
    """The servers of one installation."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.lines: list[str] = []
        self.replaced: list[str] = []
        self.servers = servers(given["project"], given["addresses"])

    def views(self) -> dict[str, View]:
        """Ask each server what it sees."""
        return ask_each(self.servers, Server.view)

    def await_whole(self) -> None:
        """Wait until the cluster is whole. Raises ClusterError with what is missing."""
        try:
            until(lambda: not faults(self.servers), self.given["patience"], "the cluster is not whole")
        except ClusterError as fault:
            raise ClusterError(f"{fault}: {'; '.join(faults(self.servers))}") from fault

    def join(self) -> None:
        """Make the servers one cluster."""
        self.meet()
        self.forget()
        self.give_slots()
        self.give_replicas()
        self.follow()
        self.await_whole()

    def meet(self) -> None:
        """Let every server know every other at its present address."""
        views = self.views()
        first = max(self.servers.values(), key=lambda server: len(views[server.name].myself.slots))
        known = views[first.name].nodes
        for server in self.servers.values():
            node = known.get(views[server.name].myself.id)
            if server is not first and not (node and node.connected and node.address == server.address):
                first.do("CLUSTER", "MEET", server.address, str(self.given["port"]))
                self.lines.append(f"{server.name} joined at {server.address}")

        def acquainted() -> bool:
            views = self.views()
            ids = [view.myself.id for view in views.values()]
            return all(id in view.nodes and view.nodes[id].connected for view in views.values() for id in ids)

        until(acquainted, self.given["patience"], "the servers do not know each other: docker compose logs redis")

    def strangers(self) -> set[str]:
        """Name the ids that are remembered and that no server has any more."""
        views = self.views().values()
        return {id for view in views for id in view.nodes} - {view.myself.id for view in views}

    def forget(self) -> None:
        """Forget servers that are gone, once their replicas have taken their place."""
        gone = self.strangers()

        def left() -> list[Server]:
            return [self.servers[name] for name, view in self.views().items() if view.myself.primary in gone]

        try:
            until(lambda: not left(), 20 if gone else 0, "replicas follow a server that is gone")
        except ClusterError:
            # Too few primaries are left to elect them.
            for server in left():
                server.do("CLUSTER", "FAILOVER", "TAKEOVER")
            until(lambda: not left(), 20, "replicas follow a server that is gone")
        for id in gone:
            for name, view in self.views().items():
                if id in view.nodes:
                    self.servers[name].do("CLUSTER", "FORGET", id)
        self.lines += [f"forgot {id[:8]}, which is gone" for id in sorted(gone)]

    def give_slots(self) -> None:
        """Give slots that no server has to primaries without any, in the order of the services."""
        views = self.views()
        free = set(range(SLOTS)) - {slot for view in views.values() for slot in view.myself.slots}
        if not free:
            return
        empty = [name for name, view in views.items() if not view.myself.primary and not view.myself.slots]
        serving = [name for name, view in views.items() if view.myself.slots]
        takers = empty[: PRIMARIES - len(serving)] or serving[:1]
        for name, slots in zip(takers, parts(sorted(free), len(takers)), strict=True):
            self.servers[name].do("CLUSTER", "ADDSLOTSRANGE", *(str(end) for pair in ranges(slots) for end in pair))
            self.lines.append(f"{name} serves {len(slots)} more slots")

    def give_replicas(self) -> None:
        """Make replicas of the servers without slots, each of the primary that has the fewest."""
        views = self.views()
        following: dict[str, list[str]] = {view.myself.id: [] for view in views.values() if view.myself.slots}
        names = {view.myself.id: name for name, view in views.items()}
        for name, view in views.items():
            if view.myself.primary:
                following.setdefault(view.myself.primary, []).append(name)
        for name, view in views.items():
            if view.myself.primary or view.myself.slots:
                continue
            primary = min(following, key=lambda id: len(following[id]))
            until(partial(self.serves, primary, name), 20, f"{name} does not know the slots of {names[primary]}")
            self.servers[name].do("CLUSTER", "REPLICATE", primary)
            following[primary].append(name)
            self.lines.append(f"{name} is a replica of {names[primary]}")

    def serves(self, primary: str, by: str) -> bool:
        """Whether a server knows that another has slots."""
        return bool(self.servers[by].view().nodes[primary].slots)

    def follow(self) -> None:
        """Let replicas follow their primaries at new addresses, which they hear of and do not take by themselves."""
        views = self.views()
        addresses = {view.myself.id: self.servers[name].address for name, view in views.items()}
        for name, view in views.items():
            primary = view.myself.primary
            if primary and self.servers[name].facts("INFO", "replication")["master_host"] != addresses[primary]:
                known = lambda name=name, id=primary: self.servers[name].view().nodes[id].address == addresses[id]  # noqa: E731
                until(known, 20, f"{name} does not know its primary's address")
                self.servers[name].do("CLUSTER", "REPLICATE", primary)

    def replace(self) -> None:
        """Recreate servers of a whole cluster, replicas first."""
        views = self.views()
        for name in sorted(self.given["services"], key=lambda name: not views[name].myself.primary):
            self.hand_over(name)
            self.recreate(name)
            self.servers = servers(self.given["project"], self.given["addresses"])
            self.await_whole()
            self.replaced.append(name)
            self.lines.append(f"{name} was replaced")

    def hand_over(self, name: str) -> None:
        """Let the replica of a primary take its place; one that follows the other already."""
        views = self.views()
        me = views[name].myself
        if me.primary:
            return
        replica = next(other for other, view in views.items() if view.myself.primary == me.id)
        self.servers[replica].do("CLUSTER", "FAILOVER")
        taken = lambda: all(view.nodes[me.id].primary for view in self.views().values())  # noqa: E731
        until(taken, self.given["patience"], f"{replica} has not taken the place of {name}")
        self.lines.append(f"{name} handed over to {replica}")

    def recreate(self, name: str) -> None:
        """Recreate a container as compose.yaml says. Raises ClusterError."""
        run = subprocess.run(
            ["docker", "compose", "--project-directory", self.given["path"], "--progress", "quiet", "up", "--detach",
             "--no-build", "--pull", "never", "--force-recreate", name],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if run.returncode:
            raise ClusterError(f"{name} was not recreated: {(run.stderr + run.stdout).strip()[-1000:]}")


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "project": {"type": "str", "required": True},
            "addresses": {"type": "dict", "required": True},
            "port": {"type": "int", "required": True},
            "state": {"type": "str", "choices": ["joined", "replaced"], "default": "joined"},
            "services": {"type": "list", "elements": "str", "default": []},
            "patience": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    lines: list[str] = []
    replaced: list[str] = []
    wrong = missing(module.params)
    if module.check_mode:
        module.exit_json(changed=bool(wrong), lines=wrong, replaced=[])
    try:
        if module.params["state"] == "joined" and wrong:
            cluster = Cluster(module.params)
            lines = cluster.lines
            cluster.join()
        elif module.params["state"] == "replaced" and not wrong:
            cluster = Cluster(module.params)
            lines, replaced = cluster.lines, cluster.replaced
            cluster.replace()
    except (ClusterError, engine.EngineError) as fault:
        module.fail_json(msg="\n".join([f"The Redis cluster: {fault}", *lines]), lines=lines)
    module.exit_json(changed=bool(lines), lines=lines, replaced=replaced)


if __name__ == "__main__":
    main()
