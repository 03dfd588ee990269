"""One container under test: what it runs, what it says, and how it ends."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

import docker
from docker.models.containers import Container

T = TypeVar("T")

# Every character that a shell, an option file or an SQL literal could take for its own.
SECRET = """it's a "secret" \\ with %signs$"""
# The exporter's own reader of option files takes neither quotes nor comment signs.
SECRET_PLAIN = "a-secret-of-the-exporter"
SEOUL = {"TZ": "Asia/Seoul"}


def wget(port: int, path: str, wanted: str) -> str:
    return f"wget -q -O - -T 3 http://127.0.0.1:{port}{path} | grep -q '{wanted}'"


def eventually(look: Callable[[], T], seconds: float = 60, pause: float = 0.25) -> T:
    """Look until the answer is true, and return it; after `seconds` fail with the last answer or error."""
    end = time.monotonic() + seconds
    while True:
        seen: object
        try:
            answer = look()
            if answer:
                return answer
            seen = answer
        except (OSError, ValueError, http.client.HTTPException, docker.errors.DockerException) as fault:
            seen = fault
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s; last seen: {seen!r}")
        time.sleep(pause)


class Service:
    """A running container."""

    def __init__(self, container: Container) -> None:
        self.container = container

    def sh(self, command: str) -> tuple[int, str]:
        """Run a command with the image's own `sh`, as health checks do; returns exit code and output."""
        code, output = self.container.exec_run(["sh", "-c", command])
        assert isinstance(code, int)
        assert isinstance(output, bytes)
        return code, output.decode(errors="replace")

    def out(self, command: str) -> str:
        """Run a command that must succeed, and return its output."""
        code, output = self.sh(command)
        assert code == 0, f"{command}: {output}\n{self.logs()[-2000:]}"
        return output

    def healthy(self, command: str, seconds: float = 60) -> None:
        """Wait until a health check's command succeeds; a container that has ended fails at once."""

        def look() -> bool:
            self.container.reload()
            assert self.container.status == "running", self.logs()[-3000:]
            return self.sh(command)[0] == 0

        try:
            eventually(look, seconds)
        except AssertionError as fault:
            raise AssertionError(f"{command}: {fault}\n{self.logs()[-3000:]}") from fault

    def logs(self) -> str:
        return str(self.container.logs().decode(errors="replace"))

    def address(self) -> str:
        self.container.reload()
        networks = self.container.attrs["NetworkSettings"]["Networks"]
        return str(next(iter(networks.values()))["IPAddress"])

    def http(
        self, port: int, path: str, method: str = "GET", body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str, dict[str, str]]:
        """Send one request over the container's network; returns status, body and headers (names in lower case)."""
        connection = http.client.HTTPConnection(self.address(), port, timeout=10)
        try:
            payload = None if body is None else json.dumps(body)
            sent = {**({"Content-Type": "application/json"} if body is not None else {}), **(headers or {})}
            connection.request(method, path, payload, sent)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace"), {k.lower(): v for k, v in answer.getheaders()}
        finally:
            connection.close()

    def owner(self) -> tuple[int, int]:
        """User and group of process 1, as the kernel has them."""
        status = dict(line.split(":", 1) for line in self.out("cat /proc/1/status").splitlines() if ":" in line)
        return int(status["Uid"].split()[0]), int(status["Gid"].split()[0])

    def program(self) -> list[str]:
        """Command line of process 1."""
        return self.out("tr '\\0' '\\n' < /proc/1/cmdline").splitlines()

    def listens(self) -> set[int]:
        """TCP ports on which something inside the container listens."""
        table = self.out("cat /proc/net/tcp /proc/net/tcp6 2>/dev/null || cat /proc/net/tcp")
        return {int(line.split()[1].split(":")[1], 16) for line in table.splitlines() if " 0A " in line}

    def stop(self, seconds: int = 30) -> int:
        """Send the image's stop signal and return the exit code; a container that had to be killed has 137."""
        self.container.stop(timeout=seconds)
        return int(self.container.wait()["StatusCode"])

    def restart(self) -> None:
        self.container.start()

    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = self.container.attrs["Config"]
        return config


Start = Callable[..., Service]
Directory = Callable[..., str]
