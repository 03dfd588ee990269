"""The platform that runs on this machine, counted without its metrics: logs, SHOW STATUS, INFO, /proc, cgroups. As root."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# With the statements on standard input. Root alone sees the connections of other accounts.
_AS_ROOT = 'MYSQL_PWD="$(cat /run/secrets/root_password)" exec mysql --user=root --skip-column-names --unbuffered'


def run(*command: str, stdin: str = "") -> str:
    """Run a command and return its output."""
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True, timeout=60).stdout


def containers(service: str) -> list[str]:
    """Return the ids of a service's containers."""
    labels = ["label=com.docker.compose.project=jiucom", f"label=com.docker.compose.service={service}"]
    return run("docker", "ps", "-q", "--no-trunc", "--filter", labels[0], "--filter", labels[1]).split()


def environment(container: str) -> dict[str, str]:
    """What a container was started with: settings, no secrets."""
    pairs = json.loads(run("docker", "inspect", "--format", "{{json .Config.Env}}", container))
    return dict(pair.split("=", 1) for pair in pairs)


def mysql_status() -> dict[str, float]:
    """SHOW GLOBAL STATUS, as the exporter's account."""
    options = Path("/opt/jiucom/mysql-exporter/secrets/my.cnf").read_text()
    command = ["mysql", "--defaults-extra-file=/dev/stdin", "-h", "127.0.0.1", "-N", "-e", "SHOW GLOBAL STATUS"]
    rows = run("docker", "exec", "-i", *containers("mysql"), *command, stdin=options).splitlines()
    return {name: float(value) for name, value in (row.split("\t") for row in rows) if value.replace(".", "").isdigit()}


def connections(account: str) -> Counter[str]:
    """An account's connections as MySQL lists them: `idle`, and `used` by a statement."""
    statement = f"SELECT COMMAND FROM performance_schema.processlist WHERE USER = '{account}';"  # noqa: S608 - our own
    rows = run("docker", "exec", "-i", *containers("mysql"), "sh", "-c", _AS_ROOT, stdin=statement).splitlines()
    return Counter("idle" if command == "Sleep" else "used" for command in rows)


@contextmanager
def locked(database: str, table: str) -> Iterator[None]:
    """Keep a table from everybody else. The lock is its connection's: it goes with this process, however that ends."""
    command = ["docker", "exec", "-i", *containers("mysql"), "sh", "-c", _AS_ROOT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
        assert session.stdin  # noqa: S101 - for the type checker: it is a pipe
        assert session.stdout  # noqa: S101
        session.stdin.write(f"LOCK TABLES `{database}`.`{table}` WRITE; SELECT 'locked';\n")
        session.stdin.flush()
        if session.stdout.readline().strip() != "locked":
            raise RuntimeError(f"MySQL's root could not lock {database}.{table}")
        yield


def redis_info() -> dict[str, str]:
    """INFO, as the exporter's account."""
    (secret,) = json.loads(Path("/opt/jiucom/redis-exporter/secrets/passwords.json").read_text()).values()
    login = f"AUTH exporter {secret}\nINFO\n"
    rows = run("docker", "exec", "-i", *containers("redis"), "redis-cli", stdin=login).splitlines()
    return dict(row.split(":", 1) for row in rows if ":" in row)


def memory(replica: str) -> float:
    """What the kernel counts for a container against its limit (cgroup v2 or v1), without file cache that it can drop."""
    for name, reclaimable in (("memory.current", "inactive_file"), ("memory.usage_in_bytes", "total_inactive_file")):
        for file in Path("/sys/fs/cgroup").glob(f"**/*{replica}*/{name}"):
            stat = dict(row.split() for row in (file.parent / "memory.stat").read_text().splitlines())
            return float(file.read_text()) - float(stat[reclaimable])
    raise LookupError(f"no cgroup of {replica}")


def memory_limit(replica: str) -> float:
    """A container's limit in bytes, as Docker was told it."""
    return float(run("docker", "inspect", "--format", "{{.HostConfig.Memory}}", replica))


def process(replica: str, field: str) -> float:
    """A number of a replica's own process, from /proc."""
    status = run("docker", "exec", replica, "cat", "/proc/1/status")
    return float(status.split(f"{field}:")[1].split()[0])


def log_of(service: str, since: float) -> list[dict[str, Any]]:
    """The JSON lines that a service's containers wrote since a moment (s since the epoch)."""
    found = []
    for replica in containers(service):
        lines = run("docker", "logs", "--since", str(int(since)), replica).splitlines()
        found += [json.loads(line) for line in lines if line.startswith("{")]
    return found


def answers(since: float) -> list[dict[str, Any]]:
    """The API's answers in nginx's log."""
    entries = log_of("nginx", since)
    return [each for each in entries if each["uri"].startswith("/api/v1/") and each["upstream_seconds"]]


def latencies(since: float) -> list[float]:
    """How long the API took (s), by its own log lines."""
    return [each["ms"] / 1000 for each in log_of("app", since) if each["message"] == "request"]
