"""The API's image on a host: built from the wanted source, or by hand, or from a context that was edited (F4)."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.images import image

from .conftest import ROOT


class Build:
    """A build context with its manifest, and an image named after it."""

    def __init__(self, context: Path) -> None:
        self.context, self.name = context, f"localhost/jiucom-test:{uuid.uuid4().hex[:12]}"
        self.source = context / "app.py"
        self.source.write_text("print('first')\n")
        (context / "Dockerfile").write_text(f"FROM {image('python')}\nCOPY app.py /\n")
        files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in context.iterdir()}
        manifest = json.dumps(files).encode()
        (context / "MANIFEST").write_bytes(manifest)
        self.checksum = hashlib.sha256(manifest).hexdigest()

    def build(self, *arguments: str) -> None:
        """Build the image under its name, as `docker compose build` does."""
        command = ["docker", "build", "--quiet", "--tag", self.name, *arguments, str(self.context)]
        subprocess.run(command, check=True, capture_output=True)

    def label(self) -> None:
        """Build it as the role does, with the label of its source."""
        self.build("--label", f"io.jiucom.context={self.checksum}")

    def differences(self) -> list[str]:
        """Ask the module."""
        given = {"ANSIBLE_MODULE_ARGS": {"path": str(self.context), "checksum": self.checksum, "image": self.name}}
        run = subprocess.run(
            [sys.executable, ROOT / "roles/api/library/api_context_state.py"], check=True, capture_output=True, text=True,
            input=json.dumps(given), env={**os.environ, "PYTHONPATH": str(ROOT / "collections")},
        )  # fmt: skip
        return list(json.loads(run.stdout)["differences"])


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Build]:
    """An image that was built from the wanted source."""
    build = Build(tmp_path)
    build.label()
    yield build
    subprocess.run(["docker", "image", "rm", "--force", build.name], check=True, capture_output=True)


def test_the_image_of_the_wanted_source_is_right(built: Build) -> None:
    assert built.differences() == []


def test_an_image_that_was_built_by_hand_under_our_name_is_named(built: Build) -> None:
    built.source.write_text("print('a repair by hand')\n")
    built.build()
    assert built.differences() == [
        f"{built.source} was changed on the host",
        f"{built.name} was built by hand, not from this source",
    ]
    built.source.write_text("print('first')\n")
    built.label()
    assert built.differences() == []


def test_a_wrong_version_and_a_missing_image_are_reported(built: Build) -> None:
    (built.context / "MANIFEST").write_text("{}")
    subprocess.run(["docker", "image", "rm", built.name], check=True, capture_output=True)
    assert built.differences() == [f"{built.context} holds another version", f"{built.name} is not there"]
    built.label()
