"""MySQL in a container, asked by the server's own clients: another release's client fails on what it does not know."""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from dataclasses import dataclass
from typing import IO

from jiucom_backup.settings import BackupError

# Root makes it for each run anew, with a password that is stored nowhere, and locks it afterwards.
ACCOUNT = "jiucom_backup"
Rows = list[list[str]]


@dataclass(frozen=True)
class Server:
    """A server, and the account that asks it."""

    container: str
    password: str
    user: str = "root"

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return a command line; the password travels in the environment."""
        return ["docker", "exec", "-i", "-e", "MYSQL_PWD", self.container, program, f"--user={self.user}", *arguments]

    def start(self, program: str, *arguments: str, **pipes: int | IO[bytes] | None) -> subprocess.Popen[bytes]:
        """Start a client in the container."""
        environment = {**os.environ, "MYSQL_PWD": self.password}
        client: subprocess.Popen[bytes] = subprocess.Popen(
            self.command(program, "--protocol=socket", *arguments),
            env=environment,
            **pipes,  # type: ignore[call-overload]
        )
        return client

    def ask(self, sql: str) -> Rows:
        """Run statements and return the rows. Raises BackupError."""
        pipe = subprocess.PIPE
        client = self.start("mysql", "--batch", "--skip-column-names", stdin=pipe, stdout=pipe, stderr=pipe)
        output, errors = client.communicate(sql.encode())
        if client.returncode:
            raise BackupError(f"MySQL: {said(errors)}")
        return [line.split("\t") for line in output.decode().splitlines()]

    def value(self, sql: str) -> str:
        """Return the one value that a statement has."""
        return self.ask(sql)[0][0]

    def wait(self, seconds: float) -> None:
        """Wait until the server answers over TCP, as the server of the initialisation does not. Raises BackupError."""
        end = time.monotonic() + seconds
        while True:
            command = self.command("mysql", "--protocol=tcp", "--host=127.0.0.1", "--execute=SELECT 1")
            run = subprocess.run(
                command,
                env={**os.environ, "MYSQL_PWD": self.password},
                capture_output=True,
                stdin=subprocess.DEVNULL,
                check=False,
            )
            # Refused, because no account may come this way: that is an answer, too.
            if run.returncode == 0 or b"Access denied" in run.stderr or b"is not allowed to connect" in run.stderr:
                return
            if time.monotonic() > end:
                raise BackupError(f"MySQL does not answer in {self.container}: docker logs {self.container}")
            time.sleep(0.5)

    def for_dumps(self, database: str) -> Server:
        """Make the account that reads for a backup, and nothing else; it lives until `lock`."""
        password = secrets.token_hex(24)
        account = f"'{ACCOUNT}'@'localhost'"
        self.ask(
            f"""SET SESSION sql_log_bin = 0;
            CREATE USER IF NOT EXISTS {account} IDENTIFIED BY '{password}';
            ALTER USER {account} IDENTIFIED BY '{password}' ACCOUNT UNLOCK;
            GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON `{database}`.* TO {account};
            GRANT FLUSH_TABLES, REPLICATION CLIENT, SHOW_ROUTINE ON *.* TO {account};
            """
        )
        return Server(self.container, password, ACCOUNT)

    def lock(self) -> None:
        """Lock the account that `for_dumps` has made."""
        self.ask(f"SET SESSION sql_log_bin = 0; ALTER USER '{ACCOUNT}'@'localhost' ACCOUNT LOCK;")

    def tables(self, database: str) -> list[str]:
        """Return the names of the schema's tables, without views."""
        return [
            row[0]
            for row in self.ask(
                f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{database}'"
                " AND table_type = 'BASE TABLE' ORDER BY table_name"
            )
        ]


class Session:
    """A connection that stays open: a lock, or a transaction that sees one moment."""

    def __init__(self, server: Server) -> None:
        pipe = subprocess.PIPE
        self._client = server.start(
            "mysql", "--batch", "--skip-column-names", "--unbuffered", stdin=pipe, stdout=pipe, stderr=pipe
        )

    def ask(self, sql: str) -> Rows:
        """Run one statement and return its rows. Raises BackupError."""
        assert self._client.stdin and self._client.stdout and self._client.stderr
        rows: Rows = []
        try:
            self._client.stdin.write(f"{sql};\nSELECT 'end of the answer';\n".encode())
            self._client.stdin.flush()
        except BrokenPipeError as fault:
            raise BackupError(f"MySQL: {said(self._client.stderr.read())}") from fault
        for line in self._client.stdout:
            text = line.decode().rstrip("\n")
            if text == "end of the answer":
                return rows
            rows.append(text.split("\t"))
        raise BackupError(f"MySQL: {said(self._client.stderr.read())}")

    def close(self) -> None:
        """End the connection: locks and transactions end with it."""
        self._client.communicate()


def said(errors: bytes) -> str:
    """Return what a client complained of, without its warnings."""
    lines = errors.decode(errors="replace").splitlines()
    return " ".join(line for line in lines if "[Warning]" not in line and not line.startswith("Warning:"))


def checksums(ask: Session | Server, database: str, tables: list[str]) -> dict[str, dict[str, int]]:
    """Return rows and checksum of each table, as this connection sees them."""
    found = {}
    for table in tables:
        rows = int(ask.ask(f"SELECT COUNT(*) FROM `{database}`.`{table}`")[0][0])
        checksum = ask.ask(f"CHECKSUM TABLE `{database}`.`{table}`")[0][1]
        if checksum == "NULL":
            raise BackupError(f"MySQL cannot read table {table}: docker compose logs mysql")
        found[table] = {"rows": rows, "checksum": int(checksum)}
    return found
