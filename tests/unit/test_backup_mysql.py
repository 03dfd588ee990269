"""A client of MySQL that ends before it has read anything is an error of the backup with its own words."""

from __future__ import annotations

from pathlib import Path

import pytest
from jiucom_backup.mysql import Server
from jiucom_backup.settings import BackupError


def test_a_client_that_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docker").symlink_to("/bin/false")
    monkeypatch.setenv("PATH", str(tmp_path))
    # It may end before the password is written, while it is, or after.
    for _ in range(100):
        with pytest.raises(BackupError):
            Server("none", "password").ask("SELECT 1")
