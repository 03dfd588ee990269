"""The command line: `python -m jiucom` migrates, seeds and serves; its subcommands do one of these."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Protocol

from jiucom.commands import check_counters, create_admin, run_job, sampling
from jiucom.settings import Settings, SettingsError, load
from jiucom.telemetry import logs

log = logging.getLogger("jiucom")


def main() -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m jiucom", description="The JIUCOM API.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, (text, _) in _COMMANDS.items():
        commands.add_parser(name, help=text, description=text)
    for name, module in _BY_HAND.items():
        module.arguments(commands.add_parser(name, help=module.HELP, description=module.HELP))
    options = parser.parse_args()
    command = options.command or "start"
    # As process 1 of a container nobody else ends us while we wait for a database.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if command in _BY_HAND:
        return _by_hand(_BY_HAND[command], options)
    return _COMMANDS[command][1]()


def start() -> int:
    """What the image does: migrate, seed, serve."""
    settings = _settings()
    if settings is None:
        return 2
    return asyncio.run(_prepare(settings, migrating=True, seeding=True)) or _serve(settings)


def serve() -> int:
    """Serve a database that is ready."""
    settings = _settings()
    return 2 if settings is None else _serve(settings)


def migrate() -> int:
    """Bring the schema up to date."""
    settings = _settings()
    return 2 if settings is None else asyncio.run(_prepare(settings, migrating=True, seeding=False))


def seed() -> int:
    """Fill an empty database with what SEED names."""
    settings = _settings()
    return 2 if settings is None else asyncio.run(_prepare(settings, migrating=False, seeding=True))


def openapi() -> int:
    """Print the OpenAPI document."""
    from jiucom.app import operations
    from jiucom.web.openapi import document

    print(json.dumps(document(operations()), ensure_ascii=False, indent=2))
    return 0


def routes() -> int:
    """Print every operation."""
    from jiucom.app import operations

    for each in operations():
        print(f"{each.method:7}{each.path:45}{each.access:8}{each.status}  {each.tag}")
    return 0


_COMMANDS: dict[str, tuple[str, Callable[[], int]]] = {
    "start": ("migrate, seed, then serve (the default)", start),
    "serve": ("serve on port 8080", serve),
    "migrate": ("bring the database schema up to date", migrate),
    "seed": ("fill an empty database with the seed that SEED names", seed),
    "openapi": ("print the OpenAPI document", openapi),
    "routes": ("print every operation", routes),
}


class _Command(Protocol):
    """A module of `jiucom.commands`."""

    HELP: str

    def arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, settings: Settings, options: argparse.Namespace) -> Coroutine[None, None, int]: ...


_BY_HAND: dict[str, _Command] = {
    "create-admin": create_admin,
    "check-counters": check_counters,
    "run-job": run_job,
    "sampling": sampling,
}


def _by_hand(module: _Command, options: argparse.Namespace) -> int:
    settings = _settings()
    if settings is None:
        return 2
    # What a command has to say is its output; below that, only what went wrong.
    logging.getLogger().setLevel(logging.WARNING)
    try:
        return asyncio.run(module.run(settings, options))
    except Exception as error:
        log.critical("failed: %s: %s", type(error).__name__, error)
        return 1


def _settings() -> Settings | None:
    try:
        settings = load(os.environ)
    except SettingsError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return None
    logs.configure(settings.log_level, settings.time_zone)
    return settings


async def _prepare(settings: Settings, *, migrating: bool, seeding: bool) -> int:
    from jiucom.db import migrate as migrations
    from jiucom.db import seed as seeds
    from jiucom.db.waiting import wait_for_database

    try:
        await wait_for_database(settings, migrating=migrating)
        if migrating:
            await migrations.upgrade(settings)
        if seeding:
            await seeds.run(settings, settings.seed)
    except Exception as error:
        log.critical("the database cannot be prepared: %s: %s", type(error).__name__, error)
        return 1
    return 0


def _serve(settings: Settings) -> int:
    from jiucom.server import run

    return run(settings)


if __name__ == "__main__":
    sys.exit(main())
