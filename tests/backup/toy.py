"""A small installation: real MySQL and Redis, an API that only holds uploads, and the program that the role installs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import yaml
from jiucom_backup.docker import volume
from jiucom_backup.mysql import Server
from jiucom_backup.settings import Settings

from testing.images import image

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "roles/backup/files"
SLEEP = ["python3", "-c", "import signal; signal.signal(signal.SIGTERM, lambda *_: exit(0)); signal.pause()"]
DATABASE = "jiucom"
UPLOADS = {f"posts/{number:032x}.png": f"picture {number}".encode() * 100 for number in range(40)}
# As the role database has them.
OPTIONS = """[mysqld]
gtid-mode = ON
enforce-gtid-consistency = ON
server-id = 1
transaction-isolation = READ-COMMITTED
innodb-redo-log-capacity = 16M
"""


class Toy:
    """The installation; `home` holds its directory and that of its archives."""

    def __init__(self, home: Path) -> None:
        self.name = f"jiucom-test-{uuid.uuid4().hex[:8]}"
        self.directory, self.store = home / "installation", home / "store"
        self.password = "toy's root"
        self.config: dict[str, Any] = {
            "project": self.name,
            "directory": str(self.directory),
            "database": DATABASE,
            "store": str(self.store),
            "keep": {"daily": 3, "weekly": 2, "monthly": 1},
            "lines": {"8.0": {"next": ["8.4"]}, "8.4": {"next": ["9.7"]}, "9.7": {"next": []}},
        }
        (self.directory / "mysql/secrets").mkdir(parents=True)
        # Like site.yml does it for the container's user.
        (self.directory / "mysql/secrets/root_password").write_text(self.password)
        (self.directory / "mysql/conf.d").mkdir()
        (self.directory / "mysql/conf.d/toy.cnf").write_text(OPTIONS)
        (self.directory / "app/secrets").mkdir(parents=True)
        (self.directory / "app/secrets/jwt_secret").write_text("the key of the toy")
        (self.directory / "backup").mkdir()
        (self.directory / "compose.yaml").write_text(yaml.safe_dump(self._services()))
        self.configure()

    def _services(self) -> dict[str, Any]:
        mysql = {
            "image": image("mysql"),
            "environment": {"MYSQL_DATABASE": DATABASE, "MYSQL_ROOT_PASSWORD_FILE": "/run/secrets/root_password"},
            "volumes": [
                "mysql-data:/var/lib/mysql",
                "./mysql/conf.d:/etc/mysql/conf.d:ro",
                "./mysql/secrets:/run/secrets:ro",
            ],
            "network_mode": "none",
            "healthcheck": {
                "test": "MYSQL_PWD=$$(cat /run/secrets/root_password) mysql -uroot -h127.0.0.1 --protocol=tcp -e 'SELECT 1'",
                "interval": "1s",
                "retries": 120,
            },
        }
        redis = {
            "image": image("redis"),
            "command": ["redis-server", "--dir", "/data", "--appendonly", "yes", "--bind", "127.0.0.1"],
            "volumes": ["redis-data:/data"],
            "network_mode": "none",
            "healthcheck": {"test": "redis-cli ping", "interval": "1s", "retries": 60},
        }
        app = {
            "image": image("python"),
            "command": SLEEP,
            "user": "0:0",
            "volumes": ["uploads:/var/lib/jiucom/uploads"],
            "network_mode": "none",
            "depends_on": {"mysql": {"condition": "service_healthy"}},
        }
        volumes: dict[str, Any] = {"mysql-data": {}, "redis-data": {}, "uploads": {}}
        return {"name": self.name, "services": {"mysql": mysql, "redis": redis, "app": app}, "volumes": volumes}

    def configure(self, **values: Any) -> None:
        """Write the program's configuration."""
        self.config |= values
        (self.directory / "backup/config.json").write_text(json.dumps(self.config))

    @property
    def settings(self) -> Settings:
        """The configuration as the program reads it."""
        return Settings.read(self.directory / "backup/config.json")

    def compose(self, *command: str) -> str:
        """Run docker compose in the installation's directory."""
        run = subprocess.run(
            ["docker", "compose", *command], cwd=self.directory, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    def up(self) -> None:
        """Start it, and wait until it is healthy."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", "120")

    def down(self) -> None:
        """Remove it, with its data."""
        self.compose("down", "--timeout", "5", "--volumes", "--remove-orphans")
        for kept in subprocess.check_output(["docker", "volume", "ls", "-q"], text=True).split():
            if kept.startswith(self.name):
                subprocess.run(["docker", "volume", "rm", kept], check=True, capture_output=True)

    def mysql(self) -> Server:
        """The running server, as root."""
        return Server(self.compose("ps", "--quiet", "mysql").strip(), self.password)

    def redis(self, *command: str) -> str:
        """Ask Redis."""
        return self.compose("exec", "--no-TTY", "redis", "redis-cli", *command).strip()

    def volume(self, name: str) -> Path:
        """The files of a volume."""
        path = volume(self.name, name)
        assert path, name
        return path

    def fill(self, rows: int = 500) -> None:
        """Write data of every kind."""
        self.mysql().ask(
            f"""USE {DATABASE};
            CREATE TABLE parts (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(80), specs JSON, price DOUBLE, FULLTEXT (name));
            CREATE TABLE users (id INT PRIMARY KEY AUTO_INCREMENT, nickname VARCHAR(40), picture VARBINARY(64));
            CREATE TRIGGER parts_named BEFORE INSERT ON parts FOR EACH ROW SET NEW.name = TRIM(NEW.name);
            CREATE VIEW dear AS SELECT id FROM parts WHERE price > 0.5;
            CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY);
            INSERT INTO alembic_version VALUES ('0030');
            INSERT INTO users (nickname, picture) VALUES ('한글 😀', 0x00ff27), ("it's", 0x5c6e);
            SET SESSION cte_max_recursion_depth = 1000000;
            INSERT INTO parts (name, specs, price)
              WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
              SELECT CONCAT(' part ', i), JSON_OBJECT('n', i), RAND() FROM n;
            """
        )
        self.redis("set", "kept", "yes")
        # Of a cluster, in the same volume.
        (self.volume("redis-data") / "cluster-nodes.conf").write_text("another host's")
        for name, content in UPLOADS.items():
            path = self.volume("uploads") / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            os.chown(path, 10001, 10001)

    def insert(self, name: str) -> str:
        """Write a row in a transaction of its own; returns which transactions have run since."""
        self.mysql().ask(f"INSERT INTO {DATABASE}.parts (name, price) VALUES ('{name}', 1)")
        return self.mysql().value("SELECT @@gtid_executed")

    def names(self) -> set[str]:
        """The names of the rows that `insert` wrote."""
        return {row[0] for row in self.mysql().ask(f"SELECT name FROM {DATABASE}.parts WHERE name NOT LIKE 'part %'")}

    def begin(self, *verb: str, path: str = "") -> subprocess.Popen[str]:
        """Start the installed program, as its timer does; `path` is searched for programs first."""
        programs = f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"]
        config = str(self.directory / "backup/config.json")
        return subprocess.Popen(
            [sys.executable, "-m", "jiucom_backup", "--config", config, *verb],
            env={**os.environ, "PYTHONPATH": str(PROGRAM), "PATH": programs},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *verb: str, path: str = "") -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        program = self.begin(*verb, path=path)
        output, errors = program.communicate()
        return subprocess.CompletedProcess(program.args, program.returncode, output, errors)

    def backup(self) -> Path:
        """Make an archive, which must succeed; returns its path."""
        run = self.run("backup")
        assert run.returncode == 0, run.stdout + run.stderr
        return Path(run.stdout.partition(": ")[2].split()[0])

    def metric(self, name: str) -> float:
        """One of the metrics."""
        lines = (self.directory / "backup/metrics/metrics").read_text().splitlines()
        return {line.split()[0]: float(line.split()[1]) for line in lines if line[0] != "#"}[f"jiucom_{name}"]
