"""playbooks/secrets.yml: a vault is made, its blanks are filled, and nothing is shown or left in plain text."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.control.checkout import ROOT
from tests.control.inventory import PLAYBOOK, Inventory

PUBLISHED = yaml.safe_load((ROOT / "inventories/dev/group_vars/all/secrets.yml").read_text())


def opened(inventory: Inventory, password: Path | None = None) -> dict[str, Any]:
    """Read the vault as ansible-vault does."""
    vault = PLAYBOOK.removesuffix("playbook") + "vault"
    command = [
        vault,
        "view",
        "--vault-password-file",
        str(password or inventory.password),
        str(inventory.all / "vault.yml"),
    ]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    values: dict[str, Any] = yaml.safe_load(shown)
    return values


def texts(values: dict[str, Any]) -> list[str]:
    """Return the secrets of a vault."""
    return [
        *(value for value in values.values() if isinstance(value, str)),
        *values.get("gateway_admin_users", {}).values(),
    ]


def test_a_vault_is_made_complete_and_stays(inventory: Inventory) -> None:
    inventory.password.write_text("known to this test")
    # Preflight refuses an inventory without it, and says what to type.
    assert "playbooks/secrets.yml" in inventory.play()
    said = inventory.play("-vvv", "--diff", playbook="playbooks/secrets.yml", code=0)
    values = opened(inventory)
    assert len(texts(values)) >= 11
    assert [value for value in texts(values) if value in said] == []
    vault = inventory.all / "vault.yml"
    assert vault.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in inventory.all.iterdir() if path.suffix != ".yml"] == []
    before = vault.read_bytes()
    assert "No secret is blank" in inventory.play(playbook="playbooks/secrets.yml", code=0)
    assert vault.read_bytes() == before
    # What it made is what the platform takes.
    given = {
        "platform_public_url": "http://shop.invalid",
        "platform_services_overrides": {},
        "api_mail_off": True,
        "api_mail_from": "no-reply@shop.invalid",
    }
    inventory.write("main.yml", {"platform_environment": "prod", **given})
    inventory.play(playbook="playbooks/lint_inventory.yml", code=0)


def test_blanks_are_filled_and_the_rest_stays(inventory: Inventory) -> None:
    mine = {"api_jwt_secret": "mine " * 10 + ".", "gateway_admin_users": {"kim": "", "lee": "known only to Lee"}}
    inventory.encrypt("vault.yml", f"# written by hand\n{yaml.safe_dump(mine)}cache_app_password:\n")
    inventory.write("other.yml", {"database_root_password": "set in another file"})
    said = inventory.play("--check", playbook="playbooks/secrets.yml", code=0)
    assert "gateway_admin_users.kim" in said
    assert opened(inventory)["cache_app_password"] is None
    said = inventory.play(playbook="playbooks/secrets.yml", code=0)
    values = opened(inventory)
    assert values["api_jwt_secret"] == mine["api_jwt_secret"]
    assert values["gateway_admin_users"]["lee"] == "known only to Lee"
    assert len(values["gateway_admin_users"]["kim"]) >= 16
    assert len(values["cache_app_password"]) >= 16
    assert "database_root_password" not in values
    assert "database_root_password" not in said


def test_a_copy_of_the_example_is_filled_and_encrypted(inventory: Inventory) -> None:
    inventory.password.write_text("known to this test")
    inventory.write("vault.yml", (ROOT / "inventories/prod/group_vars/all/vault.yml.example").read_text())
    assert "is encrypted now" in inventory.play(playbook="playbooks/secrets.yml", code=0)
    assert (inventory.all / "vault.yml").read_bytes().startswith(b"$ANSIBLE_VAULT;1.1;")
    assert len(opened(inventory)["gateway_admin_users"]["operator"]) >= 16


def test_a_vault_is_not_written_without_its_password(inventory: Inventory) -> None:
    assert "--ask-vault-pass" in inventory.play(playbook="playbooks/secrets.yml")
    assert not (inventory.all / "vault.yml").exists()


def test_a_vault_keeps_its_password_of_several(inventory: Inventory, tmp_path: Path) -> None:
    inventory.encrypt("vault.yml", "api_jwt_secret: ''\n")
    other = tmp_path / "other"
    other.write_text("another password")
    inventory.play("--vault-id", f"other@{other}", playbook="playbooks/secrets.yml", code=0)
    assert len(opened(inventory)["api_jwt_secret"]) >= 32


def test_dev_generates_secrets_by_variable(inventory: Inventory) -> None:
    inventory.password.write_text("known to this test")
    inventory.write("main.yml", {"platform_environment": "dev"})
    inventory.write("secrets.yml", PUBLISHED)
    assert "No secret is blank" in inventory.play(playbook="playbooks/secrets.yml", code=0)
    inventory.play("-e", "replace_published=true", playbook="playbooks/secrets.yml", code=0)
    values = opened(inventory)
    assert set(values) == set(PUBLISHED)
    assert set(values.values()).isdisjoint(PUBLISHED.values())
    # The vault comes after secrets.yml, so that its values count.
    assert "No secret is blank" in inventory.play(
        "-e", "replace_published=true", playbook="playbooks/secrets.yml", code=0
    )


@pytest.mark.parametrize("content", ["api_jwt_secret: 'open\n", "- a\n"])
def test_a_file_that_is_not_a_vault_is_not_overwritten(content: str, inventory: Inventory) -> None:
    inventory.encrypt("../../elsewhere.yml", content)
    path = inventory.path / "elsewhere.yml"
    before = path.read_bytes()
    said = inventory.play("-e", f"platform_vault_file='{path}'", playbook="playbooks/secrets.yml")
    assert "elsewhere.yml: it is not" in said
    assert path.read_bytes() == before
