"""Building images from Debian's packages, on the host."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.jiucom.platform.plugins.module_utils.images.host import RECIPE_LABEL
from ansible_collections.jiucom.platform.plugins.module_utils.images.wanted import Recipe

PROJECT_LABEL = "io.jiucom.project"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_PACKAGES = "/usr/local/share/jiucom/packages"
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
# Manuals and translations stay out, as in the official slim images, licences stay in.
_SLIM = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "info", "locale", "man")]
_SLIM += ["--dpkgopt=path-include=/usr/share/doc/*/copyright"]


class BuildError(Exception):
    """A command of a build failed; the text is the end of what it said."""


@dataclass(frozen=True)
class Builder:
    """Builds images on the host; its fields hold for all builds of a run."""

    # Directory with the unpacked build context, and for what is made on the way.
    directory: Path
    image_prefix: str
    project: str
    ca_bundle: str = ""
    # The mirror is a snapshot, whose Release files are signed, but past their date.
    snapshot: bool = False
    # Take nothing from the build cache.
    anew: bool = False

    def run(self, *command: str) -> str:
        """Run a command and return its output."""
        run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.directory)
        if run.returncode:
            said = [line for line in (run.stderr + run.stdout).splitlines() if line.strip()]
            raise BuildError(" | ".join(said[-8:]) or f"{command[0]} ended with {run.returncode}")
        return run.stdout

    def prepare(self, context: str) -> None:
        """Unpack the build context with the modes that it has, whatever the umask here, beside what apt must be told."""
        self.run("tar", "--extract", "--same-permissions", "--no-same-owner", "--file", context)
        lines = self.apt_options("/run/secrets/ca_bundle" if self.ca_bundle else "")
        (self.directory / "apt.conf").write_text("\n".join(lines) + "\n")

    def apt_options(self, ca_bundle: str) -> list[str]:
        """Return what apt must be told, as lines of its configuration."""
        lines = ['Acquire::Retries "3";']
        lines += ['Acquire::Check-Valid-Until "false";'] if self.snapshot else []
        return lines + ([f'Acquire::https::CAInfo "{ca_bundle}";'] if ca_bundle else [])

    def base_name(self, suite: str) -> str:
        """Return the reference of the base image of a release."""
        return f"{self.image_prefix}debian-{suite}:base"

    def base(self, suite: str, mirror: str) -> None:
        """Make the base image of a release from packages."""
        file = self.directory / f"{suite}.tar"
        options = [f"--aptopt={line.rstrip(';')}" for line in self.apt_options(self.ca_bundle)]
        # The apt options are those of this host: they are removed from the image, and each build gets its own.
        options += ['--customize-hook=rm "$1/etc/apt/apt.conf.d/99mmdebstrap"', f"--keyring={_KEYRING}"]
        self.run("mmdebstrap", "--quiet", "--variant=minbase", *options, *_SLIM, suite, str(file), mirror)
        labels = {PROJECT_LABEL: self.project, "io.jiucom.image": f"debian-{suite}", "io.jiucom.source": "mmdebstrap"}
        changes = [f"--change=LABEL {name}={value}" for name, value in labels.items()]
        self.run("docker", "import", '--change=CMD ["sh"]', *changes, str(file), self.base_name(suite))
        file.unlink()

    def image(self, recipe: Recipe, reference: str, base: str) -> None:
        """Build an image, and name and label it by what it turned out to hold.

        It has no name before it is complete: a name that is there counts as present.
        """
        args = {"BASE": base, **recipe.args, **{name: os.environ[name] for name in _PROXIES if os.environ.get(name)}}
        labels = {
            PROJECT_LABEL: self.project,
            "io.jiucom.image": recipe.name,
            "io.jiucom.source": "packages",
            RECIPE_LABEL: reference.rpartition(":")[2],
        }
        # The apt options are passed as a build secret, so that they are in no layer of the image.
        secrets = ["--secret=id=apt.conf,src=apt.conf"]
        secrets += [f"--secret=id=ca_bundle,src={self.ca_bundle}"] if self.ca_bundle else []
        id_file = f"{recipe.name}.id"
        self.run(
            "docker", "buildx", "build", "--builder=default", "--load", "--progress=plain", f"--iidfile={id_file}",
            f"--file={recipe.name}/Dockerfile", *(["--no-cache"] if self.anew else []), *secrets,
            *[f"--build-arg={name}={value}" for name, value in args.items()],
            *[f"--label={name}={value}" for name, value in labels.items()], ".",
        )  # fmt: skip
        built = (self.directory / id_file).read_text()
        container = self.run("docker", "create", "--network=none", built).strip()
        try:
            packed = self.run("docker", "cp", f"{container}:{_PACKAGES}", "-")
            found = re.findall(r"^[\w.+-]+=\S+$", packed.replace("\0", "\n"), re.MULTILINE)
            self._check(recipe, found)
            changes = {"org.opencontainers.image.version": version(found), "io.jiucom.packages": " ".join(found)}
            options = [f'--change=LABEL {name}="{value}"' for name, value in changes.items()]
            self.run("docker", "commit", *options, container, reference)
        finally:
            self.run("docker", "rm", "--volumes", container)

    def _check(self, recipe: Recipe, found: list[str]) -> None:
        """Refuse what is not what the recipe promises: Debian has moved on."""
        if not found:
            raise BuildError(f"the image has no list of its packages in {_PACKAGES}")
        built = version(found)
        if built != recipe.line and not built.startswith(f"{recipe.line}."):
            raise BuildError(
                f"Debian has {found[0]} now, and files/images/{recipe.name}/Dockerfile promises {recipe.product} {recipe.line} "
                "(LABEL io.jiucom.line)"
            )


def version(packages: list[str]) -> str:
    """Return the product's version: that of the first package, without Debian's epoch and revision."""
    return re.sub(r"^\d+:|[+-].*$", "", packages[0].partition("=")[2])


def distribution() -> tuple[str, str]:
    """Return the host's distribution and the name of its release."""
    release: Mapping[str, str] = platform.freedesktop_os_release()
    return release["ID"], release.get("VERSION_CODENAME", "")
