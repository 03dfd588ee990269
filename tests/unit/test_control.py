"""The filters that look at the control node."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
from plugins import ROOT, load

control = load("collections/ansible_collections/jiucom/platform/plugins/filter/control.py")
VERSION = re.findall(r"^ansible-core==([\d.]+)", (ROOT / "control.lock").read_text(), re.MULTILINE)[0]
LINE = [int(number) for number in VERSION.split(".")]


def ansible(major: int, minor: int) -> dict[str, Any]:
    """Return what Ansible says of itself."""
    return {"full": f"{major}.{minor}.3", "major": major, "minor": minor, "string": f"{major}.{minor}.3"}


def test_the_locked_line_with_pip_and_collections_is_right() -> None:
    assert control.control_faults(ansible(*LINE[:2]), str(ROOT)) == []


@pytest.mark.parametrize("minor", [LINE[1] - 1, LINE[1] + 1, LINE[1] * 10 + 1, 9])
def test_another_line_is_named(minor: int) -> None:
    [fault] = control.control_faults(ansible(LINE[0], minor), str(ROOT))
    assert f"ansible-core {LINE[0]}.{minor}.3" in fault
    assert f"make .venv/control` in {ROOT}" in fault


def test_a_python_without_pip_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pip" else object())
    [fault] = control.control_faults(ansible(*LINE[:2]), str(ROOT))
    assert "has no pip" in fault
    assert "make .venv/control" in fault


def test_a_collection_without_its_manifest_has_no_known_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ansible_collections_of_a_test/own/one").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(control, "NAMESPACE", "ansible_collections_of_a_test")
    assert control.collection_version("own.two") == "missing"
    assert control.collection_version("own.one") == "unknown"
    manifest = tmp_path / "ansible_collections_of_a_test/own/one/MANIFEST.json"
    manifest.write_text("{}")
    assert control.collection_version("own.one") == "unknown"
    manifest.write_text(json.dumps({"collection_info": {"version": "1.2.3"}}))
    assert control.collection_version("own.one") == "1.2.3"


@pytest.mark.parametrize(
    ("content", "plain"),
    [
        ("$ANSIBLE_VAULT;1.1;AES256\n3330\n", ""),
        ("", ""),
        ("# nothing yet\n", ""),
        ("key: ''\n", ""),
        ("key: '{{ other }}'\n", ""),
        ("key: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3330\n", ""),
        ("key: value\n", "key"),
        ("key: 5\n", "key"),
        ("key: !unsafe 'a{b'\n", "key"),
        ("users: {operator: value}\n", "users"),
        ("users: {operator: !vault 'x'}\n", ""),
        ("one: [a]\ntwo: ['{{ x }}']\n", "one"),
        (" $ANSIBLE_VAULT\n", ""),
        ("- key\n", ""),
    ],
)
def test_values_in_plain_text_are_named(content: str, plain: str, tmp_path: Path) -> None:
    path = tmp_path / "group_vars/all/vault.yml"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    faults = control.vault_faults(str(tmp_path), ["api_jwt_secret"])
    assert [f"holds {plain} in plain text" in fault for fault in faults] == ([True] if plain else [])


def test_a_directory_without_variables_needs_secrets_from_elsewhere(tmp_path: Path) -> None:
    [fault] = control.vault_faults(str(tmp_path), [])
    assert f"playbooks/secrets.yml -i '{tmp_path}' --ask-vault-pass" in fault
    assert control.vault_faults(str(tmp_path), ["api_jwt_secret"]) == []
