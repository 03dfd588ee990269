"""`migrate`: the database schema of this version of the code."""

import argparse
import logging

from jiucom.commands.tools import show
from jiucom.db import migrate
from jiucom.db.waiting import wait_for_database
from jiucom.settings import Settings

HELP = "bring the database schema up to date"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no arguments of its own."""


async def run(settings: Settings, options: argparse.Namespace) -> int:
    """Migrate; the exit code."""
    # Alembic logs a line for each revision: the progress.
    logging.getLogger("alembic.runtime.migration").setLevel(logging.INFO)
    await wait_for_database(settings, migrating=True)
    before, after = await migrate.upgrade(settings)
    text = (
        f"database schema is up to date at revision {after}"
        if before == after
        else f"database schema migrated from {before} to {after}"
    )
    show({"before": before, "after": after}, [text], as_json=options.json)
    return 0
