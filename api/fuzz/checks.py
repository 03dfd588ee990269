"""Checks of every answer, and the exceptions, each with its reason."""

import re
from urllib.parse import parse_qsl, urlsplit

from schemathesis import Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import AcceptedNegativeData, FailureGroup
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.specs.openapi import checks as openapi_checks

from fuzz.cases import Case

_CHECKS = [
    not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.negative_data_rejection,
    openapi_checks.positive_data_acceptance,
]

# What JSON Schema cannot say: requests that it allows may be refused for these. Name, and patterns
# of the field and of the text.
_REFUSED = (
    ("depth of pages: a limit on the product of two fields", "page", r"page \* size는 \d+ 이하여야 합니다"),
    ("days within a thousand years: dates have no limits", ".*", "2000-01-01부터 2999-12-31까지의 날짜여야 합니다"),
    ("the first day before the last: a limit between two fields", "start", "end보다 늦을 수 없습니다"),
    ("days of a report: a limit on the difference of two fields", "start", r"기간은 .*"),
    ("lowest before highest: a limit between two fields", "highestPrice", "최저가 이상이어야 합니다"),
    ("codes from mails: only we know them", "code", "올바르지 않거나 만료되었습니다"),
    ("tokens from mails: only we know them", "token", "올바르지 않거나 만료되었습니다"),
    ("the present password: only the user knows it", "currentPassword", "현재 비밀번호가 일치하지 않습니다"),
    (
        "addresses: looked at in NFKC, and without what Unicode calls format",
        "email",
        "형식이 올바르지 않습니다|보이지 않는 .*",
    ),
    ("NUL: no column takes it, whatever the text", ".*", "NUL 문자는 사용할 수 없습니다"),
    (
        "blanks: Python's include U+001C to U+001F and U+0085, ECMA's do not",
        ".*",
        "공백일 수 없습니다|보이는 글자가 .*",
    ),
    ("specifications as text: clients send JSON in JSON", "specs", r"JSON 객체여야 합니다|너무 큽니다 .*"),
    ("numbers within specifications, which may hold anything", r"specs\..*", "64비트 정수 범위를 벗어났습니다"),
    ("lines of an upload: checked one by one, by rules of their own", r"lines\[.*", ".*"),
)
# The same for refusals that name no field: code and text.
_REFUSED_WHOLE = (
    ("pictures: made of bytes, not of a schema", "JIUCOM-IMG003", ".*"),
    ("CSV: a text with a grammar of its own", "JIUCOM-400", r"CSV를 읽을 수 없습니다 .*"),
)


def check(case: Case, response: Response, *, grown: bool = False) -> None:
    """Raises FailureGroup for what is wrong and is no exception. A `grown` body may be valid or not."""
    try:
        case.validate_response(response, checks=_CHECKS[:-2] if grown else _CHECKS)
    except FailureGroup as group:
        if not all(_excused(failure, case, response) for failure in group.exceptions):
            raise


def _excused(failure: Exception, case: Case, response: Response) -> bool:
    if isinstance(failure, RejectedPositiveData):
        body = response.json()
        if any(body["code"] == code and re.fullmatch(text, body["message"]) for _, code, text in _REFUSED_WHOLE):
            return True
        errors = body.get("errors", ())
        return bool(errors) and all(_refused_rightly(error["field"], error["message"]) for error in errors)
    return isinstance(failure, AcceptedNegativeData) and (_taken_rightly(case, response) or _nothing_wrong(case))


def _refused_rightly(field: str, message: str) -> bool:
    return any(re.fullmatch(wrong, field) and re.fullmatch(text, message) for _, wrong, text in _REFUSED)


def _taken_rightly(case: Case, response: Response) -> bool:
    """Wrong by the schema, and taken: empty fields count as not given, of a parameter given twice the last counts."""
    if case.media_type == "multipart/form-data" and isinstance(case.body, dict) and "" in case.body.values():
        return True
    sent = parse_qsl(urlsplit(response.request.url or "").query, keep_blank_values=True)
    names = [name for name, _ in sent]
    return any(value == "" for _, value in sent) or len(names) > len(set(names))


def _nothing_wrong(case: Case) -> bool:
    """schemathesis calls some forms negative that it has changed nothing in."""
    return case.meta is not None and case.meta.phase.data.description == "Positive test case"
