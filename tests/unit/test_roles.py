"""The roles agree with themselves: specifications with defaults, verbs with files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())


def defaults(role: str) -> dict[str, Any]:
    """Read a role's defaults, of one file or of a directory of them."""
    merged: dict[str, Any] = {}
    folder = ROOT / f"roles/{role}/defaults"
    for file in [folder / "main.yml", *sorted((folder / "main").glob("*.yml"))]:
        if file.is_file():
            merged |= yaml.safe_load(file.read_text()) or {}
    return merged


def options(role: str) -> dict[str, dict[str, Any]]:
    """Read the options of a role's specification."""
    text = (ROOT / f"roles/{role}/meta/argument_specs.yml").read_text()
    found: dict[str, dict[str, Any]] = yaml.safe_load(text)["argument_specs"]["main"]["options"]
    return found


@pytest.mark.parametrize("role", ROLES)
def test_specification_and_defaults_name_the_same_variables(role: str) -> None:
    required = {name for name, option in options(role).items() if option.get("required")}
    assert set(defaults(role)) == set(options(role)) - required


@pytest.mark.parametrize("role", ROLES)
def test_specification_repeats_the_defaults(role: str) -> None:
    for name, option in options(role).items():
        if "default" in option:
            assert option["default"] == defaults(role)[name], name


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_is_described_and_typed(role: str) -> None:
    for name, option in options(role).items():
        assert option.get("description"), name
        assert option.get("type"), name
        assert name.startswith(f"{role}_"), name


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_the_verbs(role: str) -> None:
    assert (ROOT / f"roles/{role}/tasks/check.yml").is_file()
    assert role == "platform" or (ROOT / f"roles/{role}/tasks/main.yml").is_file()


def test_every_required_check_exists() -> None:
    modules = [path.read_text() for path in ROOT.glob("roles/*/library/*.py")]
    checked = {name for text in modules for name in re.findall(r'@checks\.check\(\s*"([^"]+)"', text)}
    required = yaml.safe_load((ROOT / "roles/platform/vars/main/main.yml").read_text())["_platform_required_checks"]
    assert len(required) >= 17
    assert {*required, "C2"} <= checked


def variables(role: str) -> dict[str, Any]:
    """Read a role's constants, of one file or of a directory of them."""
    merged: dict[str, Any] = {}
    folder = ROOT / f"roles/{role}/vars"
    for file in [folder / "main.yml", *sorted((folder / "main").glob("*.yml"))]:
        if file.is_file():
            merged |= yaml.safe_load(file.read_text()) or {}
    return merged


@pytest.mark.parametrize("role", ROLES)
def test_secrets_are_marked_and_nothing_else_is(role: str) -> None:
    secret = {name for name, option in options(role).items() if option.get("no_log")}
    named = {name for name in options(role) if re.search(r"(_password|_secret(_previous)?|_slack_url|_users)$", name)}
    assert secret == named


def test_every_required_secret_is_a_secret_of_a_specification() -> None:
    required = set(variables("platform")["_platform_secrets"])
    known = {name for role in ROLES for name, option in options(role).items() if option.get("no_log")}
    assert required <= known
    assert required == {name for role in ROLES for name, option in options(role).items() if option.get("required")}


@pytest.mark.parametrize("template", sorted(ROOT.glob("roles/*/templates/*")), ids=lambda path: path.name)
def test_every_template_names_its_source(template: Path) -> None:
    # JSON and Redis's account file have no comments.
    if template.name not in {"daemon.json.j2", "users.acl.j2"}:
        head = template.read_text().splitlines()[:3]
        assert any("ansible" in line.lower() for line in head), head
        assert any(str(template.relative_to(ROOT)) in line for line in head), head


def test_locks_and_recipes_hold_no_address() -> None:
    recipes = list((ROOT / "files/images").rglob("Dockerfile"))
    files = [*recipes, *ROOT.rglob("requirements.lock")]
    assert len(recipes) >= 9
    assert [
        str(path.relative_to(ROOT)) for path in files if "://" in path.read_text() and ".venv" not in path.parts
    ] == []
