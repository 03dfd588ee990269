#!/usr/bin/python3
"""Packages that look like those of Docker's own repository, made of this machine's programs, in a signed apt repository.

Usage: lookalikes.py DIRECTORY VERSION SUITE. Names, relations and paths are those of the real packages; the programs are the ones
that this machine's Docker has, so they run. The signing key is made anew for each directory, and lies in DIRECTORY/gpg.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from email.utils import formatdate
from pathlib import Path

PLUGINS = [
    Path(path, "docker/cli-plugins") for path in ("/usr/libexec", "/usr/lib", "/usr/local/lib", "/usr/local/libexec")
]

DOCKER_UNIT = """\
[Unit]
Description=Docker Application Container Engine
After=network-online.target docker.socket containerd.service
Wants=network-online.target containerd.service
Requires=docker.socket
StartLimitBurst=3
StartLimitIntervalSec=60

[Service]
Type=notify
ExecStart=/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock
ExecReload=/bin/kill -s HUP $MAINPID
TimeoutStartSec=0
RestartSec=2
Restart=always
Delegate=yes
KillMode=process

[Install]
WantedBy=multi-user.target
"""
SOCKET_UNIT = """\
[Unit]
Description=Docker Socket for the API

[Socket]
ListenStream=/run/docker.sock
SocketMode=0660
SocketUser=root
SocketGroup=docker

[Install]
WantedBy=sockets.target
"""
CONTAINERD_UNIT = """\
[Unit]
Description=containerd container runtime

[Service]
ExecStart=/usr/bin/containerd
Type=notify
Delegate=yes
KillMode=process
Restart=always

[Install]
WantedBy=multi-user.target
"""
# The group is created as the real package does it; an upgrade restarts the daemon.
POSTINST = """\
#!/bin/sh
set -e
getent group docker > /dev/null || groupadd --system docker
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl enable {units}
    systemctl restart {units}
fi
"""

# By package: relations, programs, units.
PACKAGES: dict[str, tuple[dict[str, str], list[str], dict[str, str]]] = {
    "containerd.io": (
        {
            "Conflicts": "containerd, runc",
            "Replaces": "containerd, runc",
            "Provides": "containerd, runc",
            "Depends": "libseccomp2",
        },
        ["containerd", "containerd-shim-runc-v2", "ctr", "runc"],
        {"containerd.service": CONTAINERD_UNIT},
    ),
    "docker-ce": (
        {"Conflicts": "docker, docker.io, docker-engine", "Depends": "containerd.io, docker-ce-cli, iptables"},
        ["dockerd", "docker-proxy", "docker-init"],
        {"docker.socket": SOCKET_UNIT, "docker.service": DOCKER_UNIT},
    ),
    "docker-ce-cli": ({"Conflicts": "docker, docker.io, docker-engine"}, ["docker"], {}),
    "docker-compose-plugin": ({"Conflicts": "docker-compose"}, ["docker-compose"], {}),
    "docker-buildx-plugin": ({}, ["docker-buildx"], {}),
}


def find(program: str) -> Path:
    """Find one of Docker's programs on this machine; those of packages come first."""
    places = PLUGINS if program in ("docker-compose", "docker-buildx") else [Path("/usr/bin"), Path("/usr/sbin")]
    for place in places:
        if (place / program).is_file():
            return (place / program).resolve()
    found = shutil.which(program)
    if not found:
        sys.exit(f"This machine's Docker has no {program}, of which the packages are made")
    return Path(found).resolve()


def build(name: str, version: str, pool: Path) -> None:
    """Build one package."""
    relations, programs, units = PACKAGES[name]
    with tempfile.TemporaryDirectory(dir=pool) as folder:
        tree = Path(folder)
        tree.chmod(0o755)
        plugin = name.endswith("-plugin")
        target = tree / ("usr/libexec/docker/cli-plugins" if plugin else "usr/bin")
        target.mkdir(parents=True)
        for program in programs:
            shutil.copy(find(program), target / program)
            (target / program).chmod(0o755)
        control = tree / "DEBIAN"
        control.mkdir()
        fields = {
            "Package": name,
            "Version": version,
            "Architecture": architecture(),
            "Maintainer": "Tests <root@localhost>",
        }
        fields |= {"Section": "admin", "Priority": "optional"} | relations | {"Description": "look-alike for tests"}
        (control / "control").write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
        if units:
            (tree / "usr/lib/systemd/system").mkdir(parents=True)
            for unit, text in units.items():
                (tree / "usr/lib/systemd/system" / unit).write_text(text)
            (control / "postinst").write_text(POSTINST.format(units=" ".join(units)))
            (control / "postinst").chmod(0o755)
        file = pool / f"{name}_{version.partition(':')[2] or version}.deb"
        run("dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(file))


def run(*command: str, **options: str) -> str:
    """Run a program and return its output."""
    environment = os.environ | options
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout


def architecture() -> str:
    """Return dpkg's name of this machine's architecture."""
    return run("dpkg", "--print-architecture").strip()


def checksum(path: Path) -> str:
    """Return a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def publish(root: Path, suite: str) -> None:
    """Write the index of all packages in the pool, and sign it."""
    index = root / f"dists/{suite}/stable/binary-{architecture()}/Packages"
    index.parent.mkdir(parents=True, exist_ok=True)
    entries = []
    for deb in sorted((root / "pool").glob("*.deb")):
        fields = run("dpkg-deb", "--field", str(deb)).rstrip()
        size = deb.stat().st_size
        entries.append(f"{fields}\nFilename: pool/{deb.name}\nSize: {size}\nSHA256: {checksum(deb)}\n\n")
    index.write_text("".join(entries))
    release = root / f"dists/{suite}/Release"
    name = index.relative_to(release.parent)
    release.write_text(
        f"Origin: Look-alike\nSuite: {suite}\nCodename: {suite}\nComponents: stable\nArchitectures: {architecture()}\n"
        f"Date: {formatdate(usegmt=True)}\nSHA256:\n {checksum(index)} {index.stat().st_size} {name}\n"
    )
    home = root / "gnupg"
    if not home.is_dir():
        home.mkdir(mode=0o700)
        options = ["--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "Look-alike <root@localhost>"]
        run("gpg", *options, "rsa3072", "sign", "never", GNUPGHOME=str(home))
        (root / "gpg").write_text(run("gpg", "--armor", "--export", GNUPGHOME=str(home)))
    signed = release.with_name("InRelease")
    run("gpg", "--batch", "--yes", "--clearsign", "--output", str(signed), str(release), GNUPGHOME=str(home))
    run("gpgconf", "--kill", "all", GNUPGHOME=str(home))


def main() -> None:
    """Add all packages in one version to a repository."""
    root, version, suite = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    (root / "pool").mkdir(parents=True, exist_ok=True)
    for name in PACKAGES:
        build(name, version, root / "pool")
    publish(root, suite)


if __name__ == "__main__":
    main()
