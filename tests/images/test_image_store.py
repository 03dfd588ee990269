"""An engine with the containerd image store, where an image's id is that of its index: a second daemon on this machine."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from .service import eventually
from .sources import Images, give, save


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A short path, as sockets must have."""
    made = Path("/tmp") / f"images-test-{uuid.uuid4().hex[:8]}"
    made.mkdir()
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def store(home: Path) -> Iterator[docker.DockerClient]:
    (home / "daemon.json").write_text(json.dumps({"features": {"containerd-snapshotter": True}}))
    options = {"config-file": "daemon.json", "data-root": "data", "exec-root": "run", "pidfile": "pid"}
    dockerd = [
        "dockerd",
        *[f"--{name}={home / value}" for name, value in options.items()],
        f"--host=unix://{home}/socket",
    ]
    dockerd += ["--iptables=false", "--ip6tables=false"]
    # In a network of its own: two daemons would fight for one bridge.
    command = ["unshare", "--net", "sh", "-c", f"ip link set lo up && exec {' '.join(dockerd)}"]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        eventually(lambda: (home / "socket").exists())
        client = docker.DockerClient(base_url=f"unix://{home}/socket")
        eventually(client.ping)
        assert client.info()["DriverStatus"] == [["driver-type", "io.containerd.snapshotter.v1"]]
        yield client
        client.close()
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def images(
    daemon: docker.DockerClient, store: docker.DockerClient, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Images:
    """Images on that engine; Docker's own client asks it, too. The usual engine is known before it is another one's turn."""
    made = Images(tmp_path, f"images-test-{uuid.uuid4().hex[:8]}")
    made.socket = str(home / "socket")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/socket")
    return made


def test_an_archive_is_loaded_once(images: Images, daemon: docker.DockerClient, store: docker.DockerClient) -> None:
    """Made by an engine whose ids are others."""
    reference = f"{images.name}:2.3.4"
    there = give(daemon, reference)
    save(daemon, reference, images.archives / "images.tar")
    daemon.images.remove(reference)
    first = images.run("archive")
    assert (first.failures, first.changed) == ("", True)
    assert first.resolved[images.name]["id"] != there
    second = images.run("archive")
    assert (second.changed, second.resolved[images.name]["source"]) == (False, "archive")


@pytest.mark.parametrize("written", ["{0}:2.3.4", "{0}:2.3.4@{1}", "{0}@{1}"])
def test_an_image_is_found_by_all_spellings_of_its_name(
    written: str, images: Images, store: docker.DockerClient
) -> None:
    identity = give(store, f"{images.name}:2.3.4")
    [listed] = store.images.get(identity).attrs["RepoDigests"]
    table = {"images": {images.name: {"ref": written.format(images.name, listed.partition("@")[2])}}}
    run = images.run("present", "registry", table=table)
    assert (run.failures, run.changed, run.resolved[images.name]["source"]) == ("", False, "present")


def test_packages_are_built_once(images: Images, daemon: docker.DockerClient, store: docker.DockerClient) -> None:
    store.images.load(b"".join(daemon.api.get_image("localhost/jiucom/debian-trixie:base")))
    store.images.get("localhost/jiucom/debian-trixie:base").tag(f"{images.prefix}debian-trixie", "base")
    first = images.run("present", "packages")
    assert (first.failures, first.changed) == ("", True)
    assert first.resolved[images.name]["version"] == "2.3"
    assert not images.run("present", "packages").changed
    assert first.resolved[images.name]["reference"] in store.images.get(first.resolved[images.name]["id"]).tags
