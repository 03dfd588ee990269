"""The command line: jiucom-backup VERB. Exits 0 when it is done, 1 when it failed, 3 when saved but not shipped."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from jiucom_backup import backup, drill, restore, ship, store, stream
from jiucom_backup.settings import BackupError, NotShippedError, Settings


def main() -> int:
    """Run the verb; the exit code."""
    options = _parser().parse_args()
    # As an exception, so that what is half done is put back.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        options.run(Settings.read(options.config), options)
    except NotShippedError as fault:
        print(f"saved, but not shipped: {fault}", file=sys.stderr)
        return 3
    except BackupError as fault:
        print(f"{options.verb} failed: {fault}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jiucom-backup", description="Backup of a JIUCOM installation.")
    parser.add_argument("--config", type=Path, default=Path(__file__).parents[1] / "config.json")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("backup", help="make an archive, check it, ship it, remove old ones")
    verb.add_argument("--smaller", action="store_true", help="the data has become less than half")
    verb.set_defaults(run=_backup)
    verb = verbs.add_parser("restore", help="put an archive's data in the place of what is here, which is kept aside")
    verb.add_argument("archive", help="path of the archive, or: newest")
    verb.add_argument("--foreign", action="store_true", help="also one of another installation")
    verb.add_argument(
        "--until", default="", help="and what followed it: latest, a time with its offset, or server:number"
    )
    verb.set_defaults(run=_restore)
    verb = verbs.add_parser("drill", help="restore an archive into a throw-away MySQL, and compare the content")
    verb.add_argument("archive", nargs="?", default="newest")
    verb.set_defaults(run=_drill)
    verb = verbs.add_parser("fetch", help="bring an archive, and the binary logs, from where they were shipped to")
    verb.add_argument("archive", nargs="?", default="newest")
    verb.add_argument("--identity", type=Path, required=True, help="file with the private key of age")
    verb.set_defaults(run=_fetch)
    verbs.add_parser("ship", help="ship the archives that are not shipped yet").set_defaults(run=_ship)
    verbs.add_parser("stream", help="copy the binary logs off MySQL's volume, until it is ended").set_defaults(
        run=_stream
    )
    verbs.add_parser("metrics", help="write the metrics, also before the first backup").set_defaults(run=_metrics)
    verbs.add_parser("list", help="the archives that are there").set_defaults(run=_list)
    return parser


def _state(settings: Settings) -> store.State:
    return store.State(settings.store, settings.home / "metrics")


def _backup(settings: Settings, options: argparse.Namespace) -> None:
    path = backup.run(settings, smaller=options.smaller)
    print(f"saved{' and shipped' if settings.ship else ''}: {path} ({path.stat().st_size} bytes)")


def _restore(settings: Settings, options: argparse.Namespace) -> None:
    path = store.named(settings.store, options.archive)
    print("\n".join(restore.run(settings, path, foreign=options.foreign, until=options.until)))


def _drill(settings: Settings, options: argparse.Namespace) -> None:
    print(drill.run(settings, store.named(settings.store, options.archive)))


def _fetch(settings: Settings, options: argparse.Namespace) -> None:
    try:
        print(f"fetched: {ship.fetch(settings, options.archive, options.identity)}")
    except NotShippedError as fault:
        raise BackupError(str(fault)) from fault


def _ship(settings: Settings, options: argparse.Namespace) -> None:
    with store.alone(settings.store, "shipping"):
        ship.archives(settings, _state(settings))


def _stream(settings: Settings, options: argparse.Namespace) -> None:
    stream.run(settings)


def _metrics(settings: Settings, options: argparse.Namespace) -> None:
    state = _state(settings)
    # Before the first of each, its age counts from now.
    state.update(**({"backup_since_timestamp_seconds": time.time()} | state.read()))


def _list(settings: Settings, options: argparse.Namespace) -> None:
    for path in store.archives(settings.store):
        print(f"{path}  {path.stat().st_size} bytes")


if __name__ == "__main__":
    sys.exit(main())
