"""What differs between the platform as it is written and as it runs is seen, named and put right (F4)."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import Project


def test_a_changed_file_recreates_its_service_alone(project: Project) -> None:
    project.definitions["store"]["files"]["conf/store.conf"] = "two\n"
    assert project.write() == ["store"]
    state = project.compare()
    assert (state["recreate"], state["reload"]) == (["store"], [])
    assert state["reasons"] == ["store: its files changed"]
    project.apply()
    assert project.settled()


def test_a_changed_secret_recreates_and_shows_in_no_label(project: Project) -> None:
    project.secrets["store"]["password"] = "second"
    assert project.write() == ["store"]
    assert project.compare()["recreate"] == ["store"]
    assert "second" not in (project.base / "compose.yaml").read_text()
    stat = (project.base / "store/secrets/password").stat()
    assert stat.st_mode & 0o777 == 0o400


def test_a_service_started_on_an_edited_file_is_reloaded_after_the_repair(project: Project) -> None:
    """The container that was restarted on the edited file still runs with it."""
    conf = project.base / "store/conf/store.conf"
    time.sleep(0.01)
    conf.write_text("by hand\n")
    project.compose("restart", "store")
    assert project.write() == ["store"]
    assert conf.read_text() == "one\n"
    assert project.compare()["recreate"] == ["store"]


def test_a_missed_reload_is_done_at_the_next_run(project: Project) -> None:
    project.definitions["door"]["files"]["conf/door.conf"] = "two\n"
    assert project.write() == ["door"]
    for _ in range(2):  # a run that broke off before the reload leaves it to do
        state = project.compare()
        assert (state["recreate"], state["reload"]) == ([], ["door"])
    project.compare(applied=["door"])
    assert project.settled()


def test_a_service_may_read_some_of_its_files_again(project: Project) -> None:
    project.reloads = ["secrets"]
    project.apply()
    assert project.settled()
    project.secrets["store"]["password"] = "second"
    project.write()
    for _ in range(2):
        state = project.compare()
        assert (state["recreate"], state["reload"]) == ([], ["store"])
    project.compare(applied=["store"])
    assert project.settled()
    project.definitions["store"]["files"]["conf/store.conf"] = "two\n"
    project.secrets["store"]["password"] = "third"
    project.write()
    state = project.compare()
    assert (state["recreate"], state["reload"]) == (["store"], [])
    assert state["reasons"] == ["store: its files changed", "store: its files changed since it read them"]


def test_a_stopped_service_is_started_and_not_reloaded(project: Project) -> None:
    project.compose("stop", "door")
    project.definitions["door"]["files"]["conf/door.conf"] = "two\n"
    assert project.write() == ["door"]
    state = project.compare()
    assert (state["recreate"], state["reload"], state["reasons"]) == ([], [], ["door: exited"])
    project.apply()
    assert project.settled()


def test_a_changed_definition_recreates(project: Project) -> None:
    project.definitions["door"]["compose"]["environment"] = {"MODE": "a$b"}
    project.write()
    state = project.compare()
    assert state["recreate"] == ["door"]
    assert state["reasons"] == ["door: its definition in compose.yaml changed"]
    project.apply()
    assert project.compose("exec", "--no-TTY", "door", "printenv", "MODE").strip() == "a$b"
    assert project.settled()


def test_replicas_started_and_containers_stopped_by_hand_are_named(project: Project) -> None:
    project.compose("up", "--detach", "--no-recreate", "--scale", "store=3", "store")
    project.compose("stop", "door")
    assert project.compare()["reasons"] == ["store: 3 containers instead of 1", "door: exited"]
    project.apply()
    assert project.settled()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["update", "--memory", "72m", "--memory-swap", "72m", "{}"], "Memory is 75497472 instead of 67108864"),
        (["update", "--cpus", "0.25", "{}"], "NanoCpus is 250000000 instead of 500000000"),
        (["update", "--restart", "no", "{}"], "its restart policy is no instead of unless-stopped"),
        (["network", "connect", "bridge", "{}"], "it is connected to bridge and"),
    ],
    ids=lambda given: given[1] if isinstance(given, list) else "",
)
def test_a_container_that_was_changed_by_hand_is_recreated(project: Project, change: list[str], says: str) -> None:
    """What Compose does not see: the container's definition is as before."""
    store = project.compose("ps", "--quiet", "store").strip()
    subprocess.run(["docker", *(word.format(store) for word in change)], check=True, capture_output=True)
    state = project.compare()
    assert state["recreate"] == ["store"]
    assert says in state["reasons"][0]
    project.apply()
    assert project.settled()


def test_an_image_that_was_built_anew_under_its_name_is_another_image(project: Project) -> None:
    reference = f"localhost/{project.name}:1.0.0"
    base = project.definitions["store"]["compose"]["image"]
    build = ["docker", "build", "--quiet", "--tag", reference, "-"]
    try:
        subprocess.run(build, input=f"FROM {base}\n", text=True, check=True, capture_output=True)
        project.definitions["store"]["compose"]["image"] = reference
        project.write()
        project.apply()
        assert project.settled()
        subprocess.run(build, input=f"FROM {base}\nLABEL by=hand\n", text=True, check=True, capture_output=True)
        state = project.compare()
        assert state["recreate"] == ["store"]
        assert "another build" in state["reasons"][0]
    finally:
        project.compose("down", "--timeout", "1")
        subprocess.run(["docker", "image", "rm", "--force", reference], check=False, capture_output=True)


def test_services_removed_from_the_project_are_reported(project: Project) -> None:
    del project.definitions["door"]
    assert project.compare()["reasons"] == ["door: is not in compose.yaml"]
    assert [part.name for part in (project.base / ".services").iterdir()] == ["store.yaml"]


def test_stray_files_are_moved_and_stray_secrets_deleted(project: Project) -> None:
    (project.base / "store/conf/stray.conf").write_text("loaded by mistake\n")
    (project.base / "store/secrets/old").write_text("old secret\n")
    assert project.write() == ["store"]
    assert not (project.base / "store/conf/stray.conf").exists()
    [kept] = [path for path in (project.base / ".removed").rglob("*") if path.is_file()]
    assert (kept.name, kept.read_text()) == ("stray.conf", "loaded by mistake\n")
    assert not (project.base / "store/secrets/old").exists()


def test_an_invalid_configuration_is_refused_before_a_file_is_replaced(project: Project) -> None:
    project.definitions["store"]["files"] = {"conf/store.conf": "broken\n", "conf/new.conf": "new\n"}
    project.definitions["store"]["validate"] = ["! grep --with-filename broken %s/conf/store.conf"]
    with pytest.raises(AssertionError, match="The new configuration of store is invalid, nothing was changed"):
        project.write()
    assert (project.base / "store/conf/store.conf").read_text() == "one\n"
    assert not (project.base / "store/conf/new.conf").exists()
    assert project.settled()


def tree(base: Path) -> dict[str, tuple[int, bytes]]:
    """Return time and content of every file."""
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in base.rglob("*") if path.is_file()}


def test_check_mode_tells_what_would_be_done_and_does_nothing(project: Project) -> None:
    before = tree(project.base)
    project.definitions["store"]["files"]["conf/store.conf"] = "two\n"
    changed = project.write(check=True)
    assert changed == ["store"]
    state = project.compare(check=True, pending=changed)
    assert state["recreate"] == ["store"]
    assert state["reasons"] == ["store: its files would change"]
    assert tree(project.base) == before


def test_a_run_for_some_services_compares_no_others(project: Project) -> None:
    for name in ("store", "door"):
        project.definitions[name]["files"][f"conf/{name}.conf"] = "two\n"
    project.write()
    state = project.compare(only=["door"])
    assert (state["recreate"], state["reload"]) == ([], ["door"])


def test_a_network_with_other_subnets_is_made_anew_with_every_container(project: Project) -> None:
    name = f"{project.name}_jiucom"
    [network] = json.loads(subprocess.check_output(["docker", "network", "inspect", name]))
    subnets = [one["Subnet"] for one in network["IPAM"]["Config"]]
    assert project.compare(network={"name": name, "subnets": subnets})["reasons"] == []
    wanted = {"name": name, "subnets": [*subnets, "fd00:7:7::/64"]}
    state = project.compare(network=wanted)
    assert (state["network"], state["recreate"], state["reasons"]) == (True, [], [state["reasons"][0]])
    assert "without tags" in project.compare(network=wanted, only=["door"])["msg"]
    project.compose("down", "--timeout", "1")
    assert not project.compare(network=wanted)["network"]
