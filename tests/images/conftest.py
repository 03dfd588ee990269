"""Containers of the images under test.

Which image stands for a service is said by `IMAGE_<SERVICE>` (`IMAGE_MYSQL=mysql:8.0.43`, `IMAGE_REDIS_EXPORTER=...`):
the same tests run on the official images wherever a registry can be reached. Without it, it is the newest image that
this machine has built from packages. Run as root: mounted files are given to the users that the containers run as.
"""

from __future__ import annotations

import contextlib
import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.images import Image

from testing.images import image
from testing.paths import let_pass
from tests.registry import build

from .service import Directory, Service, Start, eventually
from .sources import Images, removing


@pytest.fixture(scope="session")
def daemon() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


def image_of(daemon: docker.DockerClient, name: str) -> Image:
    """Return the image that stands for a service; no image is an error, not a reason to skip."""
    try:
        return daemon.images.get(image(name))
    except LookupError as missing:
        pytest.fail(str(missing))


@pytest.fixture
def network(daemon: docker.DockerClient) -> Iterator[str]:
    name = f"images-test-{uuid.uuid4().hex[:8]}"
    created = daemon.networks.create(name)
    yield name
    created.remove()


@pytest.fixture
def volume(daemon: docker.DockerClient) -> Iterator[str]:
    name = f"images-test-{uuid.uuid4().hex[:8]}"
    created = daemon.volumes.create(name)
    yield name
    created.remove(force=True)


@pytest.fixture
def start(daemon: docker.DockerClient, network: str, volume: str) -> Iterator[Start]:
    """Start a service's container as compose.yaml would; all of them end with the test.

    `mounts` are directories to be read, by their paths in the container; `data` is where the test's volume goes.
    """
    running: list[Service] = []

    def run(name: str, mounts: dict[str, str] | None = None, data: str = "", **options: Any) -> Service:
        volumes = {host: {"bind": inside, "mode": "ro"} for inside, host in (mounts or {}).items()}
        if data:
            volumes[volume] = {"bind": data, "mode": "rw"}
        container = daemon.containers.create(
            image_of(daemon, name).id or "",
            name=f"{network}-{name}",
            network=network,
            networking_config={network: daemon.api.create_endpoint_config(aliases=[name])},
            volumes=volumes,
            **options,
        )
        service = Service(container)
        running.append(service)
        container.start()
        return service

    yield run
    for service in reversed(running):
        service.container.remove(force=True, v=True)


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    """Write a directory to mount: {name: contents}, owned like the deployment's by root and readable by a group alone.

    With `uid`, the files are that user's secrets (0400).
    """
    let_pass(tmp_path)

    def write(name: str, files: dict[str, str | bytes], gid: int = 0, uid: int | None = None) -> str:
        root = tmp_path / name
        for path, content in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        for path_ in [root, *root.rglob("*")]:
            os.chown(path_, uid if uid is not None else 0, gid)
            secret, plain = (0o500, 0o750) if path_.is_dir() else (0o400, 0o640)
            path_.chmod(plain if uid is None else secret)
        return str(root)

    return write


@pytest.fixture(scope="session")
def registry_image(daemon: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> str:
    return build(daemon, tmp_path_factory.mktemp("registry"))


@contextlib.contextmanager
def serving(daemon: docker.DockerClient, image: str, configuration: str, greeting: bytes) -> Iterator[str]:
    """A real registry, Debian's, on a port of the loopback address; gives host and port."""
    container = daemon.containers.create(
        image,
        ["docker-registry", "serve", configuration],
        name=f"images-test-{uuid.uuid4().hex[:8]}",
        ports={"5000/tcp": ("127.0.0.1", 0)},
    )
    try:
        container.start()
        container.reload()
        port = int(container.attrs["NetworkSettings"]["Ports"]["5000/tcp"][0]["HostPort"])

        def answers() -> bool:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
                connection.sendall(b"GET /v2/ HTTP/1.0\r\n\r\n")
                return greeting in connection.recv(100)

        eventually(answers)
        yield f"127.0.0.1:{port}"
    finally:
        container.remove(force=True, v=True)


@pytest.fixture(scope="session")
def registry(daemon: docker.DockerClient, registry_image: str) -> Iterator[str]:
    with serving(daemon, registry_image, "/etc/docker/registry/open.yml", b" 200 ") as address:
        yield address


@pytest.fixture
def images(tmp_path: Path, daemon: docker.DockerClient) -> Iterator[Images]:
    name = f"images-test-{uuid.uuid4().hex[:8]}"
    made = Images(tmp_path, name)
    with removing(daemon, name):
        # The base that `make images` has made: making one takes longer than all of these tests.
        daemon.images.get("localhost/jiucom/debian-trixie:base").tag(f"{made.prefix}debian-trixie", "base")
        yield made
