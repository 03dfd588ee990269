"""`migrate`: the database schema of this version of the code."""

import argparse
import logging

from msgspec.structs import asdict

from jiucom.commands.tools import show
from jiucom.db import migrate
from jiucom.db.waiting import wait_for_database
from jiucom.settings import Settings

HELP = "bring the database schema up to date"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--contract", action="store_true", help="also what the version before cannot do without")
    what.add_argument("--status", action="store_true", help="say how the schema is, and change nothing")


async def run(settings: Settings, options: argparse.Namespace) -> int:
    """Migrate; the exit code."""
    # Alembic logs a line for each revision: the progress.
    logging.getLogger("alembic.runtime.migration").setLevel(logging.INFO)
    await wait_for_database(settings, migrating=True)
    if options.status:
        schema = await migrate.status(settings)
        lines = [f"{name}: {value or 'nothing'}" for name, value in asdict(schema).items()]
        show(asdict(schema), lines, as_json=options.json)
        return 0
    before, after = await migrate.upgrade(settings, contract=options.contract)
    text = (
        f"database schema is up to date at revision {after}"
        if before == after
        else f"database schema migrated from {before} to {after}"
    )
    show({"before": before, "after": after}, [text], as_json=options.json)
    return 0
