"""A bundle is checked before a host is asked, and before anything of it makes the environment; nothing else is asked then."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from ansible_collections.jiucom.platform.plugins.module_utils import bundles
from modules import run

from tests.control.checkout import OLDEST, ROOT, Checkout, output, pythons
from tests.control.inventory import Inventory

# A package index that nobody serves.
NOWHERE = {"PIP_INDEX_URL": "http://127.0.0.1:1/simple", "PIP_RETRIES": "0", "PIP_FIND_LINKS": ""}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle with the control node's environment alone, for the oldest Python that is here."""
    made = tmp_path / "a bundle"
    for name in ("control", "collections"):
        given = {
            "lock": str(ROOT / f"{name}.lock"),
            "cache": str(ROOT / ".cache/control"),
            "executable": pythons()[OLDEST],
        }
        said = run("wheels", name=name, architecture="x86_64", python_version=OLDEST, **given)
        assert not said.get("failed"), said
        (made / "wheels").mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-r", said["path"], made / "wheels"], check=True)
    (made / bundles.MANIFEST).write_text(json.dumps({"layout": bundles.LAYOUT}))
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    (tmp_path / "signers").write_text("operator " + (tmp_path / "key.pub").read_text())
    bundles.seal(made, str(tmp_path / "key"))
    return made


def test_the_environment_comes_from_it_alone(bundle: Path, tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout")
    given = {**NOWHERE, "BUNDLE_SIGNERS": str(tmp_path / "signers")}
    checkout.make(".venv/control", f"BUNDLE={bundle}", f"PYTHON={pythons()[OLDEST]}", env=given)
    assert "ansible-playbook [core " in output([str(checkout.bin / "ansible-playbook"), "--version"], checkout.path)
    assert "playbook: site.yml" in checkout.play("site.yml", "--syntax-check")


def test_a_damaged_one_makes_no_environment(bundle: Path, tmp_path: Path) -> None:
    [wheel] = bundle.glob("wheels/collections-*/pip-*.whl")
    wheel.write_bytes(wheel.read_bytes()[:-1])
    checkout = Checkout(tmp_path / "checkout")
    given = {**NOWHERE, "BUNDLE_SIGNERS": str(tmp_path / "signers")}
    said = checkout.make(".venv/control", f"BUNDLE={bundle}", f"PYTHON={pythons()[OLDEST]}", env=given, code=2)
    assert f"{wheel} is damaged" in said
    assert not (checkout.path / ".venv").exists()


@pytest.mark.parametrize("way", ["BUNDLE", "platform_bundle"])
def test_ansible_refuses_it_before_a_host_is_asked(
    way: str, bundle: Path, tmp_path: Path, inventory: Inventory
) -> None:
    (bundle / "images.tar").touch()
    signers = str(tmp_path / "signers")
    inventory.write("secrets.yml", {"api_jwt_secret": "{{ undefined_here | default('') }}"})
    if way == "BUNDLE":
        said = inventory.play(env={"BUNDLE": str(bundle), "BUNDLE_SIGNERS": signers})
    else:
        inventory.write("bundle.yml", {"platform_bundle": str(bundle), "platform_bundle_signers": signers})
        said = inventory.play()
    assert f"{bundle}/images.tar is not listed in SHA256SUMS" in said
    assert "UNREACHABLE" not in said


def test_a_bundle_that_cannot_be_made_is_refused_at_once(tmp_path: Path) -> None:
    given = {"bundle_to": str(tmp_path), "bundle_distributions": "debian-13,debian-11", "bundle_tar": True}
    given |= {"bundle_key": str(tmp_path / "none"), "platform_bundle": "/somewhere"}
    command = [str(ROOT / ".venv/bin/ansible-playbook"), "playbooks/bundle.yml", "-e", json.dumps(given)]
    said = " ".join(output(command, ROOT, code=2).split())
    assert "bundle_distributions names debian-11; there are debian-12, debian-13, ubuntu-24.04" in said
    assert f"bundle_to is {tmp_path}, which is there" in said
    assert f"bundle_key is {tmp_path}/none, which is not a file" in said
    assert "platform_bundle (or BUNDLE) is set" in said
    assert "TASK [docker" not in said
    without = [*command[:2], "-e", json.dumps({"bundle_to": str(tmp_path / "new"), "bundle_tar": True})]
    assert "bundle_tar without bundle_key" in " ".join(output(without, ROOT, code=2).split())
