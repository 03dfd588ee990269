"""MySQL in a container, asked by the server's own clients: another release's client fails on what it does not know."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import time
from dataclasses import dataclass
from typing import ClassVar

from jiucom_backup.settings import BackupError

# Root makes it for each run anew, with a password that is stored nowhere, and locks it afterwards.
ACCOUNT = "jiucom_backup"
Rows = list[list[str]]
# The password comes in by standard input and reaches the client by a pipe: it is in no environment and on no command line.
_SCRIPT = """IFS= read -r password
program=$1
shift
exec "$program" --defaults-extra-file=/dev/fd/3 "$@" 3<<OPTIONS
[client]
password="$password"
OPTIONS
"""


@dataclass(frozen=True)
class Server:
    """A server, and the account that asks it."""

    container: str
    password: str
    user: str = "root"

    # The statements that stop changes of the data while a dump begins, and allow them again.
    hold: ClassVar[str] = "FLUSH TABLES WITH READ LOCK"
    release: ClassVar[str] = "UNLOCK TABLES"

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return a command line, whose first line of input is the password."""
        return [
            "docker",
            "exec",
            "-i",
            self.container,
            "sh",
            "-c",
            _SCRIPT,
            "sh",
            program,
            f"--user={self.user}",
            *arguments,
        ]

    @property
    def _line(self) -> bytes:
        escaped = self.password.replace("\\", "\\\\").replace('"', '\\"')
        return f"{escaped}\n".encode()

    def start(self, program: str, *arguments: str, **pipes: int) -> subprocess.Popen[bytes]:
        """Start a client in the container; its input is open."""
        command = self.command(program, "--protocol=socket", *arguments)
        client: subprocess.Popen[bytes] = subprocess.Popen(command, stdin=subprocess.PIPE, **pipes)  # type: ignore[call-overload]
        assert client.stdin
        # A client that has ended says why.
        with contextlib.suppress(BrokenPipeError):
            # Past the buffer, which would be written once more when it is closed.
            os.write(client.stdin.fileno(), self._line)
        return client

    def ask(self, sql: str) -> Rows:
        """Run statements and return the rows. Raises BackupError."""
        client = self.start("mysql", "--batch", "--skip-column-names", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
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
            run = subprocess.run(command, input=self._line, capture_output=True, check=False)
            # Refused, because no account may come this way: that is an answer, too.
            if run.returncode == 0 or b"Access denied" in run.stderr or b"is not allowed to connect" in run.stderr:
                return
            if time.monotonic() > end:
                raise BackupError(f"MySQL does not answer in {self.container}: docker logs {self.container}")
            time.sleep(0.5)

    def for_dumps(self, database: str) -> Server:
        """Make the account that reads for a backup, and nothing else; it lives until `after_dumps`."""
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

    def after_dumps(self) -> None:
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
        self._client = server.start(
            "mysql", "--batch", "--skip-column-names", "--unbuffered", stdout=subprocess.PIPE, stderr=subprocess.PIPE
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
