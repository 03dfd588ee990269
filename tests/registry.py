"""A registry of one's own on this machine, Debian's: by TLS of an authority of its own, with a login."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import docker

from testing.images import image

USER, PASSWORD = "shop", "word-of-the-shop"
RECIPE = """
ARG BASE
FROM ${BASE}
USER root
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends docker-registry >/dev/null
RUN cd /etc/docker/registry && sed '/^auth:/,/path:/d' config.yml > open.yml
"""
CONFIGURATION = """
version: 0.1
storage: {filesystem: {rootdirectory: /var/lib/docker-registry}}
http: {addr: ":5000", tls: {certificate: /own/server.crt, key: /own/server.key}}
auth: {htpasswd: {realm: own, path: /own/htpasswd}}
"""


def build(daemon: docker.DockerClient, directory: Path) -> str:
    """Build the registry's image; returns its id."""
    (directory / "Dockerfile").write_text(RECIPE)
    built, _ = daemon.images.build(
        path=str(directory), tag="images-test-registry:1", rm=True, buildargs={"BASE": image("python")}
    )
    return str(built.id)


@dataclass
class Private:
    """A registry on an address that Docker trusts no more than others, unlike those of the loopback.

    `home` keeps the logins of this machine's client.
    """

    address: str
    authority: Path
    home: Path

    @contextmanager
    def trusted(self) -> Iterator[None]:
        """Let this machine's Docker trust it, and log in to it, until the end of the block."""
        certificates = Path("/etc/docker/certs.d") / self.address
        certificates.mkdir(parents=True)
        shutil.copy(self.authority, certificates / "ca.crt")
        try:
            self.docker("login", "--username", USER, "--password-stdin", self.address, given=PASSWORD)
            yield
        finally:
            shutil.rmtree(certificates)

    def docker(self, *command: str, given: str = "") -> None:
        """Run this machine's client."""
        subprocess.run(
            ["docker", "--config", self.home, *command], input=given, text=True, check=True, capture_output=True
        )

    def push(self, source: str, name: str) -> None:
        """Put an image of this machine into it, under a name."""
        target = f"{self.address}/{name}"
        with self.trusted():
            self.docker("tag", source, target)
            self.docker("push", "--quiet", target)
        self.docker("rmi", target)


@contextmanager
def private(daemon: docker.DockerClient, image: str, network: str, directory: Path) -> Iterator[Private]:
    """Start one in a network. The certificate is for its address, which is known once it runs."""
    own = directory / "own"
    own.mkdir()
    wait = "while [ ! -e /own/config.yml ]; do sleep 0.1; done; exec docker-registry serve /own/config.yml"
    container = daemon.containers.create(
        image, ["sh", "-c", wait], name=f"{network}-private", network=network, volumes=[f"{own}:/own:ro"]
    )
    try:
        container.start()
        container.reload()
        address = container.attrs["NetworkSettings"]["Networks"][network]["IPAddress"]
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=private", "-addext",
             f"subjectAltName=IP:{address}", "-keyout", own / "server.key", "-out", own / "server.crt"],
            check=True, capture_output=True,
        )  # fmt: skip
        (own / "htpasswd").write_text(f"{USER}:{bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()}\n")
        (own / "new").write_text(CONFIGURATION)
        (own / "new").rename(own / "config.yml")
        next(line for line in container.logs(stream=True, follow=True) if b"listening" in line)
        yield Private(f"{address}:5000", own / "server.crt", directory / "login")
    finally:
        container.remove(force=True, v=True)
