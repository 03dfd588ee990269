"""STOMP 1.1 and 1.2 frames: bytes in, bytes out, no state beyond an incomplete frame."""

from collections.abc import Iterator
from dataclasses import dataclass, field

# A client only ever sends headers: a token of a few hundred bytes is the longest.
MAX_FRAME = 16 * 1024
_MAX_HEADERS = 32

_UNESCAPED = {"n": "\n", "r": "\r", "c": ":", "\\": "\\"}
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", ":": "\\c"})
# For the sake of 1.0 these are written as they stand.
_VERBATIM = frozenset({"CONNECT", "STOMP", "CONNECTED"})


class FrameError(ValueError):
    """What came is no frame, or one that is too large."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. Of a repeated header the first one counts."""

    command: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def encode(frame: Frame) -> str:
    """The frame as text, with its NUL."""
    lines = [frame.command]
    verbatim = frame.command in _VERBATIM
    for name, value in frame.headers.items():
        lines.append(f"{name}:{value}" if verbatim else f"{name.translate(_ESCAPES)}:{value.translate(_ESCAPES)}")
    return "\n".join(lines) + "\n\n" + frame.body.decode() + "\0"


class Parser:
    """Cuts what comes into frames, wherever the transport cut it."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete now; heart-beats are none. Raises FrameError, after which nothing can follow."""
        self._buffer += data
        while True:
            # Between frames, and as heart-beats, there may be line ends.
            self._buffer = self._buffer.lstrip(b"\r\n")
            taken = _take(self._buffer)
            if taken is None:
                break
            frame, length = taken
            self._buffer = self._buffer[length:]
            yield frame
        if len(self._buffer) > MAX_FRAME:
            raise FrameError("frame too large")


def _take(buffer: bytes) -> tuple[Frame, int] | None:
    """The first frame and its length with the NUL; None while it is incomplete."""
    head, separator, rest = _head(buffer)
    if not separator:
        # A NUL inside the head: there will never be an empty line.
        if b"\0" in buffer:
            raise FrameError("no end of headers")
        return None
    command, headers = _parse_head(head)
    length = headers.get("content-length")
    if length is None:
        size = rest.find(b"\0")
        if size < 0:
            return None
    else:
        if not (length.isascii() and length.isdecimal() and int(length) <= MAX_FRAME):
            raise FrameError("bad content-length")
        size = int(length)
        if len(rest) <= size:
            return None
        if rest[size] != 0:
            raise FrameError("body longer than content-length")
    return Frame(command, headers, rest[:size]), len(head) + len(separator) + size + 1


def _head(buffer: bytes) -> tuple[bytes, bytes, bytes]:
    """What stands before the first empty line, that line's separator, and what follows."""
    found = [(at, separator) for separator in (b"\n\n", b"\n\r\n") if (at := buffer.find(separator)) >= 0]
    if not found:
        return buffer, b"", b""
    at, separator = min(found)
    return buffer[:at], separator, buffer[at + len(separator) :]


def _parse_head(head: bytes) -> tuple[str, dict[str, str]]:
    try:
        command, *lines = head.decode().split("\n")
    except UnicodeDecodeError:
        raise FrameError("headers are not UTF-8") from None
    command = command.removesuffix("\r")
    if len(lines) > _MAX_HEADERS:
        raise FrameError("too many headers")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.removesuffix("\r").partition(":")
        if not colon:
            raise FrameError("header without a colon")
        if command not in _VERBATIM:
            name, value = _unescape(name), _unescape(value)
        headers.setdefault(name, value)
    return command, headers


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    parts = iter(text)
    try:
        return "".join(_UNESCAPED[next(parts)] if part == "\\" else part for part in parts)
    except (KeyError, StopIteration, RuntimeError):
        raise FrameError("undefined escape") from None
