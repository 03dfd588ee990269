"""`create-admin`: the first administrator of an empty platform."""

import argparse
import asyncio
import getpass
import sys
from pathlib import Path

from jiucom import audit
from jiucom.auth.passwords import Passwords
from jiucom.commands.tools import fail, opened, read_line, show
from jiucom.db import DuplicateKeyError, WriteSession
from jiucom.domains.auth import queries
from jiucom.domains.auth.schemas import SignupIn
from jiucom.errors import ApiError
from jiucom.settings import Settings
from jiucom.web.validation import convert

HELP = "create an administrator"

_PROMOTE = "UPDATE users SET role = 'ADMIN', email_verified_at = UTC_TIMESTAMP(6) WHERE id = %s"

_TAKEN = {"uk_users_email": "this address has an account already", "uk_users_nickname": "this nickname is taken"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command. No password among them: other users of the host can read command lines."""
    parser.add_argument("--email", required=True)
    parser.add_argument("--nickname", required=True)
    parser.add_argument("--password-file", type=Path, help="otherwise asked for, or the first line of standard input")


async def run(settings: Settings, options: argparse.Namespace) -> int:
    """Create the account; the exit code."""
    try:
        password = await _password(options.password_file)
        values = {"email": options.email, "nickname": options.nickname, "password": password}
        account = convert(values, SignupIn, strict=True)
    except OSError as error:
        return fail(f"the password cannot be read: {error}")
    except ApiError as error:
        return fail(error.message)
    hashed = await Passwords().hash(account.password)

    async def work(tx: WriteSession) -> int:
        user_id = await queries.insert(tx, account.email, hashed, account.nickname)
        await tx.execute(_PROMOTE, (user_id,))
        await audit.record(tx, None, "ADMIN_CREATED", "USER", user_id, None, {"role": "ADMIN"}, None)
        return user_id

    async with opened(settings) as (tools, _):
        try:
            user_id = await tools.db.write(work)
        except DuplicateKeyError as error:
            return fail(_TAKEN.get(error.key, f"{error.key} is taken"))
    result = {"id": user_id, "email": account.email, "nickname": account.nickname, "role": "ADMIN"}
    show(result, [f"administrator {account.email} has the id {user_id}"], as_json=options.json)
    return 0


async def _password(file: Path | None) -> str:
    if file is not None:
        return (await asyncio.to_thread(file.read_text)).rstrip("\r\n")
    if sys.stdin.isatty():
        return await asyncio.to_thread(getpass.getpass)
    return await read_line()
