"""Requests from the document: those it allows and those it does not, and who sends them."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.schemas import APIOperation

from jiucom.app import operations
from jiucom.auth.principal import Role
from jiucom.web import openapi
from jiucom.web.examples import example
from jiucom.web.operation import Access

Case: TypeAlias = schemathesis.Case[Any]
Operation: TypeAlias = APIOperation[Any, Any, Any, Any]

# Ids that the demo seed has.
_KNOWN_IDS = 40

# Mostly those whom an operation is for.
_SENDERS: dict[Access, tuple[Role | None, ...]] = {
    "public": (None, "USER", "USER", "SELLER", "ADMIN"),
    "user": ("USER", "USER", "USER", "SELLER", "ADMIN", None),
    "seller": ("SELLER", "SELLER", "SELLER", "SELLER", "USER", None),
    "admin": ("ADMIN", "ADMIN", "ADMIN", "ADMIN", "USER", None),
}

# Who can own what an operation is about.
OWNERS: dict[Access, Role] = {"public": "USER", "user": "USER", "seller": "SELLER", "admin": "ADMIN"}

_KNOWN = operations()
ACCESS = {f"{each.method} {each.path}": each.access for each in _KNOWN}


@dataclass(frozen=True)
class Attempt:
    """A request, the sender's role (None: nobody), and whether its ids are to be the sender's own."""

    case: Case
    role: Role | None
    owner: bool
    # One value of the body was replaced by a large or deep one.
    grown: bool = False


def _document() -> dict[str, Any]:
    """Without its bearers: who sends what is ours to say."""
    made = openapi.document(_KNOWN)
    for item in made["paths"].values():
        for operation in item.values():
            del operation["security"]
    return made


_DOCUMENT = _document()
_SCHEMA = schemathesis.openapi.from_dict(_DOCUMENT)

OPERATIONS: list[Operation] = [_SCHEMA[each.path][each.method] for each in _KNOWN]


def has_input(operation: Operation) -> bool:
    """Whether two requests of it can differ."""
    return bool(operation.body) or any(True for _ in operation.iter_parameters())


def shown(operation: Operation) -> Case:
    """The request that the document shows as an example."""
    raw = operation.definition.raw
    content = raw.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        body = {"body": content["application/json"]["example"], "media_type": "application/json"}
    elif "multipart/form-data" in content:
        body = {"body": {"file": b""}, "media_type": "multipart/form-data"}
    else:
        body = {}
    given = [each for each in raw.get("parameters", ()) if each["required"]]
    values = {each["name"]: example(each["schema"], _DOCUMENT["components"]["schemas"]) for each in given}
    path = {each["name"]: values[each["name"]] for each in given if each["in"] == "path"}
    query = {each["name"]: values[each["name"]] for each in given if each["in"] == "query"}
    return operation.Case(path_parameters=path, query=query, **body)


def attempts(operation: Operation) -> st.SearchStrategy[Attempt]:
    """Requests by owners, by others, against the schema, and with large values."""
    access = ACCESS[operation.label]
    senders = st.sampled_from(_SENDERS[access])
    valid = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    allowed = st.builds(Attempt, valid.map(_with_known_ids), senders, st.just(False))
    if not has_input(operation):
        return allowed
    owned = st.builds(Attempt, valid, st.just(OWNERS[access]), st.just(True))
    wrong = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    kinds = [owned, allowed, st.builds(Attempt, wrong, senders, st.just(False))]
    if operation.body:
        grown = st.builds(_grow, valid.map(_with_known_ids), st.integers(min_value=0), _LARGE)
        kinds.append(st.builds(Attempt, grown, senders, st.just(False), st.just(True)))
    return st.one_of(kinds)


def _nested(depth: int, as_object: bool) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value} if as_object else [value]
    return value


# Sizes and depths of all orders of magnitude, from less than the limits to far beyond them.
_LARGE: st.SearchStrategy[Any] = st.one_of(
    st.builds(lambda n, char: char * 2**n, st.integers(0, 17), st.sampled_from("a가\u0301\u200b😀 ")),
    st.builds(lambda n, item: [item] * 2**n, st.integers(0, 14), st.sampled_from([1, "a", {}, {"partId": 1}, None])),
    st.builds(_nested, st.integers(0, 9).map(lambda n: 2**n), st.booleans()),
    st.integers(0, 300).map(lambda n: 10**n),
)


def _grow(case: Case, field: int, value: Any) -> Case:
    """The request with a large value in one of its fields, or in one that does not exist."""
    if isinstance(case.body, dict):
        names = [*case.body, "unknown"]
        case.body = {**case.body, names[field % len(names)]: value}
    elif isinstance(case.body, list):
        case.body = [value]
    return case


def _with_known_ids(case: Case) -> Case:
    # A number out of 2**64 never is the id of anything: every second one becomes one that the seed has.
    case.query = _known(case.query)
    case.body = _known(case.body)
    return case


def _known(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _known(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_known(item, name) for item in value]
    if type(value) is int and name.endswith(("Id", "Ids")) and value % 2:
        return value // 2 % _KNOWN_IDS + 1
    return value
