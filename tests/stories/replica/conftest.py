"""The stores of these stories."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from replicated import REPLICA, SECOND, Databases


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """MySQL without a replica, with a table."""
    made = Databases(tmp_path_factory.mktemp("replica"), "replica")
    made.variables["platform_services_overrides"] |= {name: {"memory": "1g"} for name in (REPLICA, SECOND)}
    made.variables["database_replica_buffer_pool_size"] = "128M"
    try:
        made.site(0)
        made.sql(
            "mysql",
            "CREATE TABLE heartbeat (id TINYINT PRIMARY KEY, beat_at DATETIME(6)); CREATE TABLE kept (n INT PRIMARY KEY)",
        )
        made.sql("mysql", "INSERT INTO heartbeat VALUES (1, UTC_TIMESTAMP(6)); INSERT INTO kept VALUES (1)")
        yield made
    finally:
        made.remove()
        # Those of replicas that are off, and what a restore has kept, are none of Compose's.
        listed = subprocess.run(
            ["docker", "volume", "ls", "--quiet"], capture_output=True, text=True, check=True
        ).stdout
        volumes = [name for name in listed.split() if name.startswith(f"{made.project}_")]
        if volumes:
            subprocess.run(["docker", "volume", "rm", "--force", *volumes], check=True, capture_output=True)
