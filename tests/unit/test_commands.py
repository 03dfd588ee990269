"""The commands in docs/en and docs/ko: the same in both, and nothing in them that is not there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import jinja2.nodes
import pytest
import yaml
from pages import DOCS, NAMES, ROOT, commands, typed

from tools.docs.data import defaults, roles, services

PAGES = sorted(page for language in ("en", "ko") for page in (DOCS / language).glob("*.md"))
TARGETS = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
TAGS = set(re.findall(r"[a-z]+", " ".join(re.findall(r"tags: \[(.*)\]", (ROOT / "playbooks/site.yml").read_text()))))
# Keys whose text is an expression without braces.
_CONDITIONS = {"when", "that", "changed_when", "failed_when", "until"}


def expressions(node: Any, key: str = "") -> Iterator[str]:
    """Yield the Jinja texts of a YAML document."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from expressions(value, str(name))
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value, key)
    elif isinstance(node, str):
        yield "{{ " + node + " }}" if key in _CONDITIONS and "{{" not in node else node


@cache
def asked(path: Path) -> frozenset[str]:
    """Name the variables that a playbook, or a file of tasks or variables, asks for, and those that it includes."""
    found: set[str] = set()
    for text in expressions(yaml.safe_load(path.read_text())):
        parsed = jinja2.Environment().parse(text)  # noqa: S701 - only read
        found |= {name.name for name in parsed.find_all(jinja2.nodes.Name)}
    for name in re.findall(r"import_playbook: (\S+)", path.read_text()):
        found |= asked(path.parent / name)
    return frozenset(found)


def known(playbook: str) -> set[str]:
    """Name what may be given to a playbook with -e."""
    constants = [asked(file) for file in sorted((ROOT / "roles/platform/vars/main").glob("*.yml"))]
    return set(defaults()) | set(asked(ROOT / playbook)) | set().union(*constants)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_commands(name: str) -> None:
    english, korean = (commands((DOCS / language / name).read_text()) for language in ("en", "ko"))
    assert english == korean


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_commands_name_existing_playbooks_variables_and_targets(page: Path) -> None:
    faults = []
    for command in typed(page.read_text()):
        playbooks = re.findall(r"(?<![\w/])(?:playbooks/)?\w+\.yml(?![\w.])", command)
        if "ansible-playbook" in command or command.startswith("playbooks/"):
            faults += [f"{command}: no playbook" for name in playbooks if not (ROOT / name).is_file()]
            given = re.findall(r"-e (\w+)=", command)
            may = set().union(*(known(name) for name in playbooks if (ROOT / name).is_file()))
            faults += [f"{command}: unknown variable {name}" for name in given if name not in may]
            faults += [
                f"{command}: no inventory" for name in re.findall(r"-i (\S+)", command) if not (ROOT / name).is_dir()
            ]
            tags = [tag for found in re.findall(r"--tags (\S+)", command) for tag in found.split(",")]
            faults += [f"{command}: no tag {tag}" for tag in tags if tag not in TAGS | {"load", "verify"}]
        elif found := re.fullmatch(r"make ([\w./-]+).*", command):
            faults += [f"{command}: no target"] if found[1] not in TARGETS else []
    assert faults == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_variables_given_alone_are_known_to_a_playbook(page: Path) -> None:
    every = set().union(*(known(str(path.relative_to(ROOT))) for path in (ROOT / "playbooks").glob("*.yml")))
    given = {name for command in typed(page.read_text()) for name in re.findall(r"-e ([a-z_]+)=", command)}
    assert given - every == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_variables_are_those_of_the_roles(page: Path) -> None:
    """The platform's two tables are made from its constants and the overrides."""
    named = set(re.findall(rf"(?<![\w.@/-])(?:{'|'.join(roles())})_[a-z0-9_]*[a-z0-9](?![\w*])", page.read_text()))
    assert named - set(defaults()) - {"platform_images", "platform_services"} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_compose_is_asked_for_services_that_there_are(page: Path) -> None:
    text = "\n".join(typed(page.read_text()))
    found = re.findall(
        r"docker compose (?:logs|ps|restart|exec|up)((?: -[-\w]+(?:[ =]\d\w*)?)*) ([a-z]+(?:-[a-z0-9]+)*)\b", text
    )
    assert {name for _, name in found} - set(services()) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_arguments_of_our_own_programs_are_accepted(page: Path) -> None:
    """Without settings each ends with what it lacks, but only after it has read its arguments."""
    found = re.findall(r"(?:/(jiucom)-(backup)|python -m (jiucom)) ([^\n|]*)", "\n".join(typed(page.read_text())))
    for program, part, other, arguments in found:
        module = f"{program}_{part}" if part else other
        path = os.pathsep.join(str(ROOT / folder) for folder in ("api", "roles/backup/files"))
        run = subprocess.run(
            [sys.executable, "-m", module, *arguments.split()],
            env={"PYTHONPATH": path}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert run.returncode, arguments
        assert "usage:" not in run.stderr, run.stderr
