"""Filters that read the roles' argument specifications."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

Options = dict[str, dict[str, Any]]


def roles_with(directory: str, file: str) -> list[str]:
    """Return the roles of a directory that have a file, such as `tasks/check.yml`, in alphabetical order."""
    return sorted(path.name for path in Path(str(directory)).iterdir() if (path / str(file)).is_file())


def constants(directory: str) -> list[str]:
    """Name the variables of all roles' vars files, which no inventory sets."""
    files = [*Path(str(directory)).glob("*/vars/*.yml"), *Path(str(directory)).glob("*/vars/main/*.yml")]
    return sorted({name for file in files for name in yaml.safe_load(file.read_text()) or {}})


def specifications(roles: Iterable[str], directory: str) -> Options:
    """Return the options of all roles' specifications, by variable."""
    options: Options = {}
    for role in roles:
        text = (Path(str(directory)) / str(role) / "meta/argument_specs.yml").read_text()
        options |= yaml.safe_load(text)["argument_specs"]["main"]["options"]
    return options


def without_defaults(options: Mapping[str, Mapping[str, Any]]) -> Options:
    """Drop defaults: they are templates of the roles, and preflight compares only what is given."""
    return {
        name: {k: v for k, v in option.items() if k not in ("default", "required")} for name, option in options.items()
    }


def secret_names(options: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Name the options that hold secrets, which no task may print."""
    return [name for name, option in options.items() if option.get("no_log")]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Names under which templates find the filters."""
        return {
            "constants": constants,
            "roles_with": roles_with,
            "specifications": specifications,
            "without_defaults": without_defaults,
            "secret_names": secret_names,
        }
