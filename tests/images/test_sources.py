"""The images role itself: every source, what it falls back to, and what it refuses."""

from __future__ import annotations

import contextlib
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from .service import eventually
from .sources import Role

REGISTRY = """
FROM debian:trixie-slim
RUN apt-get update -qq -o Acquire::Check-Valid-Until=false \\
    && apt-get install -qq -y --no-install-recommends docker-registry >/dev/null
RUN cd /etc/docker/registry && sed '/^auth:/,/path:/d' config.yml > open.yml
"""


@pytest.fixture
def role(tmp_path: Path, daemon: docker.DockerClient) -> Iterator[Role]:
    name = f"images-test-{uuid.uuid4().hex[:8]}"
    yield Role(tmp_path, name)
    for image in daemon.images.list():
        for tag in image.tags:
            if name in tag:
                daemon.images.remove(tag, noprune=False)


@pytest.fixture(scope="module")
def registry_image(daemon: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> str:
    context = tmp_path_factory.mktemp("registry")
    (context / "Dockerfile").write_text(REGISTRY)
    image, _ = daemon.images.build(path=str(context), tag="images-test-registry:1", rm=True)
    return str(image.id)


@contextlib.contextmanager
def serving(daemon: docker.DockerClient, image: str, configuration: str, greeting: bytes) -> Iterator[str]:
    """A real registry, Debian's, on a port of the loopback address; gives host and port."""
    container = daemon.containers.run(
        image,
        ["docker-registry", "serve", configuration],
        detach=True,
        name=f"images-test-{uuid.uuid4().hex[:8]}",
        ports={"5000/tcp": ("127.0.0.1", 0)},
    )
    try:
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


@pytest.fixture(scope="module")
def registry(daemon: docker.DockerClient, registry_image: str) -> Iterator[str]:
    with serving(daemon, registry_image, "/etc/docker/registry/open.yml", b" 200 ") as address:
        yield address


@pytest.fixture
def locked(daemon: docker.DockerClient, registry_image: str) -> Iterator[str]:
    with serving(daemon, registry_image, "/etc/docker/registry/config.yml", b" 401 ") as address:
        yield address


def give(daemon: docker.DockerClient, *references: str) -> str:
    """Put a tiny image on the host under each reference; returns its id."""
    base = daemon.images.get("debian:trixie-slim")
    container = daemon.containers.create(base.id or "", command=["true"])
    try:
        image = container.commit(changes=f"LABEL probe={uuid.uuid4().hex}")
    finally:
        container.remove()
    for reference in references:
        repository, _, tag = reference.rpartition(":")
        image.tag(repository, tag)
    return str(image.id)


def save(daemon: docker.DockerClient, reference: str, file: Path) -> None:
    with file.open("wb") as archive:
        archive.writelines(daemon.images.get(reference).save(named=True))


def gone(daemon: docker.DockerClient, reference: str) -> bool:
    return not any(reference in image.tags for image in daemon.images.list())


def test_packages_then_present(role: Role, daemon: docker.DockerClient) -> None:
    first = role.run(images_sources=["present", "packages"])
    assert first.code == 0, first.failures
    built = first.resolved[role.name]
    assert built["source"] == "packages"
    image = daemon.images.get(built["reference"])
    assert image.id == built["id"]
    assert image.labels["io.jiucom.packages"] == f"{role.name}=1:2.3+ds1-4"
    assert image.labels["org.opencontainers.image.version"] == built["version"] == "2.3"
    assert gone(daemon, f"jiucom/{role.name}:building")
    assert not (role.directory / "build").exists()

    second = role.run(images_sources=["present", "packages"])
    assert (second.code, second.changed) == (0, 0)
    assert second.resolved[role.name] == {**built, "source": "present"}

    role.recipe("echo changed")
    assert role.run("--check", images_sources=["present", "packages"]).resolved[role.name]["id"] == ""
    third = role.run(images_sources=["present", "packages"])
    assert third.resolved[role.name]["reference"] != built["reference"], "a changed recipe is another image"

    again = role.run(images_sources=["present", "packages"], images_rebuild=[role.name])
    assert again.resolved[role.name]["source"] == "packages"
    assert again.resolved[role.name]["reference"] == third.resolved[role.name]["reference"]


def test_check_mode_predicts_and_touches_nothing(role: Role, daemon: docker.DockerClient) -> None:
    run = role.run("--check", images_sources=["present", "packages"])
    assert (run.code, run.changed) == (0, 0)
    assert run.resolved[role.name]["source"] == "packages"
    assert gone(daemon, run.resolved[role.name]["reference"])


def test_check_mode_before_docker_is_installed(role: Role) -> None:
    run = role.run("--check", _images_socket="/nowhere/docker.sock")
    assert (run.code, run.changed) == (0, 0), run.failures
    assert run.resolved[role.name]["source"] == "registry", "nobody can ask the registry yet, so it is believed"
    run = role.run("--check", _images_socket="/nowhere/docker.sock", images_sources=["present", "packages"])
    assert run.resolved[role.name]["source"] == "packages"


def test_archive(role: Role, daemon: docker.DockerClient) -> None:
    identity = give(daemon, f"{role.name}:1")
    save(daemon, f"{role.name}:1", role.archives / "images.tar")
    daemon.images.remove(f"{role.name}:1")

    first = role.run(images_sources=["archive"])
    assert first.code == 0, first.failures
    assert first.resolved[role.name]["source"] == "archive"
    assert first.resolved[role.name]["id"] == identity
    assert role.run(images_sources=["archive"]).changed == 0, "the archive's image was on the host already"

    other = give(daemon, f"{role.name}:1")
    assert role.run(images_sources=["present", "archive"]).resolved[role.name]["id"] == other
    assert role.run(images_sources=["archive", "present"]).resolved[role.name]["id"] == identity


def test_broken_archive_is_named(role: Role) -> None:
    (role.archives / "half.tar").write_bytes(b"no archive")
    run = role.run(images_sources=["archive"])
    assert run.code != 0
    assert "half.tar is no archive made by `docker save`" in run.failures


def test_registry(role: Role, daemon: docker.DockerClient, registry: str) -> None:
    reference = f"{registry}/hub/{role.name}:1"
    identity = give(daemon, reference)
    assert "error" not in daemon.images.push(reference)
    daemon.images.remove(reference)

    mirror = {"images_sources": ["present", "registry"], "images_registry_prefix": f"{registry}/hub/"}
    planned = role.run("--check", **mirror).resolved[role.name]
    assert (planned["reference"], planned["source"], planned["version"]) == (reference, "registry", "1")
    assert gone(daemon, reference), "check mode pulled"
    first = role.run(**mirror)
    assert first.code == 0, first.failures
    assert (first.resolved[role.name]["source"], first.resolved[role.name]["id"]) == ("registry", identity)
    second = role.run(**mirror)
    assert (second.changed, second.resolved[role.name]["source"]) == (0, "present")


def test_registry_without_the_image_falls_back(role: Role, registry: str) -> None:
    run = role.run(images_sources=["registry", "packages"], images_registry_prefix=f"{registry}/hub/")
    assert run.code == 0, run.failures
    assert run.resolved[role.name]["source"] == "packages"


def test_registry_that_wants_a_login_is_tried(role: Role, daemon: docker.DockerClient, locked: str) -> None:
    """The daemon asks anonymously, but `docker login` on the host may have opened it: only the pull can tell."""
    mirror = {"images_sources": ["registry", "packages"], "images_registry_prefix": f"{locked}/"}
    assert role.run("--check", **mirror).resolved[role.name]["source"] == "registry"
    run = role.run(**mirror)
    assert (run.code, run.resolved[role.name]["source"]) == (0, "packages"), run.failures


def test_silent_registry_is_given_up_soon(role: Role) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        prefix = f"127.0.0.1:{silent.getsockname()[1]}/"
        started = time.monotonic()
        run = role.run("--check", images_sources=["registry", "packages"], images_registry_prefix=prefix)
    assert run.resolved[role.name]["source"] == "packages"
    assert time.monotonic() - started < 25


def test_failing_build_is_struck_off(role: Role, daemon: docker.DockerClient, registry: str) -> None:
    reference = f"{registry}/{role.name}:1"
    give(daemon, reference)
    daemon.images.push(reference)
    daemon.images.remove(reference)
    role.recipe("echo broken on purpose && false")
    run = role.run(images_sources=["packages", "registry"], images_registry_prefix=f"{registry}/")
    assert run.code == 0, run.failures
    assert run.resolved[role.name]["source"] == "registry"

    alone = role.run(images_sources=["packages"])
    assert alone.code != 0
    assert "broken on purpose" in alone.failures


def test_images_without_any_source_are_listed_at_once(role: Role) -> None:
    images = {role.name: {"ref": f"{role.name}:1"}, "other": {"ref": f"{role.name}-other:2"}}
    run = role.run(
        platform_images=images,
        images_packages_mirror="http://127.0.0.1:9/debian",
        images_registry_prefix="127.0.0.1:9/",
    )
    assert (run.code != 0, run.changed) == (True, 0)
    for expected in (
        f"{role.name} (127.0.0.1:9/{role.name}:1):",
        f"other (127.0.0.1:9/{role.name}-other:2):",
        "present: not on the host",
        f"archive: not in {role.archives} (images_archive_dir)",
        "connection refused; for a mirror set images_registry_prefix",
        "no mirror of Debian trixie answers (http://127.0.0.1:9/debian); set images_packages_mirror",
        "there is no recipe files/images/other/Dockerfile",
    ):
        assert expected in run.failures


def test_unknown_names_are_refused(role: Role) -> None:
    run = role.run(images_sources_overrides={"mysqll": ["present"]})
    assert "images_sources_overrides.mysqll: no such image" in run.failures
    run = role.run(images_sources_overrides={role.name: ["internet"]})
    assert "no source 'internet'" in run.failures
    run = role.run(images_sources=["internet"])
    assert "images_sources" in run.failures
