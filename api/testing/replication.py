"""A MySQL with a read replica: the deployment's own start script fills it and lets it follow."""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testing import servers
from testing.images import image

_START = Path(__file__).parents[2] / "roles/database/files/replica.sh"
_ACCOUNT = """
SET SESSION sql_log_bin = 0;
INSTALL PLUGIN clone SONAME 'mysql_clone.so';
CREATE USER replica IDENTIFIED BY '{0}' REQUIRE SSL;
GRANT REPLICATION SLAVE, BACKUP_ADMIN ON *.* TO replica;
"""
_SOURCE = """STOP REPLICA;
CHANGE REPLICATION SOURCE TO SOURCE_HOST = '{0}', SOURCE_USER = 'replica', SOURCE_PASSWORD = '{1}', SOURCE_AUTO_POSITION = 1,\
 SOURCE_SSL = 1, SOURCE_CONNECT_RETRY = 1, SOURCE_HEARTBEAT_PERIOD = 1;
START REPLICA;
"""
_OPTIONS = """[mysqld]
gtid-mode = ON
enforce-gtid-consistency = ON
innodb-flush-log-at-trx-commit = 2
sync-binlog = 0
"""
_OF_REPLICAS = """read-only = ON
super-read-only = ON
skip-replica-start = ON
"""


@dataclass(frozen=True)
class Replicated:
    """Containers of a primary and its replica, with root's password and their ports on loopback."""

    primary: str
    replica: str
    password: str

    @property
    def port(self) -> int:
        """The primary's."""
        return servers.port(self.primary, 3306)

    @property
    def replica_port(self) -> int:
        """The replica's."""
        return servers.port(self.replica, 3306)

    def on_replica(self, sql: str) -> None:
        """Run a statement there, as root."""
        servers.docker(*_root(self.replica, self.password), sql)


@contextmanager
def replicated() -> Iterator[Replicated]:
    """An empty primary, and a replica that copies it when `follow` is called."""
    unique = secrets.token_hex(4)
    found = Replicated(f"jiucom-test-primary-{unique}", f"jiucom-test-replica-{unique}", secrets.token_hex(16))
    try:
        environment = (f"MYSQL_ROOT_PASSWORD={found.password}", "MYSQL_ROOT_HOST=%")
        _create(found.primary, environment, {"/etc/mysql/conf.d/t.cnf": _OPTIONS + "server-id = 1\n"})
        servers.docker("start", found.primary)
        servers.await_mysql(found.primary, found.password)
        yield found
    finally:
        servers.docker("rm", "--force", "--volumes", found.primary)
        servers.docker("rm", "--force", "--volumes", found.replica)


def follow(found: Replicated) -> None:
    """Start the replica; returns when it has copied the primary and listens."""
    password = secrets.token_hex(16)
    servers.docker(*_root(found.primary, found.password), _ACCOUNT.format(password))
    address = servers.docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", found.primary)
    _create(
        found.replica,
        (f"SOURCE_HOST={address}", "SOURCE_PORT=3306", "SOURCE_USER=replica", "SERVER_ID=11"),
        {
            "/etc/mysql/conf.d/t.cnf": _OPTIONS + _OF_REPLICAS,
            "/run/secrets/replica_password": password,
            "/run/secrets/source.sql": _SOURCE.format(address, password),
            "/usr/local/share/jiucom/replica.sh": _START.read_text(),
        },
        "bash",
        "/usr/local/share/jiucom/replica.sh",
    )
    servers.docker("start", found.replica)
    servers.await_mysql(found.replica, found.password)


def _root(container: str, password: str) -> tuple[str, ...]:
    client = ("mysql", "--protocol=tcp", "--user=root", "--execute")
    return ("exec", "--env", f"MYSQL_PWD={password}", container, *client)


def _create(name: str, environment: tuple[str, ...], files: dict[str, str], *command: str) -> None:
    """Create a container with files inside, readable for its user."""
    entry = ("--entrypoint", command[0]) if command else ()
    given = [part for each in environment for part in ("--env", each)]
    publish = f"127.0.0.1:{servers.free_port()}:3306"
    servers.docker("create", "--name", name, "--publish", publish, *given, *entry, image("mysql"), *command[1:])
    with tempfile.TemporaryDirectory() as directory:
        for path, text in files.items():
            place = Path(directory, path.lstrip("/"))
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        servers.docker("cp", f"{directory}/.", f"{name}:/")
