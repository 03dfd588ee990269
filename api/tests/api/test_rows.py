"""Every row of data/endpoints.csv, called with the example of the document: without a user, by another user, by the right one.

Changes by administrators are in the audit log afterwards.
"""

import csv
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fuzz.cases import ACCESS, OPERATIONS, OWNERS, Case, Operation, shown
from fuzz.target import Target, target
from jiucom.settings import Settings
from testing import servers
from testing.accounts import PASSWORD
from testing.database import named
from testing.mailbox import Mailbox, mailbox, text_of

_CSV = Path(__file__).parents[1] / "data" / "endpoints.csv"
with _CSV.open() as _file:
    ROWS = {f"{row['method']} {row['path']}": row for row in csv.DictReader(_file)}

# Operations on own rows whose entry in endpoints.csv does not say "owner".
_OWN = {"DELETE /prices/alerts/{alertId}", "POST /builds/{buildId}/clone", "DELETE /sellers/products/{partId}",
        "PUT /sellers/products/{partId}/price"}  # fmt: skip
OWN = _OWN | {label for label, row in ROWS.items() if "owner" in row["auth"]}

# The answer to another user, by the first segment of the path. Builds are private unless shared; a shop has no such product.
REFUSED = {
    "builds": (404, "JIUCOM-B001"),
    "comments": (403, "JIUCOM-C002"),
    "notifications": (403, "JIUCOM-A002"),
    "posts": (403, "JIUCOM-PO002"),
    "prices": (403, "JIUCOM-A002"),
    "reviews": (403, "JIUCOM-R002"),
    "sellers": (404, "JIUCOM-PR001"),
}

# endpoints.csv has the status after the redirect.
_MOVED = {"GET /swagger-ui.html": 302}

NEW_PASSWORD = "another-horse-9"


class Person:
    """A user with a password and a mailbox."""

    def __init__(self, url: str, box: Mailbox) -> None:
        unique = secrets.token_hex(4)
        self.email = f"{unique}@example.com"
        self.signup = {"email": self.email, "password": PASSWORD, "nickname": f"새사람{unique}"}
        self._box = box
        self._http = httpx.Client(base_url=url)

    def join(self) -> dict[str, str]:
        """Sign up; the tokens."""
        tokens: dict[str, str] = self._http.post("/auth/signup", json=self.signup).raise_for_status().json()["data"]
        self._http.headers["Authorization"] = f"Bearer {tokens['accessToken']}"
        return tokens

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": self._http.headers["Authorization"]}

    def mailed(self, path: str, pattern: str) -> str:
        """A code or token from a requested mail."""
        self._http.post(path, json={"email": self.email}).raise_for_status()
        end = time.monotonic() + 10
        while not self._box.to(self.email):
            assert time.monotonic() < end, "no mail"
            time.sleep(0.05)
        found = re.search(pattern, text_of(self._box.to(self.email)[-1]), re.MULTILINE)
        assert found
        return found[1]


class Platform:
    """A server with the demo seed, and a mailbox."""

    def __init__(self, server: Target, box: Mailbox) -> None:
        self.server = server
        self.box = box

    def complete(self, case: Case, headers: Any) -> Any:
        """Fill in values that no example can have; returns the headers to send."""
        person = Person(self.server.url, self.box)
        body: dict[str, str] = {}
        match case.operation.label:
            case "POST /auth/signup":
                body = person.signup
            case "PUT /users/me" | "PATCH /users/me":
                body = {"nickname": person.signup["nickname"]}
            case "PUT /admin/users/{userId}/status":
                body = {"status": "SUSPENDED"}
            case "POST /auth/login":
                person.join()
                body = {"email": person.email, "password": PASSWORD}
            case "POST /auth/refresh" | "POST /auth/logout":
                body = {"refreshToken": person.join()["refreshToken"]}
            case "PUT /users/me/password":
                person.join()
                body = {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD}
                headers = person.headers
            case "POST /auth/email/verify":
                person.join()
                body = {"code": person.mailed("/auth/email/verify-request", r"^([0-9A-Z]{8})$")}
                headers = person.headers
            case "POST /auth/password/reset":
                person.join()
                token = person.mailed("/auth/password/reset-request", r"#token=(\S+)")
                body = {"token": token, "newPassword": NEW_PASSWORD}
        if body:
            case.body = {**body}
        return headers


@pytest.fixture(scope="module")
def platform(mysql_server: tuple[int, str], settings: Settings) -> Iterator[Platform]:
    with servers.redis() as (_, port), mailbox() as box:
        mails = {"mail_host": "127.0.0.1", "mail_port": box.port}
        own = named(settings, f"t_{secrets.token_hex(6)}", redis_port=port, **mails)
        with target(mysql_server, own) as server:
            yield Platform(server, box)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_a_row(platform: Platform, operation: Operation) -> None:
    label, server = operation.label, platform.server
    access = ACCESS[label]
    case = shown(operation)
    user_id, headers = server.user(OWNERS[access])
    server.lead(case, headers)
    if access != "public":
        assert server.call(case, {}).status_code == 401
    elif label in OWN:
        assert server.call(case, {}).status_code == 404
    if access in ("seller", "admin"):
        assert server.call(case, server.user("USER")[1]).status_code == 403
    if label in OWN:
        other = server.call(case, server.user(OWNERS[access])[1])
        assert (other.status_code, other.json()["code"]) == REFUSED[label.split("/")[1]]
    # The refused requests have changed nothing.
    headers = platform.complete(case, headers)
    answer = server.call(case, headers)
    assert answer.status_code == _MOVED.get(label, int(ROWS[label]["ok"])), answer.text
    if access == "admin" and not label.startswith("GET"):
        entries = httpx.get(f"{server.url}/admin/audit?actorId={user_id}", headers=headers).json()["data"]
        assert entries["totalElements"] == 1
