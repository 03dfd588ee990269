"""The command line, called as operators do."""

import asyncio
import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from jiucom.jobs import counters
from jiucom.runtime_settings import SAMPLING
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.database import drop_database, make_empty_database, named

pytestmark = pytest.mark.anyio

_API = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


async def jiucom(settings: Settings, *arguments: str, stdin: str = "") -> Outcome:
    values = msgspec.structs.asdict(settings)
    environment = {name.upper(): str(value) for name, value in values.items() if value not in ("", None)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jiucom", *arguments),
        env={**os.environ, **environment, "PYTHONPATH": str(_API)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate(stdin.encode())
    return Outcome(process.returncode or 0, out.decode(), err.decode())


async def test_help_names_every_command(database: Settings) -> None:
    outcome = await jiucom(database, "--help")
    commands = ("migrate", "seed", "serve", "create-admin", "check-counters", "run-job", "openapi", "routes")
    assert outcome.code == 0
    assert all(command in outcome.out for command in commands)


async def test_create_admin(database: Settings, state: AppState, client: httpx.AsyncClient) -> None:
    unique = secrets.token_hex(4)
    arguments = ("create-admin", "--email", f"{unique}@example.com", "--nickname", f"관리{unique}")
    outcome = await jiucom(database, *arguments, "--json", stdin="correct-horse-8\n")
    assert (outcome.code, outcome.err) == (0, "")
    created = json.loads(outcome.out)
    async with state.db.read() as session:
        found = await session.fetch_rows(
            "SELECT role, status, email_verified_at IS NOT NULL FROM users WHERE id = %s", (created["id"],)
        )
        audited = await session.fetch_rows(
            "SELECT actor_id, action FROM audit_log WHERE target_id = %s AND target_type = 'USER'", (created["id"],)
        )
    assert (list(found), list(audited)) == ([("ADMIN", "ACTIVE", 1)], [(None, "ADMIN_CREATED")])
    answer = await client.post("/auth/login", json={"email": f"{unique}@example.com", "password": "correct-horse-8"})
    assert answer.status_code == 200
    again = await jiucom(database, *arguments, stdin="correct-horse-8\n")
    assert (again.code, again.err) == (1, "this address has an account already\n")


async def test_create_admin_with_a_file(database: Settings, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("correct-horse-9\n")
    unique = secrets.token_hex(4)
    outcome = await jiucom(
        database,
        *("create-admin", "--email", f"{unique}@example.com", "--nickname", f"관리{unique}"),
        *("--password-file", str(file)),
    )
    assert (outcome.code, outcome.out.startswith(f"administrator {unique}@example.com")) == (0, True)


@pytest.mark.parametrize(
    ("email", "nickname", "password", "field"),
    [
        ("nobody", "관리자", "correct-horse", "email"),
        ("a@b.kr", "관리자", "short", "password"),
        ("a@b.kr", "x", "correct-horse", "nickname"),
    ],
)
async def test_create_admin_refuses(database: Settings, email: str, nickname: str, password: str, field: str) -> None:
    outcome = await jiucom(database, "create-admin", "--email", email, "--nickname", nickname, stdin=f"{password}\n")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(f"{field}: ")


async def test_check_counters(database: Settings, state: AppState) -> None:
    # Other tests make rows without their counters.
    await jiucom(database, "check-counters", "--repair")
    assert (await jiucom(database, "check-counters")).out == "0 drifted, of 6 counters\n"
    async with state.db.transaction() as tx:
        post = await tx.insert(
            "INSERT INTO posts (user_id, board_type, title, content, like_count) VALUES (1, 'FREE', 't', 'c', 3)"
        )
    outcome = await jiucom(database, "check-counters", "--json")
    drift = {"counter": "posts.like_count", "id": post, "stored": 3, "actual": 0}
    assert (outcome.code, json.loads(outcome.out)) == (1, {"drifted": [drift], "repaired": False})
    outcome = await jiucom(database, "check-counters", "--repair")
    assert (outcome.code, outcome.out.splitlines()[-1]) == (0, "1 drifted, repaired, of 6 counters")
    assert (await jiucom(database, "check-counters")).code == 0


async def test_run_job(database: Settings, state: AppState) -> None:
    outcome = await jiucom(database, "run-job", "expired-tokens", "--json")
    report: dict[str, Any] = json.loads(outcome.out)
    assert (outcome.code, report["job"], report["report"].keys()) == (
        0,
        "expired-tokens",
        {"refreshTokens", "accountTokens"},
    )
    async with state.db.read() as session:
        status = await session.fetch_value(
            "SELECT status FROM job_runs WHERE job = 'expired-tokens' ORDER BY id DESC LIMIT 1"
        )
    assert status == "SUCCEEDED"


async def test_run_job_elsewhere(database: Settings, state: AppState) -> None:
    async with state.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO job_locks (job, locked_by, locked_until) VALUES ('popularity', 'x', '2999-01-01')"
            " ON DUPLICATE KEY UPDATE locked_until = '2999-01-01'"
        )
    outcome = await jiucom(database, "run-job", "popularity")
    async with state.db.transaction() as tx:
        await tx.execute("DELETE FROM job_locks WHERE job = 'popularity'")
    assert (outcome.code, outcome.out) == (3, "")


async def test_unknown_job_and_missing_settings(database: Settings) -> None:
    assert (await jiucom(database, "run-job", "nonsense")).code == 2
    broken = msgspec.structs.replace(database, jwt_secret="short")
    outcome = await jiucom(broken, "check-counters")
    assert (outcome.code, outcome.err.startswith("JWT_SECRET: ")) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("migrate",),
        ("seed",),
        ("check-counters", "--repair"),
        ("run-job", "counters"),
        ("run-job", "popularity"),
        ("sampling", "--rate", "0"),
        ("openapi",),
        ("routes",),
    ],
    ids=" ".join,
)
async def test_with_json_the_output_is_one_document(
    database: Settings, state: AppState, arguments: tuple[str, ...]
) -> None:
    """Also if much is logged."""
    outcome = await jiucom(msgspec.structs.replace(database, log_level="DEBUG"), *arguments, "--json")
    await state.redis.execute("DEL", SAMPLING)
    assert outcome.code == 0, outcome.err
    assert isinstance(json.loads(outcome.out), dict | list)


async def test_routes(database: Settings) -> None:
    outcome = await jiucom(database, "routes", "--json")
    rows = json.loads(outcome.out)
    assert {"method": "GET", "path": "/parts", "access": "public", "status": 200, "tag": "Part"} in rows
    assert len((await jiucom(database, "routes")).out.splitlines()) == len(rows)


async def test_progress(database: Settings, mysql_server: tuple[int, str]) -> None:
    """On standard error, for people and beside JSON alike."""
    for arguments in (("check-counters",), ("run-job", "counters", "--json")):
        lines = (await jiucom(database, *arguments)).err.splitlines()
        assert [line.partition(":")[0] for line in lines] == [each.name for each in counters.COUNTERS]
    empty = named(database, f"{database.db_name}_empty", seed="dev")
    await make_empty_database(mysql_server, empty)
    try:
        outcome = await jiucom(empty, "migrate", "--json")
        revisions = list((_API / "jiucom/db/migrations/versions").glob("[0-9]*.py"))
        assert outcome.err.count("Running upgrade") == len(revisions)
        assert json.loads(outcome.out) == {"before": "nothing", "after": max(each.name[:4] for each in revisions)}
        outcome = await jiucom(empty, "seed", "--json")
        assert (json.loads(outcome.out), outcome.err) == ({"seed": "dev", "loaded": True}, "seed dev\n")
        assert (await jiucom(empty, "seed")).out == "nothing loaded: the seed is dev, or rows are there\n"
    finally:
        await drop_database(mysql_server, empty)


async def test_a_database_that_is_away(database: Settings) -> None:
    outcome = await jiucom(msgspec.structs.replace(database, db_port=9), "check-counters", "--json")
    assert (outcome.code, outcome.out, "Traceback" in outcome.err) == (1, "", False)
    record = json.loads(outcome.err.splitlines()[-1])
    assert (record["level"], record["message"].startswith("failed: ")) == ("CRITICAL", True)
