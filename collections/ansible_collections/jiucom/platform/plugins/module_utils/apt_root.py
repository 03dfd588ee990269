"""Packages of another release, resolved and downloaded by apt in a root of its own: the machine's own apt is not touched."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

_IDENTITY = re.compile(r"^(Package|Version): (\S+)$", re.MULTILINE)
_FILENAME = re.compile(r"^Filename: .*$", re.MULTILINE)


class AptError(Exception):
    """apt has refused; the text is what it said."""


class AptRoot:
    """A host of a release with nothing installed, as far as apt is asked."""

    def __init__(self, directory: Path, sources: Iterable[str], preferences: str, options: Iterable[str]) -> None:
        """Prepare the directory. `sources` are lines of sources.list, `options` lines of apt's configuration."""
        self.archives, self._configuration = directory / "cache/archives", directory / "apt.conf"
        shutil.rmtree(directory, ignore_errors=True)
        for name in ("lists/partial", "cache/archives/partial", "parts"):
            (directory / name).mkdir(parents=True)
        (directory / "status").touch()
        (directory / "sources.list").write_text("".join(f"{line}\n" for line in sources))
        (directory / "preferences").write_text(preferences)
        places = {
            "Dir::Etc::SourceList": "sources.list", "Dir::Etc::SourceParts": "parts", "Dir::Etc::Preferences": "preferences",
            "Dir::Etc::PreferencesParts": "parts", "Dir::State": "", "Dir::State::status": "status", "Dir::Cache": "cache",
        }  # fmt: skip
        lines = [f'{name} "{directory / place}";' for name, place in places.items()]
        # apt's own user may not enter the directory.
        lines += ['APT::Sandbox::User "root";', 'Acquire::Languages "none";', 'Acquire::Retries "3";', *options]
        self._configuration.write_text("\n".join(lines) + "\n")

    def _run(self, program: str, *arguments: str) -> str:
        run = subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=False,
            env=os.environ | {"APT_CONFIG": str(self._configuration), "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        if run.returncode:
            raise AptError(run.stderr.strip() or f"{program} ended with {run.returncode}")
        return run.stdout

    def download(self, packages: Sequence[str], to: Path) -> int:
        """Download packages and all they need into a directory that is a source for apt; returns the bytes. Raises AptError."""
        self._run("apt-get", "-qq", "update", "--error-on=any")
        install = ["-qq", "--yes", "--no-install-recommends", "install", *packages]
        chosen = [line.split(" ")[1:3] for line in self._run("apt-get", "--print-uris", *install).splitlines()]
        self._run("apt-get", "--download-only", *install)
        to.mkdir(parents=True)
        wanted = {}
        for name, size in chosen:
            package, version, _ = name.removesuffix(".deb").replace("%3a", ":").split("_")
            # apt would take the percent sign for a part of an address.
            wanted[f"{package}={version}"] = plain = name.replace("%3a", "-")
            shutil.move(self.archives / name, to / plain)
            if (to / plain).stat().st_size != int(size):
                raise AptError(f"{name} came with another size than its list says")
        described = {}
        for shown in self._run("apt-cache", "show", *wanted).strip().split("\n\n"):
            fields = dict(_IDENTITY.findall(shown))
            key = f"{fields['Package']}={fields['Version']}"
            described[key] = _FILENAME.sub(f"Filename: ./{wanted[key]}", shown)
        (to / "Packages").write_text("\n\n".join(described.values()) + "\n")
        return sum(int(size) for _, size in chosen)
