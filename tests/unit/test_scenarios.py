"""There is a Molecule scenario for each role, and it looks at something on a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROLES = {path.name for path in (ROOT / "roles").iterdir() if path.is_dir()}
SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))
# Scenarios of a whole platform, by the playbook that they run.
SITE = {"default": "../../site.yml", "prod": "../../site.yml", "swarm": "../../playbooks/swarm.yml"}
# What makes a play of a verify.yml look at the host.
SHARED = "../shared/verify.yml"


def read(scenario: str, file: str) -> Any:
    """Read a YAML file of a scenario."""
    return yaml.safe_load((ROOT / "molecule" / scenario / file).read_text())


def hosts(scenario: str) -> dict[str, Any]:
    """Read the hosts of a scenario."""
    found: dict[str, Any] = read(scenario, "inventory/hosts.yml")["all"]["hosts"]
    return found


def test_there_is_a_scenario_for_each_role_and_for_the_site() -> None:
    assert set(SCENARIOS) == ROLES | SITE.keys()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_is_named_like_its_directory(scenario: str) -> None:
    assert read(scenario, "molecule.yml")["scenario"] == {"name": scenario}


@pytest.mark.parametrize("scenario", sorted(ROLES & set(SCENARIOS) - SITE.keys()))
def test_it_runs_its_role(scenario: str) -> None:
    roles = read(scenario, "converge.yml")[-1]["roles"]
    assert scenario in [role["role"] if isinstance(role, dict) else role for role in roles]


@pytest.mark.parametrize("scenario", sorted(SITE))
def test_it_runs_the_site(scenario: str) -> None:
    assert [play["ansible.builtin.import_playbook"] for play in read(scenario, "converge.yml")] == [SITE[scenario]]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_looks_at_its_hosts(scenario: str) -> None:
    assert hosts(scenario)
    plays = read(scenario, "verify.yml")
    if SHARED not in [play.get("ansible.builtin.import_playbook") for play in plays]:
        tasks = [task for play in plays if play["hosts"] == "all" for task in play["tasks"]]
        assert any("ansible.builtin.assert" in task for task in tasks)
        return
    expected = read(scenario, "expected.yml")
    assert expected["expected_answers"]
    # A pattern that everything matches shows nothing.
    answers = expected["expected_answers"]
    assert isinstance(answers, str) or all(answer["says"].strip("^$.*") for answer in answers)
    assert expected["expected_refusals"] or scenario in SITE


def test_the_shared_verification_looks_at_every_host() -> None:
    (play,) = yaml.safe_load((ROOT / "molecule/shared/verify.yml").read_text())
    assert play["hosts"] == "all"
    included = [task.get("ansible.builtin.include_tasks") for task in play["tasks"]]
    assert {"tasks/verify_files.yml", "tasks/verify_services.yml", "tasks/verify_refusal.yml"} <= set(included)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_keeps_the_shared_inventory_and_sequence(scenario: str) -> None:
    config = read(scenario, "molecule.yml")
    assert "executor" not in config.get("ansible", {}), "a scenario's own executor loses the shared inventory"
    assert "test_sequence" not in config["scenario"]
    assert {"converge", "verify"}.isdisjoint(config.get("ansible", {}).get("playbooks", {}))


def test_each_host_has_an_address_of_its_own() -> None:
    numbers = [host["test_number"] for scenario in SCENARIOS for host in hosts(scenario).values()]
    assert len(numbers) == len(set(numbers))
    # The first is this machine's, the last a broadcast.
    assert all(1 < number < 255 for number in numbers)


def test_each_story_is_run_by_a_scenario_or_tools_stories() -> None:
    expected = [yaml.safe_load(file.read_text()) for file in (ROOT / "molecule").glob("*/expected.yml")]
    named = {story for file in expected for story in file.get("expected_stories", [])}
    short = {f"verify/{path.name}" for path in (ROOT / "tests/stories/verify").glob("test_*.py")}
    assert named == short
    # tools/stories.sh runs the directories that are named like scenarios, and those that need no host.
    directories = {path.parent.name for path in (ROOT / "tests/stories").glob("*/test_*.py")}
    assert directories == SITE.keys() | {"verify", "docker", "replica", "redis"}
