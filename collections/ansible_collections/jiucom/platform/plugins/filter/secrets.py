"""The filter of preflight for secrets. It names the variables and never shows their values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def secret_faults(
    values: Mapping[str, Any],
    rules: Mapping[str, Mapping[str, Any]],
    shortest: int = 1,
    published: Collection[str] = (),
) -> list[str]:
    """List what is wrong with the secrets `values`, one line a variable, empty when right.

    `rules` says for each variable what its reader demands: `bytes` is the fewest it takes, `without` the characters it cannot
    read. `shortest` (characters) and `published` (values that everyone knows) hold for all of them.
    """
    faults = []
    for name, rule in rules.items():
        given = values.get(name, "")
        value = str(given)
        unreadable = [character for character in rule.get("without", "") if character in value]
        if not isinstance(given, str):
            # YAML reads 0123 and 1e5 as other numbers than were written.
            faults.append(f"{name} is not a text but a {type(given).__name__} to YAML: put it in quotes")
        elif not value:
            faults.append(f"{name} is not set")
        elif value != value.strip() or not value.isprintable():
            faults.append(
                f"{name} begins or ends with a blank, or has a line break: a text after | in YAML ends with one"
            )
        elif unreadable:
            faults.append(f"{name} has a character that its reader does not take as it is: {' '.join(unreadable)}")
        elif len(value.encode()) < int(rule.get("bytes", 0)):
            faults.append(f"{name} has {len(value.encode())} bytes, and needs {rule['bytes']}")
        elif len(value) < int(shortest):
            faults.append(f"{name} has {len(value)} characters, and needs {shortest}")
        elif value in published:
            faults.append(f"{name} is a value that this repository publishes for dev")
    return faults


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Name the filter."""
        return {"secret_faults": secret_faults}
