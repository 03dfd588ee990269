"""Filters that look at the control node, on which filters run: its faults, each with what to type, and its checkout."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.jiucom.platform.plugins.module_utils.checkout import commit

NAMESPACE = "ansible_collections"
_REMEDY = "type `make .venv/control` in {root}, and use {root}/.venv/bin/ansible-playbook"


class _Loader(yaml.SafeLoader):
    """Reads an inventory's file; values that are encrypted by themselves (!vault) become None."""


_Loader.add_constructor("!vault", lambda loader, node: None)
_Loader.add_constructor("!unsafe", lambda loader, node: str(node.value))


def collection_version(name: str) -> str:
    """Return the version of the collection that this run would use, or `missing`."""
    try:
        package = importlib.import_module(f"{NAMESPACE}.{name}")
    except ImportError:
        return "missing"
    manifest = Path(next(iter(package.__path__))) / "MANIFEST.json"
    try:
        return str(json.loads(manifest.read_text())["collection_info"]["version"])
    except (OSError, ValueError, KeyError):
        return "unknown"


def control_faults(ansible: Mapping[str, Any], root: str) -> list[str]:
    """List what the control node lacks: the locked line of ansible-core, pip, and the collections of requirements.yml.

    `ansible` is Ansible's own `ansible_version`, `root` the directory of the checkout.
    """
    lock = (Path(root) / "control.lock").read_text()
    line = re.findall(r"^ansible-core==(\d+\.\d+)", lock, re.MULTILINE)[0]
    faults = []
    if f"{ansible['major']}.{ansible['minor']}" != line:
        faults.append(f"This is ansible-core {ansible['full']}, and {line} is what this repository is tested with")
    if importlib.util.find_spec("pip") is None:
        faults.append(f"{sys.executable} has no pip, which downloads the API's wheels")
    for collection in yaml.safe_load((Path(root) / "requirements.yml").read_text())["collections"]:
        found = collection_version(collection["name"])
        if found != collection["version"]:
            faults.append(f"The collection {collection['name']} is {found}, and {collection['version']} is needed")
    return [f"{fault}: {_REMEDY.format(root=root)}" for fault in faults]


def _plain(value: Any) -> bool:
    """Tell whether a value holds a text that is neither encrypted nor a template."""
    if isinstance(value, Mapping):
        return any(_plain(item) for item in value.values())
    if isinstance(value, list):
        return any(_plain(item) for item in value)
    return value not in (None, "") and "{{" not in str(value)


def vault_faults(inventory: str, given: Iterable[str]) -> list[str]:
    """List the vault files of an inventory that hold a value in plain text, or say that there is no vault.

    `inventory` is the inventory's directory; a vault file is called vault, vault.yml or vault.yaml, or lies in a directory vault,
    at any depth of group_vars and host_vars. Templates and values that are encrypted one by one are fine. `given` are the secrets
    that the inventory sets, from wherever.
    """
    directory = Path(inventory)
    found = [path for name in ("group_vars", "host_vars") for path in sorted((directory / name).rglob("*"))]
    vaults = [path for path in found if path.is_file() and "vault" in (path.stem, path.parent.name)]
    faults = []
    for path in vaults:
        text = path.read_text(errors="replace")
        if not text.startswith("$ANSIBLE_VAULT"):
            values = yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
            plain = (
                [str(name) for name, value in values.items() if _plain(value)] if isinstance(values, Mapping) else []
            )
            if plain:
                faults.append(
                    f"{path} holds {', '.join(plain)} in plain text: type .venv/bin/ansible-vault encrypt '{path}'"
                )
    if not vaults and not list(given):
        vault = directory / "group_vars/all/vault.yml"
        faults.append(
            f"No secret is set: type .venv/bin/ansible-playbook playbooks/secrets.yml -i '{directory}' --ask-vault-pass, "
            f"which makes them all in '{vault}'"
        )
    return faults


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Names under which playbooks find the filters."""
        return {"commit": commit, "control_faults": control_faults, "vault_faults": vault_faults}
