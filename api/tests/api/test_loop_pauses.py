"""No request keeps the event loop busy: whatever it holds, up to the limits of sizes, others go on meanwhile."""

import asyncio
import itertools
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from jiucom.app import operations
from jiucom.auth.principal import Role
from jiucom.domains.images.upload import MAX_BYTES
from jiucom.state import AppState
from jiucom.web import Operation
from jiucom.web.routing import CONTEXT_PATH
from testing import hostile
from testing.pauses import Pauses, measured

pytestmark = pytest.mark.anyio

# 50 ms are promised for the deployed machine (s, of CPU time): this one may be slower, and tests are watched while they run.
LIMIT = 0.15
# What an answer may have to say about mistakes (bytes).
MAX_ERRORS = 64 * 1024
# As uvicorn hands a body over (bytes).
_CHUNK = 64 * 1024

_JSON = (b"content-type", b"application/json")
_RESULTS = Path(__file__).parents[3] / ".cache" / "loop-pauses.json"

Header = tuple[bytes, bytes]


class Caller:
    """Sends requests to the application, without a client whose own work would count."""

    def __init__(self, app: Starlette, state: AppState, pauses: Pauses) -> None:
        self.app = app
        self.state = state
        self.pauses = pauses

    async def send(
        self, operation: Operation, case: str, *, body: bytes = b"", query: str = "", headers: tuple[Header, ...] = ()
    ) -> tuple[int, bytes]:
        """Status and body of the answer."""
        path = CONTEXT_PATH + operation.path
        for name in operation.path_params:
            path = path.replace(f"{{{name}}}", "1")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": operation.method,
            "scheme": "http", "path": path, "raw_path": path.encode(), "root_path": "", "query_string": query.encode(),
            "headers": [(b"host", b"testserver"), *headers], "client": ("127.0.0.1", 40000),
            "server": ("testserver", 80), "state": {},
        }  # fmt: skip
        chunks = [body[at : at + _CHUNK] for at in range(0, len(body), _CHUNK)] or [b""]
        rest = iter(enumerate(chunks, 1))
        status, answer = 0, bytearray()

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0)
            number, chunk = next(rest)
            return {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}

        async def send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            answer.extend(message.get("body", b""))

        self.pauses.during = f"{operation.method} {operation.path}: {case}"
        await asyncio.sleep(0)
        await self.app(scope, receive, send)
        self.pauses.during = ""
        await asyncio.sleep(0)
        return status, bytes(answer)

    async def bearer(self, operation: Operation) -> tuple[Header, ...]:
        """Somebody new who may call the operation."""
        if operation.access == "public":
            return ()
        role: Role = "ADMIN" if operation.access == "admin" else "SELLER" if operation.access == "seller" else "USER"
        unique = secrets.token_hex(4)
        async with self.state.db.transaction() as tx:
            user = await tx.insert(
                "INSERT INTO users (email, nickname, role) VALUES (%s, %s, %s)",
                (f"{unique}@example.com", f"큰사람{unique}", role),
            )
        return ((b"authorization", f"Bearer {self.state.tokens.access(user, role)}".encode()),)


@pytest.fixture
def caller(application: Starlette, state: AppState) -> Iterator[Caller]:
    with measured() as pauses:
        yield Caller(application, state, pauses)


def told(pauses: Pauses, capsys: pytest.CaptureFixture[str]) -> None:
    """Print the longest pause of each operation, and hold the limit."""
    longest: dict[str, tuple[float, str]] = {}
    for what, seconds in pauses.longest.items():
        operation, _, case = what.partition(": ")
        if operation:
            longest[operation] = max(longest.get(operation, (0.0, "")), (seconds, case))
    rows = sorted(longest.items(), key=lambda row: row[1], reverse=True)
    known = json.loads(_RESULTS.read_text()) if _RESULTS.exists() else {}
    _RESULTS.parent.mkdir(exist_ok=True)
    known |= {operation: {"ms": round(seconds * 1000, 1), "case": case} for operation, (seconds, case) in rows}
    _RESULTS.write_text(json.dumps(known, ensure_ascii=False, indent=2) + "\n")
    with capsys.disabled():
        print(f"\nlongest pause of the event loop, by operation (ms of CPU time; all in {_RESULTS.name})")
        for operation, (seconds, case) in rows[:12]:
            print(f"  {seconds * 1000:6.1f}  {operation}  {case[:60]}")
    slow = {what: seconds for what, seconds in pauses.longest.items() if what and seconds > LIMIT}
    assert slow == {}


async def test_bodies(caller: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    for operation in operations():
        for case, body in hostile.bodies(operation):
            headers = (_JSON, *await caller.bearer(operation))
            status, answer = await caller.send(operation, case, body=body, headers=headers)
            assert 200 <= status < 500, (operation.path, case, answer[:500])
            assert status < 400 or len(answer) < MAX_ERRORS, (operation.path, case)
    told(caller.pauses, capsys)


async def test_queries(caller: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    for operation in operations():
        headers = await caller.bearer(operation)
        for case, query in hostile.queries(operation):
            status, answer = await caller.send(operation, f"query, {case}", query=query, headers=headers)
            assert 200 <= status < 500, (operation.path, case, answer[:500])
            assert status < 400 or len(answer) < MAX_ERRORS, (operation.path, case)
    told(caller.pauses, capsys)


@pytest.mark.parametrize("store", [False, True])
async def test_uploads(caller: Caller, capsys: pytest.CaptureFixture[str], store: bool) -> None:
    """Twenty thousand lines are written piece by piece, whether right or wrong."""
    (operation,) = [each for each in operations() if each.path == "/admin/parts/bulk-upload"]
    bearer = await caller.bearer(operation)
    word = secrets.token_hex(4)
    for case, kind, body in hostile.files(f"{word},ETC,x,,다나와,1000".encode()):
        if store and case != "lines":
            continue
        headers = (*bearer, (b"content-type", kind))
        query = "" if store else "dryRun=true"
        status, answer = await caller.send(operation, case, body=body, headers=headers, query=query)
        assert status in (200, 400, 413), (case, answer[:500])
        assert len(answer) < MAX_ERRORS, case
    async with caller.state.db.transaction() as tx:
        await tx.execute("UPDATE parts SET is_deleted = TRUE WHERE name LIKE %s", (f"%{word}",))
    told(caller.pauses, capsys)


async def test_forms(caller: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = {"/images/upload": MAX_BYTES, "/admin/parts/bulk-upload": 10 * 1024 * 1024}
    for operation in operations():
        if (operation.method, operation.path in chosen) == ("POST", True):
            headers = (*await caller.bearer(operation), (b"content-type", b"multipart/form-data; boundary=x"))
            for case, body in hostile.forms(chosen[operation.path]):
                status, answer = await caller.send(operation, f"form, {case}", body=body, headers=headers)
                assert 400 <= status < 500, (operation.path, case, answer[:500])
    told(caller.pauses, capsys)


async def test_headers(caller: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = [each for each in operations() if each.path in ("/parts", "/builds/check", "/images/upload")]
    for operation, (name, value) in itertools.product(chosen, list(hostile.headers())):
        headers = tuple(pair for pair in (_JSON, *await caller.bearer(operation)) if pair[0] != name)
        status, answer = await caller.send(
            operation, f"header, {name!r}", body=b"{}", headers=(*headers, (name, value))
        )
        assert 200 <= status < 500, (operation.path, name, answer[:500])
    told(caller.pauses, capsys)
