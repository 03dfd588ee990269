"""What the stories of role docker share: hosts on which the role runs, and a repository of Docker's own packages."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCENARIO = ROOT / "molecule/docker"
# User and password of the mirror below /private.
LOGIN = ("mirror", "word-of-the-mirror")


@dataclass
class Run:
    """How a run of the role ended; `said` is its output in one line, since Ansible breaks messages anywhere."""

    code: int
    changed: int
    said: str


@dataclass
class Machine:
    """A host on which role docker runs."""

    name: str
    container: str
    inventories: list[Path]
    environment: dict[str, str] = field(default_factory=dict)

    def sh(self, command: str, check: bool = True) -> str:
        """Run a shell command as root; returns its output, both streams."""
        result = subprocess.run(
            ["docker", "exec", self.container, "sh", "-c", command],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert not check or result.returncode == 0, f"{command}: {result.stdout[-3000:]}"
        return result.stdout.strip()

    def play(self, playbook: Path, *arguments: str) -> Run:
        """Run a playbook on this host alone."""
        inventories = [word for path in self.inventories for word in ("-i", str(path))]
        run = subprocess.run(
            [ROOT / ".venv/bin/ansible-playbook", *inventories, "--limit", self.name, *arguments, playbook],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, check=False, cwd=ROOT,
            env=os.environ | self.environment | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        )  # fmt: skip
        changed = re.findall(r"changed=(\d+)", run.stdout)
        return Run(run.returncode, int(changed[-1]) if changed else -1, " ".join(run.stdout.split()))

    def role(self, *arguments: str, **variables: object) -> Run:
        """Run the role with these variables."""
        return self.play(SCENARIO / "converge.yml", "--extra-vars", json.dumps(variables), *arguments)

    def apply(self, **variables: object) -> int:
        """Run the role, which must succeed; returns the number of changes."""
        run = self.role(**variables)
        assert run.code == 0, run.said[-4000:]
        return run.changed

    def start(self, name: str, *options: str) -> str:
        """Run a container that sleeps; returns when which process began, which stays the same while it runs."""
        self.sh(
            "docker image inspect sleeps > /dev/null 2>&1 || "
            "tar -C / -ch bin/sleep $(ldd /bin/sleep | grep -o '/[^ ]*' | cut -c2-) | docker import - sleeps"
        )
        self.sh(f"docker run --detach --name {name} {shlex.join(options)} sleeps /bin/sleep 1000000")
        return self.process(name)

    def process(self, name: str) -> str:
        """Say which process a running container is, and since when."""
        return self.sh(f"docker inspect --format '{{{{.State.Pid}}}} {{{{.State.StartedAt}}}}' {name}")

    def restart_docker(self) -> None:
        """Restart the daemon, also for the fourth time in a minute."""
        self.sh("systemctl reset-failed docker; systemctl restart docker")

    def versions(self) -> dict[str, str]:
        """Return the versions of all installed packages."""
        shown = self.sh("dpkg-query --show --showformat '${db:Status-Status} ${Package} ${Version}\\n'").splitlines()
        return {line.split()[1]: line.split()[2] for line in shown if line.startswith("installed ")}

    def held(self) -> set[str]:
        """Return the names of held packages."""
        return set(self.sh("apt-mark showhold").split())


@dataclass
class Repository:
    """A signed apt repository that looks like Docker's own, served over https by this machine at `place`, an address and port."""

    root: Path
    place: str
    authority: Path

    @property
    def url(self) -> str:
        """Where everyone finds it."""
        return f"https://{self.place}/linux/debian"

    @property
    def private(self) -> str:
        """Where it wants LOGIN."""
        return f"https://{self.place}/private/linux/debian"

    def publish(self, version: str) -> None:
        """Add all packages in one version."""
        subprocess.run([SCENARIO / "lookalikes.py", self.root, f"5:{version}", "trixie"], check=True, timeout=300)

    def trust(self, machine: Machine) -> None:
        """Let a host and the control node trust the server."""
        target = f"{machine.container}:/usr/local/share/ca-certificates/repository.crt"
        subprocess.run(["docker", "cp", self.authority, target], check=True, capture_output=True)
        machine.sh("update-ca-certificates")
        machine.environment["SSL_CERT_FILE"] = str(self.authority)
