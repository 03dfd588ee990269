"""One small installation with data and an archive of it, for the tests that leave it as it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .toy import Toy

Docker = Callable[[str, str], str]


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Toy, Path]]:
    """The installation, filled and running, with an archive from before any test has written."""
    try:
        installation = Toy(tmp_path_factory.mktemp("toy"))
    except LookupError as missing:
        pytest.fail(str(missing))
    try:
        installation.up()
        installation.fill()
        yield installation, installation.backup()
    finally:
        installation.down()


@pytest.fixture(scope="session")
def toy(filled: tuple[Toy, Path]) -> Toy:
    """The installation."""
    return filled[0]


@pytest.fixture(scope="session")
def archive(filled: tuple[Toy, Path]) -> Path:
    """Its first archive."""
    return filled[1]


@pytest.fixture
def docker(tmp_path: Path) -> Docker:
    """A directory with a docker that, where its arguments match, runs something else: `$docker` is the real one."""

    def write(pattern: str, instead: str) -> str:
        real = shutil.which("docker")
        script = tmp_path / "docker"
        script.write_text(
            f'#!/bin/sh\ndocker={real}\ncase "$*" in {pattern}) {instead} ;; *) exec $docker "$@" ;; esac\n'
        )
        script.chmod(0o755)
        return str(tmp_path)

    return write
