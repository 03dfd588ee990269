"""The command line: `python -m jiucom` migrates, seeds and serves. Subcommands do one of these, or a task of an operator.

Results go to standard output, as JSON with `--json`. Progress and errors go to standard error.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Protocol, TextIO

from jiucom.commands import check_counters, create_admin, migrate, run_job, sampling, seed
from jiucom.commands.tools import show
from jiucom.settings import Settings, SettingsError, load
from jiucom.telemetry import logs

log = logging.getLogger("jiucom")


def main() -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m jiucom", description="The JIUCOM API.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, (text, _) in _SERVING.items():
        commands.add_parser(name, help=text, description=text)
    for name, (text, _) in _PRINTING.items():
        _with_json(commands.add_parser(name, help=text, description=text))
    for name, module in _BY_HAND.items():
        each = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.arguments(each)
        _with_json(each)
    options = parser.parse_args()
    command = options.command or "start"
    # Process 1 of a container has no default action for SIGTERM: without this it would not end while it waits for a database.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if command in _BY_HAND:
        return _by_hand(_BY_HAND[command], options)
    if command in _PRINTING:
        _PRINTING[command][1](options.json)
        return 0
    return _SERVING[command][1]()


def start() -> int:
    """Migrate, seed and serve: the default command of the image."""
    settings = _settings()
    if settings is None:
        return 2
    return asyncio.run(_prepare(settings)) or _serve(settings)


def serve() -> int:
    """Serve only: the database must be migrated."""
    settings = _settings()
    return 2 if settings is None else _serve(settings)


def openapi(_: bool) -> None:
    """Print the OpenAPI document, which is JSON."""
    from jiucom.app import operations
    from jiucom.web.openapi import document

    print(json.dumps(document(operations()), ensure_ascii=False, indent=2))


def routes(as_json: bool) -> None:
    """Print every operation."""
    from jiucom.app import operations

    found = operations()
    rows = [
        {"method": each.method, "path": each.path, "access": each.access, "status": each.status, "tag": each.tag}
        for each in found
    ]
    lines = [f"{each.method:7}{each.path:45}{each.access:8}{each.status}  {each.tag}" for each in found]
    show(rows, lines, as_json=as_json)


_SERVING: dict[str, tuple[str, Callable[[], int]]] = {
    "start": ("migrate, seed, then serve (the default)", start),
    "serve": ("serve on port 8080", serve),
}

_PRINTING: dict[str, tuple[str, Callable[[bool], None]]] = {
    "openapi": ("print the OpenAPI document", openapi),
    "routes": ("print every operation", routes),
}


class _Command(Protocol):
    """A module of `jiucom.commands`."""

    HELP: str

    def arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, settings: Settings, options: argparse.Namespace) -> Coroutine[None, None, int]: ...


_BY_HAND: dict[str, _Command] = {
    "migrate": migrate,
    "seed": seed,
    "create-admin": create_admin,
    "check-counters": check_counters,
    "run-job": run_job,
    "sampling": sampling,
}


def _with_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _by_hand(module: _Command, options: argparse.Namespace) -> int:
    settings = _settings(sys.stderr)
    if settings is None:
        return 2
    # Commands log warnings and errors only.
    logging.getLogger().setLevel(logging.WARNING)
    try:
        return asyncio.run(_cancelled_by_sigterm(module.run(settings, options)))
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM
    except Exception as error:
        log.critical("failed: %s: %s", type(error).__name__, error)
        return 1


async def _cancelled_by_sigterm(work: Coroutine[None, None, int]) -> int:
    """Cancel `work` on SIGTERM, so that leases and connections are given back."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def _settings(logged: TextIO | None = None) -> Settings | None:
    try:
        settings = load(os.environ)
    except SettingsError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return None
    logs.configure(settings.log_level, settings.time_zone, logged)
    return settings


async def _prepare(settings: Settings) -> int:
    from jiucom import seed as seeds
    from jiucom.db import migrate as migrations
    from jiucom.db.waiting import wait_for_database

    try:
        await wait_for_database(settings, migrating=True)
        await migrations.upgrade(settings)
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
