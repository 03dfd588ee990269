"""Each command of the pages is typed by a story, or is in its table of those that are not, with the reason."""

from __future__ import annotations

import re

import commands
from pages import ROOT


def test_no_reason_and_no_place_is_left_over() -> None:
    """A row that no page needs any more, and a command with two reasons, would hide what is no longer typed."""
    reasons = [pattern for command in commands.found() for pattern in commands.why_not(command)]
    assert sorted(set(commands.NOT_TYPED) - set(reasons)) == []
    assert [command for command in commands.found() if len(commands.why_not(command)) > 1] == []
    places = {commands.place(command) for command in commands.in_order()}
    assert [text for number, text in enumerate(commands.ORDER, 1) if number not in places] == []


def test_what_is_typed_has_a_value_for_each_placeholder() -> None:
    left = [
        command
        for command in commands.in_order()
        if re.search(r"\b[A-Z]{2,}\b", commands.filled(command).split(" SHOW ")[0])
    ]
    assert [command for command in left if not re.search(r"GET|MYSQL_PWD", commands.filled(command))] == []


def test_the_manuals_commands_are_typed() -> None:
    for command in ("up -d --build", "up -d", "down", "down -v", "logs -f app", "restart app", "up -d --scale app=3"):
        assert f"docker compose {command}" in commands.in_order()


def test_the_tests_that_stand_for_a_command_are_there() -> None:
    named = re.findall(r"[\w./-]+\.py", " ".join(commands.NOT_TYPED.values()))
    here = [ROOT / "tests", ROOT / "tests/stories", ROOT / "tests/monitoring"]
    assert [name for name in named if not any((place / name.removeprefix("tests/")).is_file() for place in here)] == []
