"""A point in time: the binary logs are copied off the volume, and MySQL runs them after an archive, up to where it is wanted."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jiucom_backup import binlog, replay, stream, uploads
from jiucom_backup.archive import Reader
from jiucom_backup.settings import BackupError

from .toy import DATABASE, Toy


class History:
    """What was written after the archive, and when."""

    def __init__(self, toy: Toy) -> None:
        self.archive = toy.backup()
        self.server = toy.mysql().value("SELECT @@server_uuid")
        self.gtids = [toy.insert("one"), toy.insert("two")]
        toy.mysql().ask("CREATE USER strange@localhost")
        time.sleep(0.1)
        self.moment = datetime.now(UTC)
        time.sleep(0.1)
        self.gtids += [toy.insert("three")]
        toy.mysql().ask(
            f"FLUSH BINARY LOGS; CREATE TABLE {DATABASE}.later (id INT PRIMARY KEY); INSERT INTO {DATABASE}.later VALUES (7)"
        )
        # Larger than what is written at once.
        toy.mysql().ask(
            f"INSERT INTO {DATABASE}.parts (name, specs) SELECT 'part of a large transaction', specs FROM {DATABASE}.parts"
        )
        self.gtids += [toy.insert("four")]

    def last(self, index: int) -> str:
        """The transaction that wrote the row of that index."""
        ranges = binlog.parse(self.gtids[index])[self.server]
        return f"{self.server}:{max(last for _, last in ranges)}"


@pytest.fixture(scope="module")
def history(toy: Toy) -> History:
    """An archive, and what followed it."""
    found = History(toy)
    stream.copy(toy.settings)
    return found


@pytest.fixture
def logs(toy: Toy, history: History, tmp_path: Path) -> Path:
    """A copy of the copied logs, to be spoiled."""
    return Path(shutil.copytree(stream.directory(toy.settings, history.server), tmp_path / history.server))


def planned(history: History, logs: Path, until: str) -> replay.Plan:
    return replay.plan(logs, Reader(history.archive).manifest["database"]["gtids"], until)


def test_every_transaction_is_found(toy: Toy, history: History, logs: Path) -> None:
    executed = binlog.parse(toy.mysql().value("SELECT @@gtid_executed"))
    found = [one for path in stream.files(logs) for one in binlog.transactions(path)]
    assert [one.number for one in found if one.server == history.server] == list(
        range(1, executed[history.server][0][1] + 1)
    )
    times = [one.time / 1e6 for one in found]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(time.time(), abs=600)


def test_the_copy_is_the_original(toy: Toy, history: History) -> None:
    folder = stream.copy(toy.settings)
    originals = sorted(toy.volume("mysql-data").glob("binlog.0*"))
    assert [path.name for path in stream.files(folder)] == [path.name for path in originals]
    for copy, original in zip(stream.files(folder), originals, strict=True):
        content, wanted = bytearray(copy.read_bytes()), bytearray(original.read_bytes())
        content[binlog.IN_USE] = wanted[binlog.IN_USE] = 0
        assert content == wanted
    assert folder.name == history.server


def test_a_binlog_copied_while_open_is_recognised_when_closed(toy: Toy, history: History) -> None:
    for _ in range(2):
        toy.mysql().ask("FLUSH BINARY LOGS")
        folder = stream.copy(toy.settings)
        assert stream.files(folder)[-1].stat().st_size < 1000


def test_a_point_is_a_transaction_a_time_or_the_end(history: History, logs: Path) -> None:
    assert planned(history, logs, history.last(0)).wanted[-1].number == int(history.last(0).split(":")[1])
    by_time = planned(history, logs, history.moment.isoformat()).wanted[-1]
    # After it came the account's.
    assert by_time.number == int(history.last(1).split(":")[1]) + 1
    assert by_time.time / 1e6 < history.moment.timestamp()
    end = planned(history, logs, "latest")
    assert f"{end.wanted[-1].server}:{end.wanted[-1].number}" == history.last(3)
    assert len(end.files) >= 2


@pytest.mark.parametrize(
    ("until", "says"),
    [
        ("yesterday", "set latest, a time like"),
        ("2026-11-27T14:00:00", "add the offset of its time zone"),
        ("2020-01-01T00:00:00+00:00", "take an older archive"),
        ("2999-01-01T00:00:00+00:00", "yet to come"),
        ("SERVER:1", "already contains"),
        ("SERVER:999999", "is in no copied log"),
        ("00000000-0000-0000-0000-000000000000:1", "is in no copied log"),
    ],
)
def test_a_point_that_cannot_be_reached_is_refused(history: History, logs: Path, until: str, says: str) -> None:
    with pytest.raises(BackupError, match=says):
        planned(history, logs, until.replace("SERVER", history.server))


def test_a_gap_in_the_logs_is_refused(history: History, logs: Path) -> None:
    needed = planned(history, logs, "latest").files
    assert len(needed) > 1
    needed[0].unlink()
    with pytest.raises(BackupError, match=f"the logs lack {history.server}:"):
        planned(history, logs, "latest")


def test_a_transaction_that_is_still_being_written_is_left_out(history: History, logs: Path) -> None:
    whole = planned(history, logs, "latest").wanted
    with whole[-1].file.open("r+b") as file:
        file.truncate(whole[-1].end - 1)
    assert planned(history, logs, "latest").wanted == whole[:-1]


@pytest.mark.parametrize("content", [b"", b"\xfdbin encrypted"])
def test_a_file_that_is_not_a_binlog_is_refused(history: History, logs: Path, content: bytes) -> None:
    stream.files(logs)[0].write_bytes(content)
    with pytest.raises(BackupError, match="no binary log"):
        planned(history, logs, "latest")


def test_the_stream_follows_and_goes_on_where_it_was(toy: Toy, history: History) -> None:
    toy.configure(binlog={"copy_seconds": 1, "ship_seconds": 60, "days": 8})
    for name in ("streamed first", "streamed after a restart"):
        running = toy.begin("stream")
        try:
            executed = binlog.parse(toy.insert(name))[history.server][0][1]
            folder = stream.directory(toy.settings, history.server)
            end = time.monotonic() + 60
            while [one.number for one in binlog.transactions(stream.files(folder)[-1])][-1:] != [executed]:
                assert time.monotonic() < end
                time.sleep(0.2)
        finally:
            running.terminate()
        assert running.wait(30) == 0
    assert time.time() - toy.metric("binlog_copied_timestamp_seconds") < 60
    toy.mysql().ask(f"DELETE FROM {DATABASE}.parts WHERE name LIKE 'streamed%'")


def test_binlogs_with_another_start_are_refused(toy: Toy, history: History) -> None:
    copy = stream.files(stream.directory(toy.settings, history.server))[-1]
    content = copy.read_bytes()
    copy.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    toy.insert("streamed")
    with pytest.raises(BackupError, match="is not the beginning of"):
        stream.copy(toy.settings)
    copy.write_bytes(content)
    toy.mysql().ask(f"DELETE FROM {DATABASE}.parts WHERE name = 'streamed'")
    stream.copy(toy.settings)


def test_old_logs_go_when_mysql_has_purged_them(toy: Toy, history: History) -> None:
    folder = stream.directory(toy.settings, history.server)
    old, young = folder / "binlog.000000", folder / "binlog.999999"
    for path in (old, young):
        path.write_bytes(binlog.MAGIC)
    os.utime(old, (0, 0))
    stream.copy(toy.settings)
    assert not old.exists()
    assert young.exists()
    young.unlink()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Toy]:
    """A host that has never seen the first."""
    installation = Toy(tmp_path)
    try:
        installation.up()
        yield installation
    finally:
        installation.down()


def test_point_in_time_restore_on_another_host(toy: Toy, history: History, other: Toy) -> None:
    folder = stream.directory(other.settings, history.server)
    shutil.copytree(stream.copy(toy.settings), folder)
    run = other.run("restore", str(history.archive), "--until", history.moment.isoformat())
    assert run.returncode == 0, run.stderr
    assert other.names() == {"one", "two"}
    # Accounts are this host's own, whatever was done to those of the first.
    assert other.mysql().ask("SELECT user FROM mysql.user WHERE user = 'strange'") == []
    run = other.run("restore", str(history.archive), "--until", "latest")
    assert run.returncode == 0, run.stderr
    assert other.names() == {"one", "two", "three", "four"}
    count = f"SELECT COUNT(*) FROM {DATABASE}.parts WHERE name = 'part of a large transaction'"
    assert other.mysql().value(count) == toy.mysql().value(count) != "0"
    assert other.mysql().value(f"SELECT id FROM {DATABASE}.later") == "7"
    # The next archive goes on from here.
    assert other.run("backup").returncode == 0


def test_uploads_after_the_archive_come_with_a_point_in_time(toy: Toy, history: History, other: Toy) -> None:
    new, stray = (toy.volume("uploads") / f"posts/{name}.png" for name in ("f" * 32, ".unfinished"))
    for path in (new, stray):
        path.write_bytes(b"a new picture")
    uploads.copy(toy.settings)
    copies = [path.name for path in uploads.files(uploads.directory(toy.settings))]
    assert new.name in copies
    assert stray.name not in copies
    shutil.copytree(uploads.directory(toy.settings), uploads.directory(other.settings))
    shutil.copytree(stream.copy(toy.settings), stream.directory(other.settings, history.server))
    run = other.run("restore", str(history.archive), "--until", "latest")
    assert run.returncode == 0, run.stderr
    came = other.volume("uploads") / "posts" / new.name
    assert came.read_bytes() == b"a new picture"
    for path in (new, stray):
        path.unlink()


def test_a_point_that_is_refused_leaves_the_host_running(toy: Toy, history: History) -> None:
    run = toy.run("restore", str(history.archive), "--until", "2020-01-01T00:00:00+00:00")
    assert run.returncode == 1
    assert "take an older archive" in run.stderr
    assert "four" in toy.names()
