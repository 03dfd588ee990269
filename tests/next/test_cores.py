"""The next two lines of ansible-core than the locked one: they read and run everything, and warn of nothing."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.control.checkout import (
    APART,
    LOUD,
    NEWEST,
    PLAYBOOKS,
    ROOT,
    Checkout,
    by_version,
    complaints,
    output,
    pythons,
)

LOCK = re.findall(r"^ansible-core==(\d+)\.(\d+)", (ROOT / "control.lock").read_text(), re.MULTILINE)[0]
NEXT = [f"{LOCK[0]}.{int(LOCK[1]) + n}" for n in (1, 2)]

pytestmark = pytest.mark.skipif(by_version(NEWEST) < (3, 12), reason="newer lines of ansible-core need Python 3.12")


@pytest.fixture(scope="session", params=NEXT)
def checkout(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Make a checkout whose environment has a newer ansible-core than its lock names."""
    made = Checkout(tmp_path_factory.mktemp("next") / "jiucom")
    output([pythons()[NEWEST], "-m", "venv", ".venv"], made.path)
    python = str(made.bin / "python")
    output([python, "-m", "pip", "install", "--quiet", f"ansible-core=={request.param}.*"], made.path)
    [ours] = (ROOT / ".venv/lib").glob("python*/site-packages/ansible_collections")
    [site] = (made.path / ".venv/lib").glob("python*/site-packages")
    shutil.copytree(ours, site / "ansible_collections")
    return made


@pytest.fixture
def accepted(checkout: Checkout) -> Checkout:
    """Write the newer line into the lock, as whoever moves to it does first."""
    lock = checkout.path / "control.lock"
    version = output(
        [str(checkout.bin / "python"), "-c", "import ansible.release as r; print(r.__version__)"], checkout.path
    )
    lock.write_text(re.sub(r"(?m)^ansible-core==[\d.]+", f"ansible-core=={version.strip()}", lock.read_text()))
    return checkout


def test_another_line_than_the_locked_one_is_refused(checkout: Checkout) -> None:
    said = checkout.play("site.yml", code=2)
    assert "This is ansible-core" in said
    assert "make .venv/control" in said


def test_its_warnings_are_seen_here(accepted: Checkout) -> None:
    """So that a run without any means something: the internal mapping of all variables is what the next lines warn of."""
    (accepted.path / "old.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.debug: {msg: '{{ vars | length }}'}\n"
    )
    assert complaints(accepted.play("old.yml", env=LOUD)) != []


@pytest.mark.parametrize("playbook", ["site.yml", *PLAYBOOKS])
def test_every_playbook_is_read_without_a_warning(accepted: Checkout, playbook: str) -> None:
    assert complaints(accepted.play(playbook, "--syntax-check", env=LOUD)) == []


def test_a_dry_run_of_everything_warns_of_nothing(accepted: Checkout, tmp_path: Path) -> None:
    given = {**APART, "platform_dir": str(tmp_path / "platform"), "api_cache_dir": str(ROOT / ".cache/api")}
    words = [word for name, value in given.items() for word in ("-e", f"{name}={value}")]
    assert complaints(accepted.play("site.yml", "--check", *words, env=LOUD)) == []
    assert not (tmp_path / "platform").exists()
