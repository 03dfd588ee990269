"""`check-counters`: compares stored counters with the rows they count. Exits with 1 when some differ and are not repaired."""

import argparse

from jiucom.commands.tools import opened, show
from jiucom.jobs import counters
from jiucom.settings import Settings

HELP = "compare likes, comments and totals with what they count"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("--repair", action="store_true", help="put right what drifted")


async def run(settings: Settings, options: argparse.Namespace) -> int:
    """Check; the exit code."""
    async with opened(settings) as (tools, _):
        drifts = await counters.check(tools)
        if drifts and options.repair:
            await counters.repair(tools)
    lines = [f"{each.counter} of {each.id}: stored {each.stored}, actual {each.actual}" for each in drifts]
    repaired = options.repair and bool(drifts)
    summary = f"{len(drifts)} drifted{', repaired' if repaired else ''}, of {len(counters.COUNTERS)} counters"
    show({"drifted": drifts, "repaired": repaired}, [*lines, summary], as_json=options.json)
    return 1 if drifts and not repaired else 0
