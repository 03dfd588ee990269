"""`seed`: fills an empty database."""

import argparse
import sys

from jiucom import seed
from jiucom.commands.tools import show
from jiucom.db.waiting import wait_for_database
from jiucom.settings import Settings

HELP = "fill an empty database with the seed that SEED names"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no arguments of its own."""


async def run(settings: Settings, options: argparse.Namespace) -> int:
    """Seed; the exit code."""
    await wait_for_database(settings, migrating=False)
    print(f"seed {settings.seed}", file=sys.stderr)
    loaded = await seed.run(settings, settings.seed)
    text = (
        f"seed {settings.seed} loaded" if loaded else f"nothing loaded: the seed is {settings.seed}, or rows are there"
    )
    show({"seed": settings.seed, "loaded": loaded}, [text], as_json=options.json)
    return 0
