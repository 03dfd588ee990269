"""Statements as root in a container of MySQL."""

from __future__ import annotations

import subprocess

# The options come through a pipe: a password is in no command line, environment or file of the container.
CLIENT = """exec 3<<OPTIONS
[client]
user = root
password = "$(cat /run/secrets/root_password)"
OPTIONS
exec mysql --defaults-extra-file=/dev/fd/3 --protocol=socket --batch --skip-column-names"""


class MySQLError(Exception):
    """MySQL refused a statement, or does not answer."""


def ask(container: str, sql: str, seconds: float = 60) -> list[list[str]]:
    """Run statements; returns the rows of all of them as texts. Raises MySQLError with what was said."""
    command = ["docker", "exec", "-i", container, "sh", "-c", CLIENT]
    try:
        run = subprocess.run(command, input=sql, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise MySQLError(f"no answer in {seconds:.0f} s") from None
    if run.returncode:
        raise MySQLError(" ".join(run.stderr.split()) or f"ended with {run.returncode}")
    return [line.split("\t") for line in run.stdout.splitlines()]


# Whether a replica's receiver and applier run (ON or OFF), whether it refuses writes (1), and why one of them stopped.
_REPLICATION = """
SELECT connection.service_state, applier.service_state, @@super_read_only, CONCAT_WS(' ',
  NULLIF(connection.last_error_message, ''),
  (SELECT MIN(last_error_message) FROM performance_schema.replication_applier_status_by_coordinator WHERE last_error_number),
  (SELECT MIN(last_error_message) FROM performance_schema.replication_applier_status_by_worker WHERE last_error_number))
FROM performance_schema.replication_connection_status AS connection
JOIN performance_schema.replication_applier_status AS applier USING (channel_name);
"""


def replication(container: str) -> tuple[bool, bool, str]:
    """Return whether a replica follows its primary, whether it refuses writes, and the error that keeps it from following."""
    rows = ask(container, _REPLICATION)
    if not rows:
        return False, False, "it follows no server"
    receiver, applier, read_only, error = rows[0]
    stopped = [name for name, state in (("receiver", receiver), ("applier", applier)) if state != "ON"]
    return not stopped, read_only == "1", error or ", ".join(f"the {name} does not run" for name in stopped)


def ahead(primary: str, replica: str) -> str:
    """Return the transactions (a set of GTIDs) that a replica has and its primary has not; empty where their history is one."""
    executed = ask(replica, "SELECT @@GLOBAL.gtid_executed")[0][0].replace("\\n", "")
    return ask(primary, f"SELECT GTID_SUBTRACT('{executed}', @@GLOBAL.gtid_executed)")[0][0].replace("\\n", "")
