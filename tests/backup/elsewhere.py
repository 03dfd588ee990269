"""Another host: an SSH server of this machine's own, with a directory, and a key of age."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any


class Elsewhere:
    """The host, and what an installation's configuration says of it."""

    def __init__(self, home: Path) -> None:
        for program in ("age", "rsync", "sshd"):
            assert self._find(program), f"{program} is missing: apt-get install age rsync openssh-server"
        self.home, self.directory = home, home / "archives"
        for name in ("host", "client"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / name], check=True)
        shutil.copy(home / "client.pub", home / "authorized")
        (home / "authorized").chmod(0o600)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        public = " ".join((home / "host.pub").read_text().split()[:2])
        (home / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {public}\n")
        (home / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {home}/host\nAuthorizedKeysFile {home}/authorized\n"
            "StrictModes no\nPasswordAuthentication no\nPermitRootLogin yes\nUsePAM no\nPidFile none\n"
        )
        self.identity = home / "identity"
        subprocess.run(["age-keygen", "-o", self.identity], check=True, capture_output=True)
        self.recipient = subprocess.check_output(["age-keygen", "-y", self.identity], text=True).strip()
        self.server: subprocess.Popen[bytes] | None = None

    @staticmethod
    def _find(program: str) -> str | None:
        return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")

    @property
    def ship(self) -> dict[str, Any]:
        """What the configuration says."""
        return {
            "to": f"{getpass.getuser()}@127.0.0.1:{self.directory}",
            "port": self.port,
            "key": str(self.home / "client"),
            "known_hosts": str(self.home / "known_hosts"),
            "recipients": [self.recipient],
        }

    def start(self) -> None:
        """Let it answer."""
        Path("/run/sshd").mkdir(exist_ok=True)
        sshd = self._find("sshd")
        assert sshd
        self.server = subprocess.Popen([sshd, "-D", "-f", self.home / "sshd_config"], stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < end, "sshd does not answer"
                time.sleep(0.1)

    def stop(self) -> None:
        """Let it not answer."""
        if self.server:
            self.server.terminate()
            self.server.wait()
            self.server = None

    def files(self) -> set[str]:
        """What lies there, by path."""
        return {str(path.relative_to(self.directory)) for path in self.directory.rglob("*") if path.is_file()}
