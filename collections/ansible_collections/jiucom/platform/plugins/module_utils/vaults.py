"""The text of a vault file: values are made and put in, and everything else stays as its owner wrote it."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import yaml

# 256 bits of letters and digits, which every reader takes as they are.
_LENGTH = 43
# An administrator of the gateway, where prod's inventory names none.
FIRST_USER = "operator"
USERS = "gateway_admin_users"


class VaultTextError(ValueError):
    """The text cannot be changed as wanted: the message says why and what to do."""


def random_secret(rule: Mapping[str, Any]) -> str:
    """Make a value for a secret of this rule (roles/platform/vars/main/secrets.yml).

    Twice the bytes that its reader demands: a key for HMAC then fits the longest variant.
    """
    alphabet = [each for each in string.ascii_letters + string.digits if each not in rule.get("without", "")]
    return "".join(secrets.choice(alphabet) for _ in range(max(_LENGTH, 2 * int(rule.get("bytes", 0)))))


def _find(text: str, path: Sequence[str]) -> yaml.Node | None:
    """Find the value at a path of keys; None where there is none."""
    try:
        node: yaml.Node | None = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as fault:
        where = getattr(fault, "problem_mark", None)
        raise VaultTextError(f"it is not YAML{f' (line {where.line + 1})' if where else ''}") from None
    if isinstance(node, yaml.ScalarNode) and not node.value:
        return None
    if node is not None and (not isinstance(node, yaml.MappingNode) or node.flow_style):
        raise VaultTextError("it is not a list of variables, one `name: value` a line")
    for key in path:
        if not isinstance(node, yaml.MappingNode):
            return None
        # Of two entries with one name Ansible takes the last.
        node = next((value for name, value in reversed(node.value) if name.value == key), None)
    return node


def value_at(text: str, path: Sequence[str]) -> str | None:
    """Return the text at a path of keys; None where there is none, or something that is no plain text (a template, !vault)."""
    node = _find(text, path)
    plain = isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:str" and "{{" not in node.value
    return str(node.value) if node is not None and plain else None


def put(text: str, path: Sequence[str], value: Any) -> str:
    """Return the text with the value at a path of keys replaced, or with a new variable at its end."""
    written = json.dumps(value, ensure_ascii=False)  # JSON is YAML, with every text in quotes
    node = _find(text, path)
    if node is None and len(path) > 1:
        raise VaultTextError(f"it has no {'.'.join(path)}")
    if node is None:
        return f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{path[0]}: {written}\n"
    begin, end = node.start_mark.index, node.end_mark.index
    old = text[begin:end]
    # Nothing at all after the colon; a text after | takes its line's end along.
    return text[:begin] + ("" if old else " ") + written + ("\n" if old.endswith("\n") else "") + text[end:]


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def fill(
    text: str,
    given: Mapping[str, Any],
    rules: Mapping[str, Mapping[str, Any]],
    users: Mapping[str, Any] | None = None,
    published: Collection[str] = (),
) -> tuple[str, list[str]]:
    """Make what is blank among the secrets that an inventory gives; returns the vault's new text and what was made.

    `users` are the gateway's administrators; None where the platform does without. `published` are values that count as blank.
    """
    made = [name for name in rules if _blank(given.get(name)) or given[name] in published]
    for name in made:
        text = put(text, [name], random_secret(rules[name]))
    if users is not None and not users:
        text = put(text, [USERS], {FIRST_USER: random_secret({})})
        made.append(f"{USERS}.{FIRST_USER}")
    for user in [name for name, password in (users or {}).items() if _blank(password)]:
        text = put(text, [USERS, user], random_secret({}))
        made.append(f"{USERS}.{user}")
    return text, made


def rotate(text: str, name: str, present: str, rule: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Replace one secret, which is `present` now; returns the vault's new text and the variables that changed.

    `name` is a variable, or a key of one (gateway_admin_users.operator). Where the rule names a variable for the value before,
    that gets it.
    """
    path = name.split(".")
    found = value_at(text, path)
    if found is None:
        raise VaultTextError(
            f"{name} does not stand in it as a plain value: put a new one where you keep it, and run this with -e mine=true"
        )
    if found != present:
        raise VaultTextError(
            f"{name} has another value elsewhere in the inventory, which counts: remove one of the two"
        )
    text = put(text, path, random_secret(rule))
    if "previous" in rule:
        return put(text, [rule["previous"]], present), [name, rule["previous"]]
    return text, [name]
