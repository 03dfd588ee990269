"""Real MySQL and Redis for the tests: the images this project deploys, in containers of the session."""

import hashlib
import os
import secrets
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from testing.images import image

# With it, MySQL (which takes 20 s to initialise) stays for the next session; each session has a schema of its own.
KEEP = "JIUCOM_TEST_KEEP"
_NAME = "jiucom-test-mysql"
# One for each checkout, and for each of several workers.
_WORKER = f"{__file__}{os.environ.get('PYTEST_XDIST_WORKER', '')}"
_KEPT = f"{_NAME}-kept-{hashlib.sha256(_WORKER.encode()).hexdigest()[:8]}"
KEPT_PASSWORD = "root-of-the-tests"  # noqa: S105
_PORTS = range(20_000, 32_768)


def docker(*arguments: str) -> str:
    """Run docker; its output."""
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def mysql() -> Iterator[tuple[int, str]]:
    """Port on loopback and root's password."""
    if os.environ.get(KEEP):
        if docker("ps", "--all", "--quiet", "--filter", f"name=^{_KEPT}$"):
            docker("start", _KEPT)
        else:
            start_mysql(_KEPT, KEPT_PASSWORD)
        await_mysql(_KEPT, KEPT_PASSWORD)
        yield port(_KEPT, 3306), KEPT_PASSWORD
        return
    name, password = f"{_NAME}-{uuid.uuid4().hex[:8]}", secrets.token_hex(16)
    start_mysql(name, password)
    try:
        await_mysql(name, password)
        yield port(name, 3306), password
    finally:
        docker("rm", "--force", "--volumes", name)


@contextmanager
def redis() -> Iterator[tuple[str, int]]:
    """Name of the container and its port on loopback. A session has its own: channels know no schemas."""
    name = f"jiucom-test-redis-{uuid.uuid4().hex[:8]}"
    # A port that is named stays the same when a test stops and starts the container.
    docker("run", "--detach", "--name", name, "--publish", f"127.0.0.1:{free_port()}:6379", image("redis"))
    try:
        _until(name, "redis-cli ping | grep -q PONG", 30)
        yield name, port(name, 6379)
    finally:
        docker("rm", "--force", "--volumes", name)


def port(name: str, inside: int) -> int:
    """Where a port of a container is published."""
    return int(docker("port", name, f"{inside}/tcp").splitlines()[0].rsplit(":", 1)[1])


def start_mysql(name: str, password: str) -> None:
    """Start a server; it initialises itself first."""
    docker(
        *("run", "--detach", "--name", name, "--publish", f"127.0.0.1:{free_port()}:3306"),
        *("--env", f"MYSQL_ROOT_PASSWORD={password}", "--env", "MYSQL_ROOT_HOST=%", "--env", "TZ=Asia/Seoul"),
        # Survives a killed server, not a host that loses power: that is not what these tests are about.
        *(image("mysql"), "mysqld", "--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0", "--skip-log-bin"),
    )


def await_mysql(name: str, password: str) -> None:
    """Return once the server lets root in."""
    # While it initialises itself, the server does not listen.
    _until(name, f"MYSQL_PWD={password} mysql --protocol=tcp --user=root --execute='SELECT 1'", 120)


def _until(name: str, command: str, seconds: int) -> None:
    loop = f"until {command} >/dev/null 2>&1; do sleep 0.2; done"
    subprocess.run(["timeout", str(seconds), "docker", "exec", name, "sh", "-c", loop], check=True, capture_output=True)


def free_port() -> int:
    """A free port of loopback, to listen on a little later.

    Below those that Linux gives to connections (32768 and up): another test might take such a port meanwhile.
    """
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
