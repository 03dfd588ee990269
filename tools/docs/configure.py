"""The reference of the variables, from the roles' argument_specs.yml and the two inventories."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tools.docs.data import inventory, roles, say, specification
from tools.docs.markdown import code, table


def described(option: Mapping[str, Any], language: str) -> str:
    """Return the meaning of a variable; C(...) is Ansible's mark for code."""
    text = option["description"]
    text = text if isinstance(text, str) else " ".join(text)
    parts = re.sub(r"C\(([^)]*)\)", r"`\1`", say(text, language)).replace("|", "\\|").split("`")
    # In Markdown a < outside of code begins HTML.
    return "`".join(part if index % 2 else part.replace("<", "&lt;") for index, part in enumerate(parts))


def kind(option: Mapping[str, Any], language: str) -> str:
    """Return the type of a variable with its choices."""
    name = f"list/{option['elements']}" if option["type"] == "list" else option["type"]
    choices = ", ".join(code(choice) for choice in option.get("choices", []))
    secret = f", {say('secret', language)}" if option.get("no_log") else ""
    return name + (f": {choices}" if choices else "") + secret


def written(value: Any) -> str:
    """Write a value as an inventory has it."""
    return code(value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False))


def default(option: Mapping[str, Any], language: str) -> str:
    """Return the default of a variable."""
    return say("required", language) if option.get("required") else written(option.get("default"))


def _rows(options: Mapping[str, Any], language: str, above: str = "") -> Iterator[list[str]]:
    for name, option in options.items():
        yield [code(above + name), kind(option, language), default(option, language), described(option, language)]
        yield from _rows(option.get("options", {}), language, f"{above}{name}[].")


def reference(language: str) -> str:
    """Write a chapter for each role."""
    chapters = []
    for role in roles():
        found = specification(role)
        rows = table(language, ["variable", "type", "default", "meaning"], _rows(found["options"], language))
        chapters.append(f"### {role}\n\n{say(found['short_description'].rstrip('.'), language).rstrip('.')}.\n\n{rows}")
    return "\n".join(chapters)


def inventories(language: str) -> str:
    """Write what the two inventories set."""
    dev, prod = inventory("dev"), inventory("prod")
    defaults = {name: option for role in roles() for name, option in specification(role)["options"].items()}
    rows = (
        [
            code(name),
            default(defaults[name], language),
            *(written(found[name]) if name in found else "–" for found in (dev, prod)),
        ]
        for name in dict.fromkeys([*dev, *prod])
    )
    return table(language, ["variable", "default", "in dev", "in prod"], rows)
