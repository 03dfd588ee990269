"""The servers of a Redis cluster as each of them sees it, asked by the account of the health check."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TypeVar

from ansible_collections.jiucom.platform.plugins.module_utils import engine

SLOTS = 16384
ASK = "/usr/local/etc/redis/ask.sh"
# A server that has not answered by then hangs (s).
PATIENCE = 30

Answer = TypeVar("Answer")


class ClusterError(RuntimeError):
    """The cluster is not as it should be; the text says why."""


@dataclass(frozen=True)
class Node:
    """A line of CLUSTER NODES."""

    id: str
    address: str
    flags: frozenset[str]
    # The id of the primary that a replica follows; empty of a primary.
    primary: str
    connected: bool
    slots: frozenset[int]


@dataclass(frozen=True)
class View:
    """The answer of one server to CLUSTER NODES: its own node, and all nodes by id."""

    myself: Node
    nodes: dict[str, Node]


def parse(text: str) -> View:
    """Read the answer to CLUSTER NODES. Raises ClusterError."""
    nodes = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) < 8:
            raise ClusterError(f"CLUSTER NODES answered {text.strip()[:200]}")
        id, where, flags, primary, _, _, _, link, *slots = words
        numbers: set[int] = set()
        for part in slots:
            # In brackets: a slot that is on its way to another server.
            if not part.startswith("["):
                first, _, last = part.partition("-")
                numbers |= set(range(int(first), int(last or first) + 1))
        address, named = where.partition(":")[0], frozenset(flags.split(","))
        connected = "myself" in named or link == "connected"
        nodes[id] = Node(id, address, named, primary.strip("-"), connected, frozenset(numbers))
    mine = [node for node in nodes.values() if "myself" in node.flags]
    if not mine:
        raise ClusterError("CLUSTER NODES names no server as the one that was asked")
    return View(mine[0], nodes)


@dataclass(frozen=True)
class Server:
    """A running server: its service, fixed address and container."""

    name: str
    address: str
    container: str

    def ask(self, *words: str) -> str:
        """Return the answer to one command. Raises ClusterError where there is none."""
        command = ["docker", "exec", self.container, "sh", ASK, *words]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            raise ClusterError(f"{self.name} hangs: no answer to {words[0]} in {PATIENCE} s") from None
        answer = run.stdout.strip()
        if run.returncode or not answer:
            raise ClusterError(f"{self.name} does not answer {words[0]}: {(run.stderr or answer).strip()[:300]}")
        return answer

    def do(self, *words: str) -> None:
        """Give an order. Raises ClusterError where it is refused."""
        answer = self.ask(*words)
        if answer != "OK":
            raise ClusterError(f"{self.name} refuses {' '.join(words[:2])}: {answer[:300]}")

    def view(self) -> View:
        """Return the nodes as this server knows them. Raises ClusterError."""
        return parse(self.ask("CLUSTER", "NODES"))

    def facts(self, *words: str) -> dict[str, str]:
        """Return an answer of lines `name:value`. Raises ClusterError."""
        return dict(line.strip().split(":", 1) for line in self.ask(*words).splitlines() if ":" in line)


def servers(project: str, addresses: Mapping[str, str]) -> dict[str, Server]:
    """Return the running servers by service. Raises ClusterError, which names those that do not run."""
    found = engine.containers(project)
    running = {
        name: one["Id"] for name in addresses for one in found.get(name, []) if one["State"]["Status"] == "running"
    }
    missing = [name for name in addresses if name not in running]
    if missing:
        raise ClusterError(f"{', '.join(missing)} does not run: docker compose ps, docker compose logs {missing[0]}")
    return {name: Server(name, addresses[name], running[name]) for name in addresses}


def ask_each(found: Mapping[str, Server], question: Callable[[Server], Answer]) -> dict[str, Answer]:
    """Ask all servers at the same time; returns the answers by service. Raises what a question raises."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(found, pool.map(question, found.values()), strict=True))


def faults(found: Mapping[str, Server]) -> list[str]:
    """List what a cluster lacks: slots, links, a replica of each primary. Empty where it is whole."""
    looked = ask_each(found, partial(_look, number=len(found)))
    wrong = [fault for _, told in looked.values() for fault in told]
    views = {name: view for name, (view, _) in looked.items() if view}
    followed = {view.myself.primary for view in views.values()}
    for name, view in views.items():
        me = view.myself
        if not me.primary and not me.slots:
            wrong.append(f"{name} has neither slots nor a primary")
        elif not me.primary and me.id not in followed:
            wrong.append(f"{name} has no replica")
    return wrong


def _look(server: Server, number: int) -> tuple[View | None, list[str]]:
    """Return what a server of so many sees, and what it lacks."""
    name = server.name
    wrong: list[str] = []
    try:
        view, state, replication = server.view(), server.facts("CLUSTER", "INFO"), server.facts("INFO", "replication")
    except ClusterError as fault:
        return None, [str(fault)]
    if state["cluster_state"] != "ok" or state["cluster_slots_ok"] != str(SLOTS):
        wrong.append(f"{name} sees {state['cluster_slots_ok']} of {SLOTS} slots served, state {state['cluster_state']}")
    if state["cluster_known_nodes"] != str(number):
        wrong.append(f"{name} knows {state['cluster_known_nodes']} servers instead of {number}")
    if replication["role"] == "slave" and replication["master_link_status"] != "up":
        wrong.append(f"{name} has lost its primary {replication['master_host']}")
    return view, wrong


def ranges(slots: Sequence[int]) -> list[tuple[int, int]]:
    """Join ascending numbers to ranges of first and last."""
    found: list[tuple[int, int]] = []
    for slot in slots:
        if found and found[-1][1] == slot - 1:
            found[-1] = (found[-1][0], slot)
        else:
            found.append((slot, slot))
    return found


def parts(items: Sequence[int], number: int) -> Iterable[Sequence[int]]:
    """Split a sequence into so many parts that differ by one at most."""
    ends = [len(items) * part // number for part in range(number + 1)]
    return [items[first:last] for first, last in pairwise(ends)]
