"""Splits a JSON array into its items without decoding the whole array.

Decoding ten megabytes at once, even in a thread, would keep the GIL and block the event loop.
"""

import re
from collections.abc import Iterator

from jiucom.errors import ApiError, ErrorCode
from jiucom.web.normal import MAX_DEPTH

# Bytes of one item.
MAX_ITEM = 64 * 1024

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{},"]', re.DOTALL)


def items(raw: bytes) -> Iterator[bytes]:
    """The items as bytes, not yet decoded: each may still be invalid JSON.

    Raises ApiError 400 when it is not an array, or an item is too long or nested too deeply.
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
        # A single quote character: the string has no end, or is longer than an item may be.
        if depth > MAX_DEPTH or token == b'"':
            break
        if depth == 1 and token == b",":
            yield text[begun : found.start()]
            begun = at
    raise ApiError(ErrorCode.BAD_REQUEST, "올바른 JSON 배열이 아니거나, 너무 길거나 깊은 항목이 있습니다.")
