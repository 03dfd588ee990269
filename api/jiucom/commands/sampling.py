"""`sampling`: trace another share of the requests for some minutes, on every replica (E4). Then the deployed share is back."""

import argparse

from jiucom.cache import redis_client
from jiucom.commands.tools import show
from jiucom.runtime_settings import SAMPLING
from jiucom.settings import Settings
from jiucom.telemetry.metrics import Metrics

HELP = "trace another share of the requests for a while, on every replica"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("--rate", type=_share, required=True, help="share of the requests, 0 to 1")
    parser.add_argument("--minutes", type=_minutes, default=15, help="after which the deployed rate is back (15)")


async def run(settings: Settings, options: argparse.Namespace) -> int:
    """Set the rate with its end; the exit code."""
    redis = redis_client(settings, Metrics())
    try:
        await redis.execute("SET", SAMPLING, f"{options.rate:g}", "EX", options.minutes * 60)
    finally:
        await redis.close()
    back = settings.tracing_sampling
    show(
        {"rate": options.rate, "minutes": options.minutes, "deployed": back},
        [f"{options.rate:g} of the requests are traced for {options.minutes} minutes, then {back:g} again"],
        as_json=options.json,
    )
    return 0


def _share(text: str) -> float:
    rate = float(text)
    if not 0 <= rate <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share: give a number between 0 and 1")
    return rate


def _minutes(text: str) -> int:
    minutes = int(text)
    if not 1 <= minutes <= 24 * 60:
        raise argparse.ArgumentTypeError(f"{text}: between 1 minute and a day (1440)")
    return minutes
