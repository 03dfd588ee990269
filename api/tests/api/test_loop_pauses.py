"""No request blocks the event loop, whatever it holds within the size limits."""

import asyncio
import itertools
import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from jiucom.app import operations
from jiucom.auth.principal import Role
from jiucom.domains.images.upload import MAX_BYTES
from jiucom.paths import CONTEXT_PATH
from jiucom.state import AppState
from jiucom.web import Operation
from testing import hostile
from testing.pauses import Pauses, measured
from testing.shop import Shop

pytestmark = pytest.mark.anyio

# The longest that one request may keep the loop busy (s, of CPU time).
LIMIT = 0.05
# A pause over the limit is measured so often in all, and the shortest counts: other processes slow this one's memory down.
_MEASUREMENTS = 3
# Limit of an error answer (bytes).
MAX_ERRORS = 64 * 1024
# As uvicorn hands a body over (bytes).
_CHUNK = 64 * 1024

# An unknown id, so that rows of other tests stay unchanged.
NOBODY = 999_999_999

_JSON = (b"content-type", b"application/json")
_RESULTS = Path(__file__).parents[3] / ".cache" / "loop-pauses.json"

Header = tuple[bytes, bytes]


class Caller:
    """Sends requests to the application without an HTTP client, whose work would be measured too."""

    def __init__(self, app: Starlette, state: AppState, pauses: Pauses) -> None:
        self.app = app
        self.state = state
        self.pauses = pauses

    async def send(
        self,
        operation: Operation,
        case: str,
        *,
        body: bytes = b"",
        query: str = "",
        headers: tuple[Header, ...] = (),
        ids: Mapping[str, int | str] | None = None,
    ) -> tuple[int, bytes]:
        """Status and body of the answer; sent again where the loop paused for too long."""
        path = operation.path
        for name in operation.path_params:
            path = path.replace(f"{{{name}}}", str((ids or {}).get(name, NOBODY)))
        what = f"{operation.method} {operation.path}: {case}"
        before, seen = self.pauses.longest.pop(what, 0.0), list[float]()
        while not seen or (seen[-1] > LIMIT and len(seen) < _MEASUREMENTS):
            answer = await self.ask(what, operation.method, path, body=body, query=query, headers=headers)
            seen.append(self.pauses.longest.pop(what, 0.0))
        self.pauses.longest[what] = max(before, min(seen))
        return answer

    async def ask(
        self,
        what: str,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        query: str = "",
        headers: tuple[Header, ...] = (),
    ) -> tuple[int, bytes]:
        """Status and body of the answer to a request, measured as `what`, an operation and a case."""
        path = CONTEXT_PATH + path
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
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

        # Separates the test's own work from the measured callbacks.
        await asyncio.sleep(0)
        self.pauses.during = what
        await self.app(scope, receive, send)
        await asyncio.sleep(0)
        self.pauses.during = ""
        return status, bytes(answer)

    async def bearer(self, operation: Operation) -> tuple[Header, ...]:
        """A new user who may call the operation."""
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
def caller(
    application: Starlette, state: AppState, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> Iterator[Caller]:
    """At the end the longest pause of each operation is told, and the limit holds."""
    with measured() as pauses:
        yield Caller(application, state, pauses)
    longest: dict[str, tuple[float, str]] = {}
    for what, seconds in pauses.longest.items():
        operation, _, case = what.partition(": ")
        if operation:
            longest[operation] = max(longest.get(operation, (0.0, "")), (round(seconds * 1000, 1), case))
    rows = sorted(longest.items(), key=lambda row: row[1], reverse=True)
    known = json.loads(_RESULTS.read_text()) if _RESULTS.exists() else {}
    _RESULTS.parent.mkdir(exist_ok=True)
    _RESULTS.write_text(json.dumps({**known, request.node.name: dict(rows)}, ensure_ascii=False, indent=2) + "\n")
    with capsys.disabled():
        print(f"\n{request.node.name}: longest pause of the loop (ms of CPU time; all in {_RESULTS.name})")
        for operation, (milliseconds, case) in rows[:12]:
            print(f"  {milliseconds:6.1f}  {operation}  {case[:60]}")
    assert {what: seconds for what, seconds in pauses.longest.items() if what and seconds > LIMIT} == {}


async def test_bodies(caller: Caller) -> None:
    for operation in operations():
        for case, body in hostile.bodies(operation):
            headers = (_JSON, *await caller.bearer(operation))
            status, answer = await caller.send(operation, case, body=body, headers=headers)
            assert 200 <= status < 500, (operation.path, case, answer[:500])
            assert status < 400 or len(answer) < MAX_ERRORS, (operation.path, case)


async def test_queries(caller: Caller) -> None:
    for operation in operations():
        headers = await caller.bearer(operation)
        for case, query in hostile.queries(operation):
            status, answer = await caller.send(operation, f"query, {case}", query=query, headers=headers)
            assert 200 <= status < 500, (operation.path, case, answer[:500])
            assert status < 400 or len(answer) < MAX_ERRORS, (operation.path, case)


async def test_paths(caller: Caller) -> None:
    """And every operation without anything."""
    for operation in operations():
        headers = await caller.bearer(operation)
        for case, ids in [("nothing", {}), *hostile.paths(operation)]:
            status, answer = await caller.send(operation, f"path, {case}", headers=headers, ids=ids)
            assert 200 <= status < 500, (operation.path, case, answer[:500])
            assert status < 400 or len(answer) < MAX_ERRORS, (operation.path, case)


async def test_uploads(caller: Caller) -> None:
    """Twenty thousand lines are written piece by piece, whether right or wrong."""
    (operation,) = [each for each in operations() if each.path == "/admin/parts/bulk-upload"]
    bearer = await caller.bearer(operation)
    word = secrets.token_hex(4)
    for case, kind, body in hostile.files(f"{word},ETC,x,,다나와,1000".encode()):
        headers = (*bearer, (b"content-type", kind))
        query = "" if case == "lines" else "dryRun=true"
        status, answer = await caller.send(operation, case, body=body, headers=headers, query=query)
        assert status in (200, 400, 413), (case, answer[:500])
        assert len(answer) < MAX_ERRORS, case
    async with caller.state.db.transaction() as tx:
        await tx.execute("UPDATE parts SET is_deleted = TRUE WHERE name LIKE %s", (f"%{word}",))


async def test_stored_texts(caller: Caller, shop: Shop) -> None:
    """Pages of a hundred rows of maximum length."""
    specs = json.dumps({f"k{n}": "1" + " " * 180 + "x" for n in range(40)})
    shaped = {
        "socket": "1" + " " * 290 + "x",
        "formFactor": "ATX~" * 75,
        "m2Slots": "1+" * 150,
        "length": "1" + " " * 9_000 + "x",
    }
    async with caller.state.db.transaction() as tx:
        author = await tx.insert("INSERT INTO users (email, nickname) VALUES ('long@example.com', '긴 글')", ())
        parts = [
            await tx.insert(
                "INSERT INTO parts (name, category, manufacturer, specs, lowest_price) VALUES (%s, %s, 'x', %s, 1)",
                (f"긴 사양 {n} " + "가" * 190, ("CPU", "MOTHERBOARD", "CASE", "COOLER", "GPU", "RAM")[n % 6],
                 json.dumps({**json.loads(specs), **shaped, "n": n})),
            )
            for n in range(100)
        ]  # fmt: skip
        for part in parts:
            shop.adopt(part)
        build = await tx.insert("INSERT INTO builds (user_id, name, is_public) VALUES (%s, '긴 견적', TRUE)", (author,))
        await tx.execute_many(
            "INSERT INTO build_parts (build_id, part_id, unit_price) VALUES (%s, %s, 1)",
            [(build, part) for part in parts],
        )
        text = "각" * 10_000
        post = await tx.insert(
            "INSERT INTO posts (user_id, board_type, title, content) VALUES (%s, 'FREE', '긴 글', %s)", (author, text)
        )
        await tx.execute_many(
            "INSERT INTO comments (post_id, user_id, content) VALUES (%s, %s, %s)", [(post, author, text)] * 100
        )
        await tx.execute_many(
            "INSERT INTO reviews (part_id, user_id, rating, content) VALUES (%s, %s, 5, %s)",
            [(part, author, text[:2000]) for part in parts],
        )
        await tx.execute_many(
            "INSERT INTO audit_log (actor_id, action, target_type, target_id, before_state) VALUES (%s, %s, %s, %s, %s)",
            [(author, "LONG", "POST", post, json.dumps({"title": text[:200], "content": text}))] * 100,
        )
    known = {(each.method, each.path): each for each in operations()}

    async def read(path: str, case: str, query: str = "", body: bytes = b"", **ids: int) -> None:
        operation = known["POST" if body else "GET", path]
        headers = (_JSON, *await caller.bearer(operation))
        for _ in range(2):
            status, answer = await caller.send(operation, case, query=query, body=body, headers=headers, ids=ids)
            assert status == 200, answer[:500]

    chosen = json.dumps({"parts": [{"partId": part} for part in parts]}).encode()
    await read("/builds/check", "stored specifications", body=chosen)
    await read("/builds/{buildId}", "a hundred parts", buildId=build)
    await read("/parts", "a hundred specifications", query="size=100&sort=latest")
    await read("/parts/search", "a hundred specifications", query="size=100&keyword=%EA%B8%B4+%EC%82%AC%EC%96%91")
    await read("/parts/{partId}", "its specifications", partId=parts[0])
    await read("/posts/{postId}", "ten thousand characters", postId=post)
    await read("/posts/{postId}/comments", "a hundred long ones", query="size=100", postId=post)
    await read("/posts", "long ones", query="size=100")
    await read("/reviews", "long ones", query="size=100")
    await read("/admin/audit", "states of long posts", query="size=100&action=LONG")
    await read("/search", "long ones", query="keyword=%EA%B8%B4&size=100")


async def test_forms(caller: Caller) -> None:
    chosen = {"/images/upload": MAX_BYTES, "/admin/parts/bulk-upload": 10 * 1024 * 1024}
    for operation in operations():
        if (operation.method, operation.path in chosen) == ("POST", True):
            headers = (*await caller.bearer(operation), (b"content-type", b"multipart/form-data; boundary=x"))
            for case, body in hostile.forms(chosen[operation.path]):
                status, answer = await caller.send(operation, f"form, {case}", body=body, headers=headers)
                assert 400 <= status < 500, (operation.path, case, answer[:500])


async def test_frames(caller: Caller) -> None:
    """Of a session of SockJS, before and after its CONNECT."""
    (operation,) = [each for each in operations() if (each.method, each.path) == ("GET", "/users/me")]
    bearer = dict(await caller.bearer(operation))[b"authorization"].decode()
    connect = json.dumps([f"CONNECT\naccept-version:1.2\nAuthorization:{bearer}\n\n\0"]).encode()
    for (case, body), connected in itertools.product(hostile.frames(), (False, True)):
        session = f"/ws/0/{secrets.token_hex(8)}"
        assert await caller.ask("POST /ws/{}/{}/xhr: open", "POST", f"{session}/xhr") == (200, b"o\n")
        if connected:
            assert (await caller.ask("POST /ws/{}/{}/xhr_send: connect", "POST", f"{session}/xhr_send", body=connect))[
                0
            ] == 204
        what = f"POST /ws/{{}}/{{}}/xhr_send: {case}{', connected' if connected else ''}"
        status, answer = await caller.ask(what, "POST", f"{session}/xhr_send", body=body)
        assert status == 204 or 400 <= status < 500, (case, answer[:500])


async def test_headers(caller: Caller) -> None:
    chosen = [each for each in operations() if each.path in ("/parts", "/builds/check", "/images/upload")]
    for operation, (name, value) in itertools.product(chosen, list(hostile.headers())):
        headers = tuple(pair for pair in (_JSON, *await caller.bearer(operation)) if pair[0] != name)
        status, answer = await caller.send(
            operation, f"header, {name!r}", body=b"{}", headers=(*headers, (name, value))
        )
        assert 200 <= status < 500, (operation.path, name, answer[:500])
