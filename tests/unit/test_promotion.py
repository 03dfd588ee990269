"""How a read replica's data becomes the primary's, on real directories; with real servers: tests/stories/replica."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from ansible_collections.jiucom.platform.plugins.module_utils import engine, mysql
from plugins import load

MODULE = load("roles/database/library/database_promote.py")
PRIMARY, REPLICA = "mysql", "mysql-replica-1"


class RefusedError(Exception):
    """The module ended as failed."""


class Host:
    """The volumes of a primary and its replica, and which of the two run."""

    def __init__(self, root: Path) -> None:
        self.root, self.up = root, {PRIMARY, REPLICA}
        self.commands: list[str] = []
        self.asked: list[tuple[str, str]] = []
        self.check_mode = False

    def data(self, service: str) -> Path:
        return self.root / f"p_{service}-data/_data"

    def fill(self, service: str, text: str) -> None:
        """Give a service data of its own."""
        (self.data(service) / "mysql").mkdir(parents=True)
        (self.data(service) / "rows").write_text(text)

    def containers(self, _project: str) -> dict[str, list[dict[str, Any]]]:
        return {name: [{"Id": name, "State": {"Status": "running"}}] for name in self.up}

    def ask(self, container: str, sql: str, _seconds: float = 60) -> list[list[str]]:
        self.asked.append((container, sql))
        return [["0" if "WAIT_FOR" in sql else "uuid:1-5", "uuid:1-5"]]

    def compose(self, *command: str) -> None:
        self.commands.append(" ".join(command))
        if command[:2] == ("up", "--no-start"):
            self.data(PRIMARY).mkdir(parents=True, exist_ok=True)

    def promote(self) -> list[str]:
        """Promote; returns what is said. Raises RefusedError."""

        def fail(msg: str, **_: object) -> NoReturn:
            raise RefusedError(msg)

        given = {"project": "p", "path": str(self.root), "replica": REPLICA, "schema": "s", "seconds": 1}
        promotion = MODULE.Promotion(SimpleNamespace(params=given, check_mode=self.check_mode, fail_json=fail))
        promotion.compose = self.compose
        promotion.run()
        lines: list[str] = promotion.lines
        return lines


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Both volumes without data."""
    made = Host(tmp_path)
    for service in (PRIMARY, REPLICA):
        made.data(service).parent.mkdir()
    monkeypatch.setattr(
        engine, "get", lambda path: {"Mountpoint": str(tmp_path / path.removeprefix("/volumes/") / "_data")}
    )
    monkeypatch.setattr(engine, "containers", made.containers)
    monkeypatch.setattr(mysql, "ask", made.ask)
    return made


def test_what_the_primary_had_stays_beside_it(host: Host) -> None:
    host.fill(PRIMARY, "old")
    host.fill(REPLICA, "new")
    host.data(REPLICA).chmod(0o750)
    lines = host.promote()
    assert (host.data(PRIMARY) / "rows").read_text() == "new"
    (kept,) = host.data(PRIMARY).parent.glob("before-promotion-*")
    assert (kept / "rows").read_text() == "old"
    assert any(str(kept) in line for line in lines)
    assert list(host.data(REPLICA).iterdir()) == []
    assert host.data(REPLICA).stat().st_mode & 0o777 == 0o750


def test_a_primary_that_is_gone_is_made_before_it_is_stopped(host: Host) -> None:
    """Compose refuses to stop a service that has no container."""
    host.up = {REPLICA}
    host.fill(REPLICA, "new")
    lines = host.promote()
    assert (host.data(PRIMARY) / "rows").read_text() == "new"
    assert [command.split()[0] for command in host.commands] == ["up", "stop", "up", "exec", "up"]
    assert host.commands[:2] == [f"up --no-start --no-deps --no-recreate {PRIMARY}", f"stop {PRIMARY} {REPLICA}"]
    assert lines[0].startswith("lost is what the primary committed")


def test_an_interrupted_promotion_goes_on_where_the_data_is_moved(host: Host) -> None:
    host.up = set()
    host.fill(PRIMARY, "new")
    assert host.promote() == [f"{REPLICA} copies the data of mysql now"]
    assert host.asked == []
    assert (host.data(PRIMARY) / "rows").read_text() == "new"
    assert host.data(REPLICA).is_dir()


@pytest.mark.parametrize("there", ["nothing", "a part"])
def test_a_replica_that_copies_the_primary_is_refused_and_writes_go_on(host: Host, there: str) -> None:
    host.fill(PRIMARY, "old")
    if there == "a part":
        host.fill(REPLICA, "half")
        (host.data(REPLICA) / ".cloning").touch()
    with pytest.raises(RefusedError, match="has no data yet"):
        host.promote()
    assert (host.asked, host.commands) == ([], [])


def test_a_replica_that_does_not_run_is_refused(host: Host) -> None:
    host.up = {PRIMARY}
    host.fill(REPLICA, "new")
    with pytest.raises(RefusedError, match=f"docker compose up -d --no-deps {REPLICA}"):
        host.promote()
    assert (host.asked, host.commands) == ([], [])


@pytest.mark.parametrize("up", [{PRIMARY, REPLICA}, set()])
def test_check_mode_changes_nothing(host: Host, up: set[str]) -> None:
    host.check_mode, host.up = True, up
    host.fill(PRIMARY, "old")
    if up:
        host.fill(REPLICA, "new")
    assert host.promote() == []
    assert (host.asked, host.commands) == ([], [])
