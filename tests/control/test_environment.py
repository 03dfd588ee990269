"""The environment for deploying is the same for every Python, and is enough for preflight."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.control.checkout import LOUD, PLAYBOOKS, ROOT, Checkout, complaints, output, pythons

LOCKED = dict(re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / "control.lock").read_text(), re.MULTILINE))


def test_both_ends_of_the_supported_pythons_are_tried() -> None:
    if missing := {"3.11", "3.13"} - set(pythons()):
        pytest.skip(
            f"this machine has no Python {' and no '.join(sorted(missing))}: control nodes with it were not tried"
        )


def test_exactly_the_locked_packages_are_installed(checkout: Checkout) -> None:
    listed = output([str(checkout.bin / "python"), "-m", "pip", "list", "--format=freeze"], checkout.path)
    installed = dict(line.split("==") for line in listed.lower().split() if "==" in line)
    installed = {name: version for name, version in installed.items() if name not in ("pip", "setuptools")}
    assert installed == LOCKED


def test_collections_are_those_of_requirements(checkout: Checkout) -> None:
    listed = output([str(checkout.bin / "ansible-galaxy"), "collection", "list"], checkout.path)
    wanted = re.findall(r"name: ([\w.]+)\n +version: \"([\d.]+)\"", (ROOT / "requirements.yml").read_text())
    assert wanted
    assert sorted(re.findall(r"^((?!ansible\._|jiucom)\w+\.\w+) +([\d.]+)", listed, re.MULTILINE)) == sorted(wanted)


def test_a_second_make_does_not_install_again(checkout: Checkout) -> None:
    assert "bootstrap" not in checkout.make(".venv/control")


@pytest.mark.parametrize("playbook", ["site.yml", *PLAYBOOKS])
def test_every_playbook_is_read_without_a_warning(checkout: Checkout, playbook: str) -> None:
    said = checkout.play(playbook, "--syntax-check", env=LOUD)
    assert complaints(said) == []


@pytest.mark.parametrize("locale", ["C", "POSIX", "ko_KR.EUC-KR", "C.UTF-8"])
def test_make_runs_in_every_locale(checkout: Checkout, locale: str) -> None:
    assert "playbook: site.yml" in checkout.make("deploy", "ARGS=--syntax-check", env={"LC_ALL": locale})


def test_preflight_passes_without_a_warning(checkout: Checkout, platform_dir: Path) -> None:
    """In a directory with blanks, made under a umask of 077, and for a host that has nothing yet."""
    said = checkout.preflight(platform_dir)
    assert "TASK [api : Download the API's wheels]" in said
    assert re.search(r"jiucom-dev +: ok=\d+ +changed=0 +unreachable=0 +failed=0", said)
    assert complaints(said) == []
    assert not platform_dir.exists()
