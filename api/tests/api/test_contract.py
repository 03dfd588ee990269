"""The routes, the OpenAPI document and data/endpoints.csv agree."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
import pytest
from openapi_spec_validator import validate

import jiucom
from jiucom.app import operations
from jiucom.errors import UNUSED, ErrorCode
from jiucom.web import Operation
from jiucom.web.openapi import document

_CSV = Path(__file__).parents[1] / "data" / "endpoints.csv"

# A refresh token in the body is as good as an access token: the handler decides.
_DECIDED_BY_HANDLER = {("POST", "/auth/logout")}
# endpoints.csv has the status after the redirect.
_MOVED = {("GET", "/swagger-ui.html")}


def endpoints() -> dict[tuple[str, str], tuple[str, int]]:
    with _CSV.open() as file:
        return {(row["method"], row["path"]): (row["auth"], int(row["ok"])) for row in csv.DictReader(file)}


def test_exactly_the_endpoints_of_the_contract_are_served() -> None:
    known = {(each.method, each.path) for each in operations()}
    assert known == endpoints().keys()


def test_access_and_status() -> None:
    for each in operations():
        row = (each.method, each.path)
        access, status = endpoints()[row]
        word = access.split()[0].strip(",")
        if row not in _DECIDED_BY_HANDLER:
            assert each.access == ("user" if word == "owner" else word), row
        assert each.status == (302 if row in _MOVED else status), row


def test_the_document_is_valid() -> None:
    validate(document(operations()))


def test_operations_have_summaries() -> None:
    """The first line of a handler's docstring; without one, its name."""
    shown = {each.summary for each in operations()}
    assert {summary for summary in shown if not re.search("[가-힣]", summary)} == {"Swagger UI"}


def test_codes_without_a_use_are_marked() -> None:
    sources = "".join(
        path.read_text() for path in Path(jiucom.__file__).parent.rglob("*.py") if path.name != "errors.py"
    )
    assert {code for code in ErrorCode if not re.search(rf"ErrorCode\.{code.name}\b", sources)} == UNUSED
    listed = document([])["components"]["schemas"]["Error"]["properties"]["code"]["enum"]
    assert set(listed) == {code.code for code in ErrorCode if code not in UNUSED}


@pytest.mark.parametrize("tag", sorted({each.tag for each in operations()}))
def test_tags_are_listed(tag: str) -> None:
    assert tag in {each["name"] for each in document([])["tags"]}


def test_texts_that_are_needed_are_not_empty() -> None:
    # An empty parameter counts as not given.
    paths = document(operations())["paths"]
    needed = [
        each for item in paths.values() for operation in item.values() for each in operation.get("parameters", ())
    ]
    keyword = next(each for each in needed if each["name"] == "keyword" and each["required"])
    assert keyword["schema"]["minLength"] == 1


def _unlimited(hint: Any, where: str) -> Iterator[str]:
    """Texts and lists of a request type that say no length."""
    metas: list[Any] = []
    while get_origin(hint) is Annotated:
        hint, *more = get_args(hint)
        metas += more
    if get_origin(hint) in (Union, UnionType):
        for arg in get_args(hint):
            yield from _unlimited(arg, where)
    elif hint is str or get_origin(hint) is list:
        if not any(getattr(meta, "max_length", None) for meta in metas):
            yield where
        for arg in get_args(hint):
            yield from _unlimited(arg, f"{where}[]")
    elif isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        for field in msgspec.structs.fields(hint):
            yield from _unlimited(field.type, f"{where}.{field.encode_name}")


@pytest.mark.parametrize("operation", operations(), ids=lambda each: f"{each.method} {each.path}")
def test_requests_have_limits(operation: Operation) -> None:
    """Every text and list of a request has a maximum length, which the document shows."""
    named = {"query": operation.query, "body": operation.body, **{n: t for n, (_, t) in operation.path_params.items()}}
    assert [where for name, hint in named.items() for where in _unlimited(hint, name)] == []
