"""A bundle as it is written: whole, sealed and found by the roles, or not there at all; a small image on the real Docker."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import tarfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from ansible_collections.jiucom.platform.plugins.module_utils import bundles
from ansible_collections.jiucom.platform.plugins.module_utils.images import archives
from modules import result, start

from .sources import REPOSITORY, removing

MODULE = REPOSITORY / "roles/platform/library/platform_pack.py"


@pytest.fixture
def given(tmp_path: Path, daemon: docker.DockerClient) -> Iterator[dict[str, Any]]:
    """Arguments of the module: a checkout with a file that git does not track, a key, two parts, and an image."""
    name = f"images-test-{uuid.uuid4().hex[:8]}"
    checkout, wheels, packages = tmp_path / "checkout", tmp_path / "app-1", tmp_path / "debian-13"
    for path, text in ((checkout / "kept", "1"), (wheels / "a.whl", "wheel"), (packages / "a.deb", "package")):
        path.parent.mkdir()
        path.write_text(text)
    for words in ("init -q", "add kept"):
        subprocess.run(["git", "-C", checkout, *words.split()], check=True, capture_output=True)
    (checkout / "untracked").touch()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    (tmp_path / "signers").write_text("operator " + (tmp_path / "key.pub").read_text())
    with removing(daemon, name):
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as packed:
            packed.addfile(tarfile.TarInfo("file"))
        daemon.api.import_image(layer.getvalue(), repository=f"localhost/{name}/one", tag="1")
        yield {
            "to": str(tmp_path / "media/bundle"),
            "files": {"wheels/app-1": str(wheels), "packages/debian-13.tar": str(packages)},
            "images": [f"localhost/{name}/one:1"],
            "checkout": str(checkout),
            "manifest": {"architecture": "x86_64"},
            "key": str(tmp_path / "key"),
        }


def pack(given: dict[str, Any], mode: str = "write", **more: Any) -> dict[str, Any]:
    """Run the module."""
    return result(start(MODULE, mode=mode, **given | more))


def members(path: Path) -> set[str]:
    """List the files of a tar file."""
    with tarfile.open(path) as packed:
        return {member.name.removeprefix("./") for member in packed if member.isfile()}


def test_a_written_bundle_is_verified(given: dict[str, Any], tmp_path: Path) -> None:
    said = pack(given, tar=True)
    assert not said.get("failed"), said
    to = Path(given["to"])
    assert bundles.faults(str(to), str(tmp_path / "signers")) == []
    assert bundles.manifest(str(to))["architecture"] == "x86_64"
    assert members(to / "checkout.tar.gz") == {"jiucom/kept"}
    assert members(to / "packages/debian-13.tar") == {"a.deb"}
    [archive] = archives.index(str(to / "images"), tmp_path / "index.json").values()
    assert [image["names"] for image in archive["images"]] == [given["images"]]
    assert {path.name for path in to.parent.iterdir()} == {"bundle", "bundle.tar"}
    assert {f"bundle/{bundles.SIGNATURE}", "bundle/wheels/app-1/a.whl"} <= members(to.with_name("bundle.tar"))


def test_the_size_is_told_before_anything_is_written(given: dict[str, Any]) -> None:
    lines = pack(given, mode="plan")["lines"]
    assert [line.split()[0] for line in lines] == [
        "At",
        "images",
        "wheels",
        "packages",
        "all",
        str(Path(given["to"]).parents[1]),
    ]
    assert not Path(given["to"]).parent.exists()


def test_too_little_room_is_refused(given: dict[str, Any], tmp_path: Path) -> None:
    """A file that is larger than the disk, by its size alone."""
    space = os.statvfs(tmp_path)
    with (tmp_path / "debian-13/large.deb").open("wb") as large:
        large.truncate(space.f_bavail * space.f_frsize + 1024**2)
    said = pack(given, mode="plan")
    assert "MB free, and the bundle may need" in said["msg"]
    assert "set bundle_to" in said["msg"]


def test_an_image_that_is_gone_leaves_nothing(given: dict[str, Any]) -> None:
    said = pack(given, images=[*given["images"], "localhost/none:1"])
    assert "localhost/none" in said["msg"]
    assert list(Path(given["to"]).parent.iterdir()) == []


def test_the_command_for_signing_is_shown_and_works(given: dict[str, Any], tmp_path: Path) -> None:
    lines = pack(given, key="")["lines"]
    assert "not signed" in bundles.faults(given["to"], str(tmp_path / "signers"))[0]
    command = lines[-1].partition("Type: ")[2].replace("KEY", str(tmp_path / "key"))
    subprocess.run(command.split(), check=True, capture_output=True)
    assert bundles.faults(given["to"], str(tmp_path / "signers")) == []


def test_an_image_with_a_digest_is_saved_under_its_name(
    given: dict[str, Any], registry: str, tmp_path: Path, daemon: docker.DockerClient
) -> None:
    """As a pin asks for it: an archive by digest would hold an image without a name."""
    name = f"{registry}/{given['images'][0].split('/')[1]}"
    image = daemon.images.get(given["images"][0])
    image.tag(name, "1")
    daemon.images.push(name, "1")
    try:
        [digest] = [
            one.partition("@")[2] for one in daemon.images.get(f"{name}:1").attrs["RepoDigests"] if registry in one
        ]
        daemon.images.remove(f"{name}:1")
        daemon.images.pull(f"{name}@{digest}")
        pack(given, images=[f"{name}:1@{digest}"])
        [archive] = archives.index(f"{given['to']}/images", tmp_path / "index.json").values()
        assert [one["names"] for one in archive["images"]] == [[f"{name}:1"]]
    finally:
        for reference in daemon.images.list(name):
            daemon.images.remove(str(reference.id), force=True)


def test_interrupted_it_leaves_nothing(given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C reaches the module while it asks git for the checkout's files, after the images."""
    git = tmp_path / "bin/git"
    git.parent.mkdir()
    git.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\nexec sleep 60\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", f"{git.parent}:{os.environ['PATH']}")
    process = start(MODULE, mode="write", **given)
    while not (tmp_path / "asked").exists():
        assert process.poll() is None
        time.sleep(0.05)
    assert [path.name for path in Path(given["to"]).parent.iterdir()] == [f".bundle.{process.pid}"]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert list(Path(given["to"]).parent.iterdir()) == []
