"""Backups find the services of Compose and those of Swarm; what is not on this host is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jiucom_backup import services
from jiucom_backup.settings import BackupError, Settings


def settings(home: Path) -> Settings:
    """Return the settings of an installation at this place."""
    return Settings("p", home, "jiucom", home, {}, {})


def test_nothing_is_installed(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"has no compose\.yaml: install first"):
        services.services(settings(tmp_path))


def test_compose_or_swarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "compose.yaml").touch()
    assert isinstance(services.services(settings(tmp_path)), services.Compose)
    deploy = {"mysql": {"mode": "replicated", "replicas": 1}, "app": {"mode": "replicated", "replicas": 3}}
    deploy["nginx"] = {"mode": "global"}
    stack = {
        "services": {name: {"image": f"{name}:1", "deploy": one} for name, one in deploy.items()},
        "volumes": {"mysql-data": {}, "uploads": {}, "redis-data": {}},
    }
    (tmp_path / "stack.json").write_text(json.dumps(stack))
    found = services.services(settings(tmp_path))
    assert isinstance(found, services.Stack)
    # The gateways go on.
    assert found.numbers == {"mysql": 1, "app": 3}
    assert found.image("mysql") == "mysql:1"
    here = {"mysql-data", "redis-data"}
    monkeypatch.setattr(services, "volume", lambda _, name: tmp_path if name in here else None)
    found.require_volumes(("mysql-data", "redis-data", "grafana-data"))
    with pytest.raises(BackupError, match="uploads is not on this host"):
        found.require_volumes(("mysql-data", "uploads"))
