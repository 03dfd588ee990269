"""The command line: jiucom-backup VERB. Exits 0 when it is done, 1 when it failed, 3 when saved but not shipped."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from jiucom_backup import backup, drill, restore, store
from jiucom_backup.settings import BackupError, Settings


def main() -> int:
    """Run the verb; the exit code."""
    parser = argparse.ArgumentParser(prog="jiucom-backup", description="Backup of a JIUCOM installation.")
    parser.add_argument("--config", type=Path, default=Path(__file__).parents[1] / "config.json")
    verbs = parser.add_subparsers(dest="verb", required=True)
    make = verbs.add_parser("backup", help="make an archive, check it, ship it, remove old ones")
    make.add_argument("--smaller", action="store_true", help="the data has become less than half")
    back = verbs.add_parser("restore", help="put an archive's data in the place of what is here, which is kept aside")
    back.add_argument("archive", help="path of the archive, or: newest")
    back.add_argument("--foreign", action="store_true", help="also one of another installation")
    prove = verbs.add_parser(
        "drill", help="restore the newest archive into a throw-away MySQL, and compare the content"
    )
    prove.add_argument("archive", nargs="?", default="newest")
    verbs.add_parser("metrics", help="write the metrics, also before the first backup")
    verbs.add_parser("list", help="the archives that are there")
    options = parser.parse_args()
    try:
        settings = Settings.read(options.config)
        return {"backup": _backup, "restore": _restore, "drill": _drill, "metrics": _metrics, "list": _list}[
            options.verb
        ](settings, options)
    except BackupError as fault:
        print(f"{options.verb} failed: {fault}", file=sys.stderr)
        return 1


def _backup(settings: Settings, options: argparse.Namespace) -> int:
    path = backup.run(settings, smaller=options.smaller)
    print(f"saved: {path} ({path.stat().st_size} bytes)")
    return 0


def _restore(settings: Settings, options: argparse.Namespace) -> int:
    print("\n".join(restore.run(settings, store.named(settings.store, options.archive), foreign=options.foreign)))
    return 0


def _drill(settings: Settings, options: argparse.Namespace) -> int:
    print(drill.run(settings, store.named(settings.store, options.archive)))
    return 0


def _metrics(settings: Settings, options: argparse.Namespace) -> int:
    state = store.State(settings.store, settings.home / "metrics")
    # Before the first of each, its age counts from now.
    state.update(**({"backup_since_timestamp_seconds": time.time()} | state.read()))
    return 0


def _list(settings: Settings, options: argparse.Namespace) -> int:
    for path in store.archives(settings.store):
        print(f"{path}  {path.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
