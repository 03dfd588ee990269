"""Which archives are kept, how they are named, and that one run is alone."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from jiucom_backup import store
from jiucom_backup.settings import BackupError

NEWEST = datetime(2026, 11, 27, 3, 30, tzinfo=UTC)


def names(count: int, hours: int = 24) -> list[Path]:
    """Archives as they come, the newest first."""
    return [Path(store.name_for("toy", NEWEST - timedelta(hours=hours * number))) for number in range(count)]


def kept(found: list[Path], **keep: int) -> list[str]:
    gone = store.superfluous(found, keep)
    return [f"{store.date_of(path):%m-%d}" for path in found if path not in gone]


def test_each_day_s_newest_is_kept() -> None:
    assert kept(names(12, hours=8), daily=3) == ["11-27", "11-26", "11-26", "11-25"]


def test_archives_of_the_last_day_are_kept() -> None:
    assert len(kept(names(20, hours=2), daily=1)) == 12


def test_weeks_and_months_keep_their_newest() -> None:
    assert kept(names(70), daily=2, weekly=3, monthly=3) == ["11-27", "11-26", "11-22", "11-15", "10-31", "09-30"]


def test_days_without_archives_do_not_count() -> None:
    found = [*names(1), *(Path(store.name_for("toy", NEWEST - timedelta(days=40 + number))) for number in range(3))]
    assert len(kept(found, daily=7)) == 4


def test_the_newest_is_always_kept() -> None:
    assert kept(names(3), weekly=0, daily=0) == ["11-27"]


def test_only_archives_are_found_the_newest_first(tmp_path: Path) -> None:
    for name in [
        *(path.name for path in names(3)),
        ".toy-20261127T033000Z.tar.part",
        "notes.tar",
        "toy-20261127T033000Z.tar.sha256",
    ]:
        (tmp_path / name).touch()
    assert [path.name for path in store.archives(tmp_path)] == [path.name for path in names(3)]


def test_a_second_run_at_the_same_time_is_refused(tmp_path: Path) -> None:
    first, second = store.alone(tmp_path, "a restore"), store.alone(tmp_path, "a backup")
    with first, pytest.raises(BackupError, match=r"a restore .*is not finished"), second:
        pass
    with store.alone(tmp_path, "a backup"):
        pass


@pytest.mark.parametrize("umask", [0o022, 0o077], ids=oct)
def test_the_state_is_written_as_metrics(tmp_path: Path, umask: int) -> None:
    state = store.State(tmp_path / "store", tmp_path / "metrics")
    before = os.umask(umask)
    try:
        state.update(backup_failed=1, drill_archive="toy.tar")
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("metrics", "metrics/metrics", "store/.state.json")]
    assert modes == [0o755, 0o644, 0o600]
    state.update(backup_failed=0, backup_size_bytes=7)
    lines = (tmp_path / "metrics/metrics").read_text().splitlines()
    assert [line for line in lines if line[0] != "#"] == ["jiucom_backup_failed 0", "jiucom_backup_size_bytes 7"]
    assert state.read()["drill_archive"] == "toy.tar"
