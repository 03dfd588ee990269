"""A checkout of its own, with an environment of its own: another directory, umask and Python than the one that tests."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLAYBOOKS = sorted(f"playbooks/{path.name}" for path in (ROOT / "playbooks").glob("*.yml"))
LOUD = {"ANSIBLE_DEPRECATION_WARNINGS": "true"}
NO_ENV: Mapping[str, str] = {}
# Names, ports and addresses that no platform of this machine has.
APART = {
    "platform_project": "jiucom-control",
    "platform_network_subnet": "172.30.93.0/24",
    "platform_gateway_address": "172.30.93.10",
    **{
        f"platform_{name}_port": 20280 + n
        for n, name in enumerate(("gateway", "direct", "prometheus", "grafana", "zipkin"))
    },
}


@functools.cache
def pythons() -> dict[str, str]:
    """Find the Pythons that may be a control node's, 3.11 and newer: the program by version."""
    found: dict[str, str] = {}
    folders = [Path(folder) for folder in os.environ["PATH"].split(":")]
    folders += sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin"))
    for program in [Path(sys.executable), *(folder / f"python3.{n}" for n in range(11, 20) for folder in folders)]:
        if program.is_file() and "shims" not in program.parts:
            ask = "import sys, ensurepip, venv; print('%d.%d' % sys.version_info[:2], sys._base_executable)"
            run = subprocess.run([program, "-c", ask], capture_output=True, text=True, check=False)
            if run.returncode == 0:
                version, base = run.stdout.split(maxsplit=1)
                found.setdefault(version, base.strip())
    return found


def by_version(version: str) -> tuple[int, ...]:
    """Order versions by their numbers."""
    return tuple(map(int, version.split(".")))


OLDEST, NEWEST = min(pythons(), key=by_version), max(pythons(), key=by_version)


class Checkout:
    """A copy of the repository as it is now, made under a umask."""

    def __init__(self, path: Path, umask: int = 0o022) -> None:
        self.path, self.bin = path, path / ".venv/bin"
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
        before = os.umask(umask)
        try:
            for name in names:
                if name and (ROOT / name).is_file():
                    (path / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(ROOT / name, path / name)
                    (path / name).chmod((0o777 if os.access(ROOT / name, os.X_OK) else 0o666) & ~umask)
        finally:
            os.umask(before)

    def make(self, *words: str, umask: int = 0o022, code: int = 0, env: Mapping[str, str] = NO_ENV) -> str:
        """Run make as an operator does, without the testing environment; returns what it printed."""
        return output(["make", *words], self.path, umask, code, env=env)

    def play(self, playbook: str, *words: str, code: int = 0, env: Mapping[str, str] = NO_ENV) -> str:
        """Run a playbook by the checkout's own ansible-playbook; returns what it printed."""
        return output([str(self.bin / "ansible-playbook"), playbook, *words], self.path, code=code, env=env)

    def preflight(self, directory: Path) -> str:
        """Run preflight on this machine, for a platform in `directory`; returns what it printed."""
        given = {**APART, "platform_dir": str(directory), "api_cache_dir": str(ROOT / ".cache/api")}
        return self.play("site.yml", "--tags", "preflight", "-e", json.dumps(given), env=LOUD)


def output(
    command: list[str], directory: Path, umask: int = 0o022, code: int = 0, env: Mapping[str, str] = NO_ENV
) -> str:
    """Run a command and return all it printed; it must end with `code`."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "VIRTUAL_ENV", "MAKE"))
    }
    kept["PATH"] = ":".join(folder for folder in kept["PATH"].split(":") if ".venv" not in folder)
    run = subprocess.run(
        command, cwd=directory, env={**kept, "ANSIBLE_NOCOLOR": "1", **env}, umask=umask,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert run.returncode == code, run.stdout
    return run.stdout


def complaints(text: str) -> list[str]:
    """Return the lines in which Ansible warns, deprecations among them."""
    return [line for line in text.splitlines() if "[WARNING]" in line or "[DEPRECATION" in line]
