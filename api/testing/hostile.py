"""The largest and deepest requests within the limits, valid and invalid, made from the types of an operation."""

import json
import typing
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, get_args, get_origin
from urllib.parse import urlencode

import msgspec

from jiucom.web import Operation
from jiucom.web.binding import MAX_QUERY

# A little less than a body may have: names and brackets are added.
_ROOM = 60_000

# The most expensive text: it must be composed, has three bytes per character, and marks that must be sorted.
_DECOMPOSED = "\u1112\u1161\u11ab"
_MARKED = "a" + "\u0301\u0327" * 15


def bodies(operation: Operation) -> Iterator[tuple[str, bytes]]:
    """Bodies of JSON, by name."""
    if operation.body is None:
        return
    yield from _anything()
    yield "legal", json.dumps(legal(operation.body), ensure_ascii=False).encode()
    for field in msgspec.structs.fields(operation.body):
        for name, value in _values():
            body = json.dumps({field.encode_name: value}, ensure_ascii=False, separators=(",", ":")).encode()
            yield f"{field.encode_name}: {name}", body[: operation.max_body]


def queries(operation: Operation) -> Iterator[tuple[str, str]]:
    """Query strings, by name."""
    if operation.query is None:
        return
    yield "legal", urlencode({name: legal(hint) for name, hint in _fields(operation.query)})
    yield "words", urlencode({name: "a " * 50 if legal(hint) != 1 else 1 for name, hint in _fields(operation.query)})
    yield "many", "&".join(["a=b"] * (MAX_QUERY // 4))
    yield "empty", "&" * MAX_QUERY
    for field in msgspec.structs.fields(operation.query):
        for name, text in (("digits", "9" * 7_000), ("marks", "%CC%81" * 1_300), ("blanks", "+" * 7_000)):
            yield f"{field.encode_name}: {name}", f"{field.encode_name}={text}"
        yield f"{field.encode_name}: often", "&".join([f"{field.encode_name}=1"] * 500)


def frames() -> Iterator[tuple[str, bytes]]:
    """Bodies of SockJS with frames of STOMP, by name."""
    subscribe = "SUBSCRIBE\nid:{}\ndestination:/user/queue/notifications\n\n\0"
    texts = {
        "many": ["\n"] * (_ROOM // 5),
        "subscriptions": [subscribe.format(n) for n in range(_ROOM // 80)],
        "in one text": ["SEND\ndestination:/x\n\n\0" * (_ROOM // 40)],
        "headers": ["SEND\n" + "a:b\n" * (_ROOM // 5) + "\n\0"],
        "a long header": [f"SEND\na:{'b' * _ROOM}\n\n\0"],
        "escapes": ["SEND\na:" + "\\c" * (_ROOM // 3) + "\n\n\0"],
        "no end": ["SEND\n" + "x" * _ROOM],
        "a long body": [f"SEND\ncontent-length:{_ROOM}\n\n{'x' * _ROOM}\0"],
        "characters": list("SEND\n\n\0" * (_ROOM // 45)),
    }
    yield from ((name, json.dumps(value, separators=(",", ":")).encode()) for name, value in texts.items())
    yield from _anything()


def files(part: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    """Uploads of ten megabytes by name, with their type: `part` is a line of CSV after its number."""
    rows = b"name,category,manufacturer,specs,seller,price\r\n"
    rows += b"".join(b"%d %b\r\n" % (n, part) for n in range(20_000))
    line = b'{"name":"%d","category":"ETC","manufacturer":"x","specs":{"a":"b"},"price":1,"sellerId":1},'
    array = b"[" + b"".join(line % n for n in range(20_000))[:-1] + b"]"
    large = 10_000_000
    yield from (
        ("lines", b"text/csv", rows),
        ("wrong lines", b"text/csv", b"name,category\n" + b"x,y\n" * 20_000),
        ("one line", b"text/csv", b"x" * large),
        ("columns", b"text/csv", b"a," * 120_000),
        ("one cell", b"text/csv", b'name\n"' + b"x\n" * (large // 3)),
        ("Korean", b"text/csv", b"name,category,manufacturer\n" + b"\xb0\xa1" * (large // 3)),
        ("items", b"application/json", array),
        ("objects", b"application/json", b"[" + b"{}," * (large // 4) + b"{}]"),
        ("wrong items", b"application/json", b"[" + b"{}," * 19_000 + b"{}]"),
        ("depth", b"application/json", b"[" * (large // 2)),
        ("text", b"application/json", b'["' + b"x" * large + b'"]'),
    )
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.json"\r\n\r\n'
    form = head + array.replace(b"sellerId", b"seller") + b"\r\n--x--\r\n"
    yield "form of wrong items", b"multipart/form-data; boundary=x", form


def forms(limit: int) -> Iterator[tuple[str, bytes]]:
    """Bodies of a form of `limit` bytes at most, with the boundary x, by name."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    room = limit - 1000
    for name, content in (
        ("zeros", b"\0" * room),
        ("ends of lines", b"\r\n" * (room // 2)),
        ("returns", b"\r" * room),
        ("hyphens", b"\r\n--" * (room // 4)),
        ("nearly boundaries", b"\r\n--y" * (room // 5)),
        ("boundaries", b"\r\n--x\r\n" * (room // 7)),
    ):
        yield name, head + content + b"\r\n--x--\r\n"
    yield "headers", b"--x\r\n" + b"a: b\r\n" * (room // 6)
    yield "a long header", b"--x\r\nContent-Disposition: " + b"x" * room
    yield "parts", head.replace(b"\r\n\r\n", b"\r\n\r\nx\r\n") * (room // len(head))
    yield "before", b"\r\n" * (room // 2)
    yield "after", head + b"x\r\n--x--\r\n" + b"\r\n" * (room // 2)


def paths(operation: Operation) -> Iterator[tuple[str, dict[str, str]]]:
    """Values for the parameters of a path, by name."""
    if operation.path_params:
        for name, text in (("digits", "9" * 7_000), ("marks", "a" + "\u0301" * 1_000), ("dots", "../" * 2_000)):
            yield name, dict.fromkeys(operation.path_params, text)


def headers() -> Iterator[tuple[bytes, bytes]]:
    """Large headers that the API reads."""
    for name in ("authorization", "cookie", "origin", "accept", "if-none-match", "x-forwarded-for", "x-real-ip",
                 "x-request-id", "traceparent", "b3", "x-b3-traceid", "content-length", "host", "user-agent"):  # fmt: skip
        for text in ("9" * 8_000, '"a", ' * 1_600, "Bearer " + "eyJ.eyJ." * 1_000, "1.1.1.1," * 1_000):
            yield name.encode(), text.encode()


def legal(hint: Any) -> Any:
    """The largest value of a type, as its limits say."""
    metas: list[Any] = []
    while get_origin(hint) is Annotated:
        hint, *more = get_args(hint)
        metas += more
    if get_origin(hint) in (typing.Union, UnionType):
        return legal(next(arg for arg in get_args(hint) if arg is not type(None)))
    limit = next((meta.max_length for meta in metas if getattr(meta, "max_length", None)), None)
    if hint is str:
        # After composing it has the maximum length.
        return _DECOMPOSED * (limit or 100)
    if get_origin(hint) is list:
        return [legal(get_args(hint)[0])] * (limit or 100)
    if get_origin(hint) is dict:
        return {f"{_DECOMPOSED}{n}": "1" + " " * 250 + "x" for n in range(65)}
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return {field.encode_name: legal(field.type) for field in msgspec.structs.fields(hint)}
    return next((meta.le for meta in metas if getattr(meta, "le", None) is not None), 1)


def _fields(struct: type) -> Iterator[tuple[str, Any]]:
    return ((field.encode_name, field.type) for field in msgspec.structs.fields(struct))


def _anything() -> Iterator[tuple[str, bytes]]:
    """Whatever the operation takes."""
    yield "deep", b'{"x":' + b"[" * (_ROOM // 2) + b"]" * (_ROOM // 2) + b"}"
    yield "as deep as it may be", b'{"x":' + b'{"a":' * 62 + b"[" + b"{}," * (_ROOM // 3 - 200) + b"{}]" + b"}" * 63
    yield "brackets", b"[" * _ROOM
    yield "a list", b"[" + b"{}," * (_ROOM // 3) + b"{}]"
    yield "numbers", b'{"x":[' + b"1," * (_ROOM // 2) + b"1]}"
    yield "fractions", b'{"x":[' + b"1.0," * (_ROOM // 4) + b"1]}"
    yield "one number", b'{"x":' + b"9" * _ROOM + b"}"
    yield "texts", ('{"x":[' + '"\u1100\u1161",' * (_ROOM // 9) + '""]}').encode()
    yield "names", ("{" + ",".join(f'"\u1100{n}":0' for n in range(_ROOM // 12)) + "}").encode()
    yield "no end", b'{"x":"' + b"x" * _ROOM
    yield "no JSON", b"\xff" * _ROOM


def _values() -> Iterator[tuple[str, Any]]:
    """For each field, whatever its type."""
    yield "composed", _DECOMPOSED * (_ROOM // 9)
    yield "marks", "\u0301" * (_ROOM // 2)
    yield "marks among letters", _MARKED * (_ROOM // 61)
    yield "blanks", " " * _ROOM
    yield "objects", [{}] * (_ROOM // 3)
    yield "lists", [[]] * (_ROOM // 3)
    yield "numbers", [1] * (_ROOM // 2)
    yield "large numbers", [2**64] * (_ROOM // 21)
    yield "names", {f"\u1100\u0001{n}": 2**64 for n in range(_ROOM // 40)}
    yield "text of JSON", json.dumps({f"{n}": "1" + " " * 200 + "x" for n in range(_ROOM // 250)})
