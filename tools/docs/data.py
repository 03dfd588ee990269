"""The data that the pages are made from, and the words of each language."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
LANGUAGES = ("en", "ko")
WORDS = "tools/docs/ko.yml"
# Of names and codes alone, which are the same in both languages.
_NEUTRAL = re.compile(r"[\W\d_]*|MySQL|Redis|Zipkin")


class MissingWordsError(Exception):
    """A text has no Korean."""


@cache
def read(path: str) -> Any:
    """Read a YAML file of the repository."""
    return yaml.safe_load((ROOT / path).read_text())


def say(text: str, language: str) -> str:
    """Return an English text in a language."""
    if language == "en" or _NEUTRAL.fullmatch(text):
        return text
    if text not in read(WORDS):
        raise MissingWordsError(f"{text!r} has no Korean: add it to {WORDS} and type make docs")
    return str(read(WORDS)[text])


def services() -> dict[str, dict[str, Any]]:
    """Read the service table."""
    table: dict[str, dict[str, Any]] = read("roles/platform/vars/main/services.yml")["_platform_services"]
    return table


def is_optional(service: str) -> bool:
    """Whether a service is off unless an inventory turns it on."""
    return "enabled" in services()[service]


def definitions() -> dict[str, dict[str, Any]]:
    """Read what the roles say of each service in Compose's terms."""
    found: dict[str, dict[str, Any]] = {}
    for role in {service["role"] for service in services().values()}:
        for file in sorted((ROOT / f"roles/{role}/vars/main").glob("*.yml")):
            found |= read(str(file.relative_to(ROOT))).get(f"_{role}_services") or {}
    return found


def dependencies() -> dict[str, dict[str, str]]:
    """Return which services each of the nine waits for, and until when: healthy or started; in the order of the start."""
    waits = {name: definition["compose"].get("depends_on", {}) for name, definition in definitions().items()}
    return {
        name: {other: how["condition"].removeprefix("service_") for other, how in waits[name].items()}
        for name in services()
        if not is_optional(name)
    }


def steps() -> list[list[str]]:
    """Return the nine services by the step in which they start."""
    waits = dependencies()

    def step(name: str) -> int:
        return 1 + max((step(other) for other in waits[name]), default=0)

    return [[name for name in waits if step(name) == number] for number in sorted({step(name) for name in waits})]


@cache
def roles() -> list[str]:
    """Name the roles in the order of the play."""
    named = re.findall(r"\b(?:role|name): (\w+)", (ROOT / "playbooks/site.yml").read_text())
    every = sorted(path.parent.parent.name for path in ROOT.glob("roles/*/meta/argument_specs.yml"))
    return [role for role in dict.fromkeys(named) if role in every] + [role for role in every if role not in named]


def specification(role: str) -> dict[str, Any]:
    """Read a role's specification."""
    found: dict[str, Any] = read(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]
    return found


def inventory(name: str) -> dict[str, Any]:
    """Read what an inventory sets, secrets left out."""
    found: dict[str, Any] = read(f"inventories/{name}/group_vars/all/main.yml")
    return found


def defaults() -> dict[str, Any]:
    """Return every variable's default, as the specifications have it."""
    options = [option for role in roles() for option in specification(role)["options"].items()]
    return {name: option.get("default") for name, option in options}


def setting(variable: str, environment: str) -> Any:
    """Return a variable's value in an inventory: what that sets, else the default."""
    return inventory(environment).get(variable, defaults()[variable])
