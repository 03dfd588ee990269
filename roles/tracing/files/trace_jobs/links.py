"""Which service called which, as Zipkin itself counts it where traces are in its memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Span = Mapping[str, Any]


@dataclass(eq=False)
class Node:
    """A span in its trace."""

    span: Span
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """CLIENT, SERVER, PRODUCER, CONSUMER; a span of unknown kind that knows both sides counts as a client's."""
        known = str(self.span.get("kind") or "")
        return known or ("CLIENT" if self.local and self.remote else "")

    @property
    def local(self) -> str:
        """The name of the service that reported the span."""
        return _name(self.span, "localEndpoint")

    @property
    def remote(self) -> str:
        """The name of the service at the other side, where the reporter knows it."""
        return _name(self.span, "remoteEndpoint")

    @property
    def failed(self) -> bool:
        """Whether the span has an error."""
        return "error" in (self.span.get("tags") or {})


def _name(span: Span, side: str) -> str:
    return str((span.get(side) or {}).get("serviceName") or "").lower()


def _endpoint(span: Span) -> str:
    return str(sorted((span.get("localEndpoint") or {}).items()))


def _nodes(spans: Iterable[Span]) -> list[Node]:
    """Make the tree of a trace; spans whose parent is not there are below the root, if that is.

    The server's half of a span that both sides share is below the client's half, and what that server calls is below its own.
    """
    nodes = [Node(span) for span in spans]
    own = {node.span["id"]: node for node in nodes if not node.span.get("shared")}
    shared = {(node.span["id"], _endpoint(node.span)): node for node in nodes if node.span.get("shared")}
    root = next((node for node in own.values() if not node.span.get("parentId")), None)
    for node in nodes:
        above = node.span.get("parentId", "")
        if node.span.get("shared"):
            parent = own.get(node.span["id"])
        else:
            parent = shared.get((above, _endpoint(node.span))) or own.get(above)
        if node is not root:
            node.parent = root if parent in (None, node) else parent
        if node.parent:
            node.parent.children.append(node)
    return nodes


def _remote_ancestor(node: Node) -> Node | None:
    """Return the nearest span above that has a kind: local ones may stand between."""
    above, passed = node.parent, {id(node)}
    while above and not above.span.get("kind"):
        # Spans of a broken client may be each other's parents.
        if id(above) in passed:
            return None
        passed.add(id(above))
        above = above.parent
    return above


def _calls(node: Node) -> Iterator[tuple[str, str, bool]]:
    """Give the calls that a span stands for: parent, child, failed."""
    kind, failed = node.kind, node.failed
    # With something below a client's span, that one counts: the server knows its own name.
    if not kind or (node.span.get("kind") == "CLIENT" and node.children):
        return
    inward = kind in ("SERVER", "CONSUMER")
    parent, child = (node.remote, node.local) if inward else (node.local, node.remote)
    if inward and not node.parent and not parent:
        return
    above = _remote_ancestor(node) if kind in ("CLIENT", "SERVER") else None
    if above and above.local:
        if kind == "CLIENT" and node.local and above.local != node.local:
            yield above.local, node.local, False
        if kind == "SERVER" or not parent:
            parent = above.local
        known = above.span.get("kind") == "CLIENT" and above.span["id"] == node.span.get("parentId")
        failed = failed or (known and above.failed)
    if parent and child:
        yield parent, child, failed


def count(spans: Iterable[Span]) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Count the calls of one trace, and those that failed, by caller and called."""
    calls: Counter[tuple[str, str]] = Counter()
    errors: Counter[tuple[str, str]] = Counter()
    for node in _nodes(spans):
        for parent, child, failed in _calls(node):
            calls[parent, child] += 1
            errors[parent, child] += failed
    return calls, errors
