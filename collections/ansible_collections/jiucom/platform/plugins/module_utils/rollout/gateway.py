"""The gateway's list of replicas: nginx is told of other ones, and watched until it has let go of those before."""

from __future__ import annotations

import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.files import owner, replace

# In the directory of the installation while the gateway asks replicas by their addresses: the file that asks by the name. The
# boot unit puts it back after a power cut, for containers get other addresses then.
KEPT = ".app.conf"
CONFIGURATION = "/etc/nginx/jiucom/nginx.conf"
# The marks that the status port shows: nginx goes by the service's name, or by addresses, of the old or of the new replicas; the
# last two are followed by a random number.
STEADY, OLD, NEW = "steady", "old", "new"
_NAMED = re.compile(r"^( *)server app:(\d+) resolve(.*);$", re.MULTILINE)
_PINNED = re.compile(r"(?:^( *)server [\d.]+:(\d+)(.*); # replica\n)+", re.MULTILINE)
_GENERATION = re.compile(r'(\$app_generation \{ default )"[^"]*"')


class GatewayError(RuntimeError):
    """The gateway did not take the list."""


def pinned(text: str, addresses: Iterable[str], generation: str) -> str:
    """Return the configuration with these replicas alone in place of the name, and the mark by which it is known."""

    def servers(found: re.Match[str]) -> str:
        return "\n".join(f"{found[1]}server {one}:{found[2]}{found[3]}; # replica" for one in addresses)

    return _GENERATION.sub(rf'\1"{generation}"', _NAMED.sub(servers, steady(text)))


def steady(text: str) -> str:
    """Return the configuration with the name of the service, which nginx resolves again and again."""
    named = _PINNED.sub(lambda found: f"{found[1]}server app:{found[2]} resolve{found[3]};\n", text)
    return _GENERATION.sub(rf'\1"{STEADY}"', named)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command that a signal to us does not reach: what was begun is ended."""
    return subprocess.run(command, capture_output=True, text=True, check=False, start_new_session=True)


class Worker:
    """A process of nginx that serves."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def title(self) -> str:
        """Return the title of the process; empty when it has ended."""
        try:
            return Path(f"/proc/{self.pid}/cmdline").read_bytes().decode(errors="replace").strip("\0 ")
        except OSError:
            return ""

    def connections(self) -> tuple[int, int]:
        """Count its connections to clients and to services."""
        table = {}
        listening = set()
        for name in ("tcp", "tcp6"):
            for line in Path(f"/proc/{self.pid}/net/{name}").read_text().splitlines()[1:]:
                fields = line.split()
                port = fields[1].rpartition(":")[2]
                table[fields[9]] = (port, fields[3])
                if fields[3] == "0A":
                    listening.add(port)
        clients = services = 0
        for descriptor in os.scandir(f"/proc/{self.pid}/fd"):
            try:
                port, state = table.get(os.readlink(descriptor.path)[8:-1], ("", ""))
            except OSError:
                continue
            if state in ("", "0A"):
                continue
            if port in listening:
                clients += 1
            else:
                services += 1
        return clients, services

    def lets_go(self) -> bool:
        """Say whether it has ended, or has nothing left but streams: each client then has a connection to a service."""
        try:
            clients, services = self.connections()
        except OSError:
            return True
        return clients <= services


def running_gateway(project: str, file: Path, url: str) -> Gateway | None:
    """Return the gateway of a project, to change one of its files; None where it does not run."""
    found = engine.containers(project).get("nginx", [])
    running = [one for one in found if one["State"]["Status"] == "running"]
    return Gateway(running[0], file, url) if running else None


class Gateway:
    """The nginx of a Compose project, and the one of its files that is changed."""

    def __init__(self, container: dict[str, Any], file: Path, url: str) -> None:
        self.container, self.file, self.url = container, file, url
        self.before, self.status, self.owner = self.file.read_bytes(), self.file.stat(), owner(self.file)

    def workers(self) -> list[Worker]:
        """List its workers, those that shut down, too."""
        space = os.readlink(f"/proc/{self.container['State']['Pid']}/ns/pid")
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.readlink(entry / "ns/pid") == space:
                    found.append(Worker(int(entry.name)))
            except OSError:
                continue
        return [worker for worker in found if worker.title().startswith("nginx: worker")]

    def _write(self, content: bytes, keep_time: bool) -> None:
        # The hash of the service's files counts the time: put back, the file is the one that was read before.
        times = (self.status.st_atime_ns, self.status.st_mtime_ns) if keep_time else None
        replace(self.file, content, *self.owner, times=times)

    def _nginx(self, *arguments: str) -> None:
        done = run("docker", "exec", self.container["Id"], "nginx", "-c", CONFIGURATION, *arguments)
        if done.returncode:
            raise GatewayError(f"nginx {' '.join(arguments)}: {(done.stdout + done.stderr).strip()}")

    def generation(self) -> str:
        """Ask which list serves; empty where there is no answer."""
        try:
            with urllib.request.urlopen(f"{self.url}/generation", timeout=2) as answer:  # noqa: S310 - our own gateway
                return str(answer.read().decode().strip())
        except OSError:
            return ""

    def load(self, content: bytes, generation: str, seconds: float, keep_time: bool = False) -> list[Worker]:
        """Have nginx serve with this list; returns its workers of before, which serve no new connection any more."""
        current = self.file.read_bytes()
        old = self.workers()
        self._write(content, keep_time)
        try:
            self._nginx("-t", "-q")
        except GatewayError:
            self._write(current, keep_time=current == self.before)
            raise
        self._nginx("-s", "reload")
        end = time.monotonic() + seconds
        while True:
            serving = [worker for worker in old if worker.title() and "shutting down" not in worker.title()]
            if not serving and self.generation() == generation:
                return old
            if time.monotonic() > end:
                raise GatewayError(f"nginx has not taken the list {generation} within {seconds:.0f} s")
            time.sleep(0.05)

    def keep(self, kept: Path) -> None:
        """Keep the file that goes by the service's name, with owner, mode and time."""
        text = steady(self.before.decode()).encode()
        times = (self.status.st_atime_ns, self.status.st_mtime_ns) if text == self.before else None
        replace(kept, text, *self.owner, times=times)

    def point_to(self, addresses: Iterable[str], generation: str, seconds: float) -> list[Worker]:
        """Serve with these replicas alone."""
        text = pinned(self.before.decode(), addresses, generation)
        return self.load(text.encode(), generation, seconds)

    def point_back(self, seconds: float) -> list[Worker]:
        """Serve with whatever has the service's name."""
        text = steady(self.before.decode()).encode()
        if self.file.read_bytes() == text and self.generation() == STEADY:
            return []
        return self.load(text, STEADY, seconds, keep_time=text == self.before)
