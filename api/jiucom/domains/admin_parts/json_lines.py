"""The items of a JSON array, one after the other, without reading the array as a whole.

A thread that decodes ten megabytes at once keeps the interpreter, and with it the event loop, for as long as that takes.
"""

import re
from collections.abc import Iterator

from jiucom.errors import ApiError, ErrorCode
from jiucom.web.normal import MAX_DEPTH

# Bytes of one item.
MAX_ITEM = 64 * 1024

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{},"]', re.DOTALL)


def items(raw: bytes) -> Iterator[bytes]:
    """The items as they stand there; whether each is JSON is for its reader to find out.

    Raises ApiError 400 for what is no array, and for an item that is too long or nested too deeply.
    """
    text = raw.strip(b" \t\r\n")
    if not text.startswith(b"["):
        raise ApiError(ErrorCode.BAD_REQUEST, "JSON 배열이어야 합니다.")
    depth, begun, at = 1, 1, 1
    while found := _TOKEN.search(text, at, begun + MAX_ITEM):
        token, at = found[0], found.end()
        if token in (b"[", b"{"):
            depth += 1
        elif token in (b"]", b"}"):
            depth -= 1
        if depth == 0:
            last = text[begun : found.start()]
            if token == b"]" and at == len(text) and (last.strip() or begun == 1):
                yield from [last] if last.strip() else []
                return
            break
        # A quote alone: the string does not end, or not within what an item may have.
        if depth > MAX_DEPTH or token == b'"':
            break
        if depth == 1 and token == b",":
            yield text[begun : found.start()]
            begun = at
    raise ApiError(ErrorCode.BAD_REQUEST, "올바른 JSON 배열이 아니거나, 너무 길거나 깊은 항목이 있습니다.")
