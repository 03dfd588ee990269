"""What is refused on the control node, before any host is asked: the hosts of these inventories answer nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.control.checkout import ROOT, Checkout, output
from tests.control.inventory import Inventory

SECRET = "a-secret-of-more-than-sixteen-characters"


def test_a_wrong_line_of_ansible_core_is_refused(tmp_path: Path, inventory: Inventory) -> None:
    """A checkout whose lock names another line than the ansible-playbook that reads it."""
    other = Checkout(tmp_path / "other")
    lock = other.path / "control.lock"
    lock.write_text(lock.read_text().replace("ansible-core==2.", "ansible-core==9."))
    said = inventory.play(root=other.path)
    assert "This is ansible-core" in said
    assert "make .venv/control" in said
    assert "UNREACHABLE" not in said


def test_a_collection_of_another_version(tmp_path: Path, inventory: Inventory) -> None:
    docker = tmp_path / "own/ansible_collections/community/docker"
    [ours] = (ROOT / ".venv/lib").glob("python*/site-packages/ansible_collections/community/docker")
    shutil.copytree(ours, docker)
    manifest = json.loads((docker / "MANIFEST.json").read_text())
    manifest["collection_info"]["version"] = "5.0.1"
    (docker / "MANIFEST.json").write_text(json.dumps(manifest))
    paths = f"{tmp_path}/own:{ROOT}/collections"
    said = inventory.play(env={"ANSIBLE_COLLECTIONS_PATH": paths})
    assert "community.docker is 5.0.1, and" in said
    assert "make .venv/control" in said
    assert "UNREACHABLE" not in said


def test_a_missing_collection_is_named(inventory: Inventory) -> None:
    said = inventory.play(env={"ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false"})
    assert "community.docker is missing" in said
    assert "community.library_inventory_filtering_v1 is missing" in said
    assert "UNREACHABLE" not in said


@pytest.mark.parametrize("version", ["Python 3.10.13", "Python 2.7.18", ""])
def test_an_old_or_absent_python(version: str, tmp_path: Path) -> None:
    python = tmp_path / "my python"
    if version:
        python.write_text(f"#!/bin/sh\n[ $1 != --version ] || echo {version}\nexit 1\n")
        python.chmod(0o755)
    checkout = Checkout(tmp_path / "checkout")
    said = output(["tools/bootstrap.sh", "control"], checkout.path, code=1, env={"PYTHON": str(python)})
    assert "Python 3.11 or newer is needed" in said
    assert version in said
    assert not (checkout.path / ".venv").exists()


def test_a_misspelled_inventory(inventory: Inventory) -> None:
    inventory.path = inventory.path.with_name("my inventry")
    assert "No inventory was parsed" in inventory.play(code=1)


def test_vaults_in_plain_text(inventory: Inventory) -> None:
    """Whatever they are called, and wherever they lie; empty values and templates are no secrets."""
    names = ["vault.yaml", "vault/database.yml", "../shop/vault.yml", "../../host_vars/shop/vault"]
    values = {"api_jwt_secret": SECRET, "database_app_password": "", "cache_app_password": "{{ x }}"}
    paths = [inventory.write(name, values).resolve() for name in names]
    said = inventory.play()
    for path in paths:
        assert f"{path} holds api_jwt_secret in plain text: type .venv/bin/ansible-vault encrypt '{path}'" in said
    assert SECRET not in said
    assert "UNREACHABLE" not in said


@pytest.mark.parametrize("words", [("--limit", "shop"), ("--tags", "gateway"), ("--tags", "verify"), ("--check",)])
def test_no_option_skips_the_check(words: tuple[str, ...], inventory: Inventory) -> None:
    inventory.write("vault.yml", {"api_jwt_secret": SECRET})
    said = inventory.play(*words)
    assert "in plain text" in said
    assert "UNREACHABLE" not in said


def test_a_missing_vault_is_named(inventory: Inventory) -> None:
    said = inventory.play()
    assert f"playbooks/secrets.yml -i '{inventory.path}'" in said
    assert "UNREACHABLE" not in said
    playbook = next(word for word in said.split() if word.endswith("secrets.yml"))
    assert (ROOT / playbook).is_file()


def test_other_values_than_plain_text_are_accepted(inventory: Inventory) -> None:
    """The run goes on, and only then asks the host."""
    inventory.write("vault.yml", {"api_jwt_secret": "{{ lookup('env', 'SECRET') }}"})
    inventory.write("vault/empty.yml", "---\n")
    inventory.write("../shop/vault.yml", "api_jwt_secret: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3330\n")
    assert "UNREACHABLE" in inventory.play(code=4)


def test_secrets_in_a_file_of_another_name(inventory: Inventory) -> None:
    """The operator's choice: they may be encrypted in another way."""
    inventory.write("secrets.yml", {"api_jwt_secret": SECRET})
    assert "UNREACHABLE" in inventory.play(code=4)


def test_an_encrypted_vault(inventory: Inventory) -> None:
    inventory.encrypt("vault.yml", {"api_jwt_secret": SECRET})
    assert "UNREACHABLE" in inventory.play(code=4)


def test_a_plain_vault_is_fine_in_development(inventory: Inventory) -> None:
    inventory.write("main.yml", {"platform_environment": "dev"})
    inventory.write("vault.yml", {"api_jwt_secret": SECRET})
    assert "UNREACHABLE" in inventory.play(code=4)


def test_production_that_is_asked_for_on_the_command_line(inventory: Inventory) -> None:
    inventory.write("main.yml", {"platform_environment": "dev"})
    inventory.write("vault.yml", {"api_jwt_secret": SECRET})
    assert "in plain text" in inventory.play("-e", "platform_environment=prod")
