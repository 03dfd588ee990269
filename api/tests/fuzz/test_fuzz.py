"""Requests generated from the OpenAPI document: no server error, and no answer that is not in the document.

About 2,000 cases; `JIUCOM_FUZZ_CASES=10000` (`make fuzz`) for more. Every day has another seed, which is printed at the end;
`JIUCOM_FUZZ_SEED` repeats one.
"""

import math
import os
import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as bounded
from hypothesis import strategies as st

from fuzz.cases import OPERATIONS, Operation, attempts, has_input
from fuzz.checks import check
from fuzz.target import Target, target
from jiucom.settings import Settings
from testing import servers
from testing.database import named

CASES = int(os.environ.get("JIUCOM_FUZZ_CASES", "2000"))
SEED = int(os.environ.get("JIUCOM_FUZZ_SEED", f"{date.today():%Y%m%d}"))
# Operations that need passwords, or tokens from logins and mails.
_NEVER = {
    "POST /auth/login",
    "POST /auth/refresh",
    "POST /auth/email/verify",
    "POST /auth/password/reset",
    "PUT /users/me/password",
}
# Three fields have to be right at once: not every seed makes such a body.
_SELDOM = {"POST /auth/signup"}
_EACH = math.ceil(CASES / sum(map(has_input, OPERATIONS)))


@pytest.fixture(scope="module")
def fuzzed(request: pytest.FixtureRequest, mysql_server: tuple[int, str], settings: Settings) -> Iterator[Target]:
    """A server for the tests of this file only."""
    with (
        servers.redis() as (_, port),
        target(mysql_server, named(settings, f"t_{secrets.token_hex(6)}", redis_port=port)) as running,
    ):
        yield running
        by_status: Counter[int] = Counter()
        for (_, status), count in running.answers.items():
            by_status[status] += count
        counts = ", ".join(f"{status}: {count}" for status, count in sorted(by_status.items()))
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\nseed {SEED}, {running.answers.total()} requests ({counts})")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
@seed(SEED)
@bounded(
    max_examples=_EACH,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_answers_are_those_of_the_document(fuzzed: Target, operation: Operation, data: st.DataObject) -> None:
    attempt = data.draw(attempts(operation))
    check(attempt.case, fuzzed.send(attempt), grown=attempt.grown)


def test_every_operation_was_reached(fuzzed: Target) -> None:
    """Every operation must succeed at least once; refusals alone would test little."""
    tried = {label for label, _ in fuzzed.answers}
    done = {label for label, status in fuzzed.answers if status < 400}
    assert tried - done - _SELDOM == tried & _NEVER
