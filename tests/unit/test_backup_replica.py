"""The dump is read from a read replica that has everything, else from the primary; a restore has replicas filled anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from jiucom_backup import replica
from jiucom_backup.mysql import Rows, Server
from jiucom_backup.services import Compose
from jiucom_backup.settings import BackupError, Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def primary(monkeypatch: pytest.MonkeyPatch) -> Server:
    """A primary with two replicas, whose containers are called by what they answer."""

    def ask(server: Server, sql: str) -> Rows:
        if server.container == "silent":
            raise BackupError("no answer")
        assert server.container == "primary" or "'uuid:1-7,other:1-2'" in sql
        return [["uuid:1-7,\\nother:1-2" if server.container == "primary" else server.container]]

    monkeypatch.setattr(Server, "ask", ask)
    monkeypatch.setattr(Compose, "running", lambda _, service: [] if service == "gone" else [service])
    return Server("primary", "password")


@pytest.mark.parametrize(
    ("replicas", "read"),
    [
        (["1"], "1"),
        (["0", "1"], "1"),
        (["silent", "1"], "1"),
        (["gone", "1"], "1"),
        (["0", "silent", "gone"], "mysql"),
        ([], "mysql"),
    ],
)
def test_the_first_that_has_everything_is_read(primary: Server, replicas: list[str], read: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").touch()
    settings = Settings("p", tmp_path, "jiucom", Path("/var/backups"), {}, {}, replicas=replicas)
    service, server = replica.source(settings, primary)
    assert service == read
    assert server.container == ("primary" if read == "mysql" else read)
    assert isinstance(server, replica.Replica) is (read != "mysql")


def test_a_restore_has_every_replica_filled_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "p_mysql-replica-2-data"
    data.mkdir()
    there = {"mysql-replica-2-data": data}
    monkeypatch.setattr(replica, "volume", lambda _, name: there.get(name))
    replica.fill_anew("p")
    # What roles/database/files/replica.sh looks for.
    (mark,) = data.iterdir()
    script = (ROOT / "roles/database/files/replica.sh").read_text()
    assert f"unfinished=$data/{mark.name}\n" in script
