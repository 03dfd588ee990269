"""What is refused on the control node, before any host is asked: the hosts of these inventories answer nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.control.checkout import ROOT, Checkout, output

PLAYBOOK = str(ROOT / ".venv/bin/ansible-playbook")
NOT_ASKED = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_user": "deploy"}
SECRET = "a-secret-of-more-than-sixteen-characters"


class Inventory:
    """An inventory of production whose one host is never reached."""

    def __init__(self, directory: Path) -> None:
        self.path, self.password = directory / "my inventory", directory / "password"
        self.all = self.path / "group_vars/all"
        self.all.mkdir(parents=True)
        self.write("../../hosts.yml", {"all": {"hosts": {"shop": NOT_ASKED, "spare": NOT_ASKED}}})
        self.write("main.yml", {"platform_environment": "prod"})

    def write(self, name: str, content: Any) -> Path:
        """Write a file of group_vars/all; a text as it is, anything else as YAML."""
        path = self.all / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    def encrypt(self, name: str, content: Any) -> None:
        """Write a file and encrypt it."""
        path = self.write(name, content)
        self.password.write_text("known to this test")
        vault = [Path(PLAYBOOK).with_name("ansible-vault"), "encrypt", "--vault-password-file", self.password, path]
        subprocess.run(vault, check=True, capture_output=True)

    def play(self, *words: str, code: int = 2, playbook: str = "site.yml", root: Path = ROOT, **variables: str) -> str:
        """Run a playbook on it, and return what Ansible said."""
        if self.password.is_file():
            words = (*words, "--vault-password-file", str(self.password))
        said = output([PLAYBOOK, playbook, "-i", str(self.path), *words], root, code=code, **variables)
        return said if "UNREACHABLE" in said else " ".join(said.split())


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    """Return an inventory of production without secrets."""
    return Inventory(tmp_path)


def test_another_line_of_ansible_core(tmp_path: Path, inventory: Inventory) -> None:
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
    said = inventory.play(ANSIBLE_COLLECTIONS_PATH=paths)
    assert "community.docker is 5.0.1, and" in said
    assert "make .venv/control" in said
    assert "UNREACHABLE" not in said


def test_no_collection(inventory: Inventory) -> None:
    said = inventory.play(ANSIBLE_COLLECTIONS_SCAN_SYS_PATH="false")
    assert "community.docker is missing" in said
    assert "community.library_inventory_filtering_v1 is missing" in said
    assert "UNREACHABLE" not in said


def test_a_misspelled_inventory(inventory: Inventory) -> None:
    inventory.path = inventory.path.with_name("my inventry")
    assert "No inventory was parsed" in inventory.play(code=1)


@pytest.mark.parametrize("name", ["vault.yml", "vault.yaml", "vault", "vault/database.yml", "../shop/vault.yml"])
def test_a_vault_in_plain_text(name: str, inventory: Inventory) -> None:
    path = inventory.write(
        name, {"api_jwt_secret": SECRET, "database_app_password": "", "cache_app_password": "{{ x }}"}
    )
    said = inventory.play()
    assert f"{path.resolve()} holds api_jwt_secret in plain text: type ansible-vault encrypt '{path.resolve()}'" in said
    assert SECRET not in said
    assert "UNREACHABLE" not in said


def test_archives_beside_the_hosts_are_no_hosts(inventory: Inventory) -> None:
    """An archive in the usual directory, and one where images_archive_dir may point to."""
    inventory.write("vault.yml", {"api_jwt_secret": "{{ x }}"})
    for name in ("images/mysql.tar", "mysql.tar", "archives/mysql.tar.gz"):
        inventory.write(f"../../{name}", "one1\none2\n")
    assert "one1" not in inventory.play(code=4)


@pytest.mark.parametrize("words", [("--limit", "shop"), ("--tags", "gateway"), ("--tags", "verify"), ("--check",)])
def test_no_option_leaves_it_out(words: tuple[str, ...], inventory: Inventory) -> None:
    inventory.write("vault.yml", {"api_jwt_secret": SECRET})
    said = inventory.play(*words)
    assert "in plain text" in said
    assert "UNREACHABLE" not in said


def test_no_vault(inventory: Inventory) -> None:
    said = inventory.play()
    assert f"'{inventory.all / 'vault.yml'}', fill it in" in said
    assert "UNREACHABLE" not in said


def test_the_example_that_is_named_is_there(inventory: Inventory) -> None:
    said = inventory.play()
    example = said.split("type cp ")[1].split()[0]
    assert (ROOT / example).is_file()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vault.yml", {"api_jwt_secret": "{{ lookup('env', 'SECRET') }}"}),
        ("secrets.yml", {"api_jwt_secret": SECRET}),
        ("vault.yml", "api_jwt_secret: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3330\n"),
        ("vault.yml", "---\n"),
    ],
)
def test_what_is_no_plain_text(name: str, content: Any, inventory: Inventory) -> None:
    """The run goes on, and only then asks the host."""
    inventory.write(name, content)
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
