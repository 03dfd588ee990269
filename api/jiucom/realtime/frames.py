"""STOMP 1.1 and 1.2 frames: bytes in, bytes out, no state beyond an incomplete frame."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# Clients send headers only; the longest is a token of a few hundred bytes.
MAX_FRAME = 16 * 1024
_MAX_HEADERS = 32
# Frames in one message of the transport: a client that connects and subscribes sends nine; 64 kB could hold thousands.
MAX_FRAMES = 100

_LINE_ENDS = re.compile(rb"[\r\n]*")
_HEAD_END = re.compile(rb"\n\r?\n")
# int() refuses numbers of thousands of digits.
_LENGTH = re.compile(r"[0-9]{1,6}")

_UNESCAPED = {"n": "\n", "r": "\r", "c": ":", "\\": "\\"}
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", ":": "\\c"})
# Not escaped, for compatibility with STOMP 1.0.
_VERBATIM = frozenset({"CONNECT", "STOMP", "CONNECTED"})


class FrameError(ValueError):
    """The data is not a frame, or the frame is too large."""


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
    """Splits a stream of bytes into frames."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete now, without heart-beats. After FrameError the parser cannot be used any more."""
        self._buffer += data
        start = count = 0
        while True:
            # Between frames, and as heart-beats, there may be line ends.
            start = _after_line_ends(self._buffer, start)
            taken = _take(self._buffer, start)
            if taken is None:
                break
            if (count := count + 1) > MAX_FRAMES:
                raise FrameError("too many frames at once")
            frame, start = taken
            yield frame
        self._buffer = self._buffer[start:]
        if len(self._buffer) > MAX_FRAME:
            raise FrameError("frame too large")


def _after_line_ends(buffer: bytes, start: int) -> int:
    found = _LINE_ENDS.match(buffer, start)
    return found.end() if found else start


def _take(buffer: bytes, start: int) -> tuple[Frame, int] | None:
    """The frame that begins at `start`, and where the next one may; None while it is incomplete."""
    separator = _HEAD_END.search(buffer, start)
    if separator is None:
        # A NUL before the end of the headers: the frame is broken.
        if buffer.find(b"\0", start) >= 0:
            raise FrameError("no end of headers")
        return None
    command, headers = _parse_head(buffer[start : separator.start()])
    body = separator.end()
    length = headers.get("content-length")
    if length is None:
        end = buffer.find(b"\0", body)
        if end < 0:
            return None
    else:
        if not _LENGTH.fullmatch(length) or int(length) > MAX_FRAME:
            raise FrameError("bad content-length")
        end = body + int(length)
        if len(buffer) <= end:
            return None
        if buffer[end] != 0:
            raise FrameError("body longer than content-length")
    return Frame(command, headers, buffer[body:end]), end + 1


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
