"""Image references, as people write them and as Docker lists them.

A reference is `[domain/]path[:tag][@digest]`. The first part is a domain when it has a dot or a port, or is `localhost`;
what has none is in the default registry, whose own domain and whose `library/` may be written or left out. Docker names the
default registry's domain in its answer to `/info`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::\d+)?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"[a-z0-9]+:[0-9a-f]{32,}")
_PATH = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
# What counts as an exact version: three numbers, as in 8.0.43 or v3.5.0; a shorter one moves with each patch.
_EXACT = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True)
class Reference:
    """The parts of a reference; what is not there is empty."""

    domain: str
    path: str
    tag: str
    digest: str

    def __str__(self) -> str:
        """Write it in the shortest form."""
        text = f"{self.domain}/{self.path}" if self.domain else self.path
        return text + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def name(self) -> str:
        """Domain and path."""
        return f"{self.domain}/{self.path}" if self.domain else self.path

    @property
    def pinned(self) -> bool:
        """Whether it always means the same version: by a digest, or by a tag with three numbers."""
        return bool(self.digest or _EXACT.match(self.tag))

    @property
    def version(self) -> str:
        """The version that the tag promises, such as 8.0.43; empty where it promises none."""
        found = _EXACT.match(self.tag)
        return ".".join(found.groups()) if found else ""


def parse(text: str, default_registry: str = "") -> Reference:
    """Split a reference into its parts, without the default registry's domain and `library/`. Raises ValueError."""
    rest, _, digest = text.partition("@")
    if digest and not _DIGEST.fullmatch(digest):
        raise ValueError(f"{text!r} has no digest like sha256:… after its @")
    first, slash, last = rest.partition("/")
    domain, path = (first, last) if slash and ("." in first or ":" in first or first == "localhost") else ("", rest)
    # A colon after the last slash begins the tag; one before it would be a port.
    head, between, final = path.rpartition("/")
    final, colon, tag = final.partition(":")
    path = head + between + final
    if not _PATH.fullmatch(path) or (colon and not _TAG.fullmatch(tag)) or (domain and not _DOMAIN.fullmatch(domain)):
        raise ValueError(f"{text!r} is not an image reference like name:1.2.3")
    if domain and domain == default_registry:
        domain = ""
    if not domain:
        path = path.removeprefix("library/")
    if not tag and not digest:
        tag = "latest"
    return Reference(domain, path, tag, digest)


def same(one: str, other: str, default_registry: str = "") -> bool:
    """Whether a reference that Docker lists, `name:tag` or `name@digest`, is what a wanted reference means.

    With a digest the tag does not count: `name:tag@digest` is pulled by its digest, and listed without the tag.
    """
    first, second = parse(one, default_registry), parse(other, default_registry)
    if first.name != second.name:
        return False
    if first.digest or second.digest:
        return first.digest == second.digest
    return first.tag == second.tag


def behind(prefix: str, text: str, default_registry: str = "") -> list[str]:
    """Return the references under which a mirror, `prefix`, may serve an image, in the order in which to ask for them.

    Some mirrors keep the official images of the default registry under `library/`, some under their bare names. A reference
    that names a registry of its own is taken as it is.
    """
    wanted = parse(text, default_registry)
    if not prefix or wanted.domain:
        return [str(wanted)]
    before = prefix.rstrip("/") + "/"
    return [before + str(wanted)] + ([f"{before}library/{wanted}"] if "/" not in wanted.path else [])


def prefix_fault(prefix: str) -> str:
    """Say what is wrong with a mirror's prefix; empty when nothing is."""
    try:
        parse(behind(prefix, "name:1.2.3")[0])
    except ValueError:
        return (
            f"images_registry_prefix is {prefix!r}: write the mirror's host and path without a scheme, "
            "like registry.example.kr:5000/hub/"
        )
    return ""
