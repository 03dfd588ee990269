"""B3 headers. Parsed here, because libraries read ids without a sampling decision as "not sampled", and `b3: 0` as "sampled"."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_TRACE_ID = re.compile(r"[0-9a-f]{16}(?:[0-9a-f]{16})?")
_SPAN_ID = re.compile(r"[0-9a-f]{16}")
_DECISIONS = {"1": True, "d": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True, slots=True)
class Incoming:
    """The caller's ids (0 when there are none) and its sampling decision (None: not decided yet)."""

    trace_id: int = 0
    span_id: int = 0
    sampled: bool | None = None


NOTHING = Incoming()


def extract(headers: Iterable[tuple[bytes, bytes]]) -> Incoming:
    """Read the single or the multi form; the single one wins. Malformed ids count as absent."""
    found: dict[bytes, str] = {}
    for name, value in headers:
        if name == b"b3" or name.startswith(b"x-b3-"):
            found[name] = value.decode("latin-1").strip().lower()
    if not found:
        return NOTHING
    if single := found.get(b"b3"):
        trace, _, rest = single.partition("-")
        if not rest and trace in _DECISIONS:
            return Incoming(sampled=_DECISIONS[trace])
        span, _, rest = rest.partition("-")
        return _incoming(trace, span, _DECISIONS.get(rest.partition("-")[0]))
    sampled = True if found.get(b"x-b3-flags") == "1" else _DECISIONS.get(found.get(b"x-b3-sampled", ""))
    return _incoming(found.get(b"x-b3-traceid", ""), found.get(b"x-b3-spanid", ""), sampled)


def _incoming(trace: str, span: str, sampled: bool | None) -> Incoming:
    if not _TRACE_ID.fullmatch(trace) or not int(trace, 16):
        return Incoming(sampled=sampled)
    if not _SPAN_ID.fullmatch(span) or not int(span, 16):
        # The low half is what Zipkin's own tools use for a root.
        span = trace[-16:]
    return Incoming(int(trace, 16), int(span, 16), sampled)
