"""Which packages role docker installs, how it merges daemon.json, and what its preflight refuses."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.jiucom.platform.plugins.filter import daemon as merging
from ansible_collections.jiucom.platform.plugins.filter import docker as planning
from ansible_collections.jiucom.platform.plugins.module_utils import daemon
from plugins import ROOT

VARS = yaml.safe_load((ROOT / "roles/docker/vars/main.yml").read_text())
DEFAULTS: dict[str, Any] = VARS["_docker_daemon_defaults"]
DISTRIBUTION: list[str] = VARS["_docker_packages"]["Debian 13"]
REPOSITORY: list[str] = VARS["_docker_repository_packages"]
HELPERS = ["iptables", "ca-certificates"]


def settings(**changes: Any) -> dict[str, Any]:
    """Return the role's settings as its defaults have them."""
    return {
        "source": "auto", "upgrade": False, "hold": True, "options": {}, "init": True, "service_manager": "systemd",
        "packages": {"distribution": DISTRIBUTION, "repository": REPOSITORY}, "helpers": HELPERS,
        "oldest": VARS["_docker_oldest"], "url": "", "key": "", "distribution": "Debian",
    } | changes  # fmt: skip


def host(packages: list[str] | None = None, held: bool = False, **changes: Any) -> dict[str, Any]:
    """Return what host_state says of a host with these packages; without any there is no Docker."""
    there = [*(packages or []), *HELPERS]
    state: dict[str, Any] = {
        "program": "/usr/sbin/dockerd" if packages else "",
        "packages": {name: {"version": "1", "held": held and name not in HELPERS} for name in there},
        "configuration": {"path": "/etc/docker/daemon.json", "exists": False, "content": {}, "fault": ""},
        "arguments": [], "flags": [], "enabled": True, "answers": bool(packages),
        "version": "26.1.5+dfsg1" if packages else "", "compose": "2.26.1-4" if packages else "",
        "buildx": "0.13.1" if packages else "", "swarm": False, "running": 0, "live_restore": False,
        "storage_driver": "overlay2", "remaps_users": False, "snapshotter": False,
        "data_root": "/var/lib/docker", "root_moves": False, "holds_data": False,
    }  # fmt: skip
    return state | changes


def with_file(content: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a host whose daemon.json has this content."""
    file = {"path": "/etc/docker/daemon.json", "exists": True, "content": content, "fault": ""}
    return host(DISTRIBUTION, configuration=file, **changes)


NOTHING: dict[str, list[str]] = {"install": [], "upgrade": [], "hold": [], "unhold": []}
STATIC = {"program": "/usr/local/bin/dockerd"}
OLD: dict[str, Any] = {"version": "20.10.24+dfsg1"}
NO_COMPOSE: dict[str, Any] = {"compose": "", "buildx": ""}

PLANS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "fresh host": (host(), settings(), {"source": "distribution", "install": DISTRIBUTION, "hold": DISTRIBUTION}),
    "fresh host without helpers": (
        host() | {"packages": {}},
        settings(),
        {"source": "distribution", "install": DISTRIBUTION + HELPERS, "hold": DISTRIBUTION},
    ),
    "a client alone is no Docker": (
        host() | {"packages": {"docker-cli": {"version": "1", "held": False}}, "compose": "2.26.1"},
        settings(hold=False),
        {"source": "distribution", "install": ["docker.io", "docker-compose", "docker-buildx", *HELPERS]},
    ),
    "installed by this role": (host(DISTRIBUTION, held=True), settings(), {"source": "present"}),
    "the operator's is not held": (host(DISTRIBUTION), settings(), {"source": "present"}),
    "docker-ce is kept": (host(REPOSITORY), settings(), {"source": "present"}),
    "static binaries are kept": (host(["x"]) | STATIC, settings(), {"source": "present"}),
    "plugins are added to the distribution's engine, and only they are held": (
        host(["docker.io", "docker-cli"], **NO_COMPOSE),
        settings(),
        {"source": "distribution", "install": DISTRIBUTION[2:], "hold": DISTRIBUTION[2:]},
    ),
    "plugins are not added to docker-ce": (host(REPOSITORY[:3], **NO_COMPOSE), settings(), {"source": "present"}),
    "repository": (
        host(),
        settings(source="repository"),
        {"source": "repository", "install": REPOSITORY, "hold": REPOSITORY},
    ),
    "let go": (
        host(DISTRIBUTION, held=True),
        settings(hold=False),
        {"source": "present", "unhold": DISTRIBUTION},
    ),
    "upgrade what this role installed": (
        host(DISTRIBUTION, held=True),
        settings(upgrade=True),
        {"source": "distribution", "upgrade": DISTRIBUTION, "hold": DISTRIBUTION, "unhold": DISTRIBUTION},
    ),
    "upgrade docker-ce, which is not held after that either": (
        host(REPOSITORY),
        settings(upgrade=True),
        {"source": "present", "upgrade": REPOSITORY},
    ),
    "upgrade what was held on purpose": (
        host(REPOSITORY, held=True),
        settings(upgrade=True),
        {"source": "present", "upgrade": REPOSITORY, "hold": REPOSITORY, "unhold": REPOSITORY},
    ),
    "upgrade Debian 12's own, and add what is missing": (
        host(["docker.io", "docker-compose"], **OLD, **NO_COMPOSE),
        settings(upgrade=True),
        {
            "source": "distribution",
            "install": ["docker-cli", "docker-buildx"],
            "upgrade": ["docker.io", "docker-compose"],
            "hold": ["docker-cli", "docker-buildx", "docker.io", "docker-compose"],
        },
    ),
}


@pytest.mark.parametrize("case", PLANS)
def test_plan(case: str) -> None:
    state, given, expected = PLANS[case]
    assert planning.docker_plan(state, given) == NOTHING | expected


FAULTS: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "fresh host": (host(), settings(), []),
    "installed": (host(DISTRIBUTION, held=True), settings(), []),
    "docker-ce": (host(REPOSITORY), settings(), []),
    "docker-ce, and the distribution's wanted": (
        host(REPOSITORY),
        settings(source="distribution"),
        ["docker_source is distribution", "docker-ce", "set docker_source: auto to keep it"],
    ),
    "the distribution's, and docker-ce wanted": (
        host(DISTRIBUTION),
        settings(source="repository", url="https://docker.example/linux/debian"),
        ["docker_source is repository", "docker.io", "set docker_source: auto to keep it"],
    ),
    "static, and packages wanted": (
        host(["x"]) | STATIC,
        settings(source="distribution"),
        ["docker_source is distribution", "/usr/local/bin/dockerd"],
    ),
    "too old, Debian's": (
        host(["docker.io", "docker-compose"], **OLD, **NO_COMPOSE),
        settings(),
        ["Docker Engine on the host is 20.10.24+dfsg1, the platform needs 25.0", "-e docker_upgrade=true"],
    ),
    "too old, Docker's": (host(REPOSITORY, version="24.0.9"), settings(), ["24.0.9", "-e docker_upgrade=true"]),
    "too old, and upgraded now": (host(REPOSITORY, version="24.0.9"), settings(upgrade=True), []),
    "too old, of no package": (host(["x"], version="24.0.9") | STATIC, settings(), ["replace /usr/local/bin/dockerd"]),
    "no Compose, Docker's": (
        host(REPOSITORY[:3], **NO_COMPOSE),
        settings(),
        [
            "Compose on the host is missing",
            "apt-get install docker-compose-plugin",
            "apt-get install docker-buildx-plugin",
        ],
    ),
    "no Compose, of no package": (host(["x"], compose="") | STATIC, settings(), ["put a newer docker-compose into"]),
    "old Compose": (
        host(REPOSITORY, compose="2.23.3"),
        settings(),
        ["Compose on the host is 2.23.3", "docker_upgrade=true"],
    ),
    "upgrade of no package": (host(["x"]) | STATIC, settings(upgrade=True), ["comes from no package"]),
    "snap": (host() | {"answers": True}, settings(), ["snap remove docker"]),
    "no systemd": (host(), settings(service_manager="sysvinit"), ["docker_init: false"]),
    "no systemd, and that is known": (host(), settings(service_manager="sysvinit", init=False), []),
    "repository without its address": (host(), settings(source="repository"), ["docker_repository_url is ''"]),
    "repository by http without its key": (
        host(),
        settings(source="repository", url="http://docker.example/linux/debian"),
        ["docker_repository_key"],
    ),
    "repository by http with its key": (
        host(),
        settings(source="repository", url="http://docker.example/linux/debian", key="docker.asc"),
        [],
    ),
    "repository that is installed needs no address": (host(REPOSITORY), settings(source="repository"), []),
    "swarm": (host(DISTRIBUTION, swarm=True), settings(), []),
    "live restore without a swarm": (with_file({}), settings(options={"live-restore": True}), []),
    "swarm with live restore": (
        host(DISTRIBUTION, swarm=True),
        settings(options={"live-restore": True}),
        ["swarm", "docker_daemon_options"],
    ),
    "swarm with live restore in the file": (
        with_file({"live-restore": True}, swarm=True),
        settings(),
        ["swarm", "/etc/docker/daemon.json"],
    ),
    "data root": (
        host(DISTRIBUTION, root_moves=True, holds_data=True),
        settings(options={"data-root": "/srv"}),
        ["docker_daemon_options.data-root", "/var/lib/docker"],
    ),
    "data root without data": (host(DISTRIBUTION, root_moves=True), settings(options={"data-root": "/srv"}), []),
    "storage driver": (
        host(DISTRIBUTION, holds_data=True),
        settings(options={"storage-driver": "btrfs"}),
        ["docker_daemon_options.storage-driver"],
    ),
    "storage driver as it is": (
        host(DISTRIBUTION, holds_data=True),
        settings(options={"storage-driver": "overlay2"}),
        [],
    ),
    "user namespaces": (
        host(DISTRIBUTION, holds_data=True),
        settings(options={"userns-remap": "default"}),
        ["docker_daemon_options.userns-remap"],
    ),
    "containerd's image store": (
        host(DISTRIBUTION, holds_data=True),
        settings(options={"features": {"containerd-snapshotter": True}}),
        ["docker_daemon_options.features"],
    ),
    "a feature that moves nothing": (
        host(DISTRIBUTION, holds_data=True),
        settings(options={"features": {"cdi": True}}),
        [],
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faults(case: str) -> None:
    state, given, named = FAULTS[case]
    said = "\n".join(planning.docker_faults(state, given))
    assert [part for part in named if part not in said] == []
    assert bool(said) == bool(named)


def test_a_file_that_is_not_json_is_named() -> None:
    state = with_file({})
    state["configuration"]["fault"] = "Expecting value: line 1 column 2"
    assert "/etc/docker/daemon.json is not valid JSON" in planning.docker_faults(state, settings())[0]


RUNS: dict[str, Any] = {"running": 3}
OURS = DEFAULTS
LOCAL = {"log-driver": "local"}

MERGED: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "fresh host": (host(), {}, OURS),
    "installed": (with_file(OURS), {}, OURS),
    "the operator's keys stay": (
        with_file({"data-root": "/data", "log-opts": {"max-size": "1g"}}),
        {},
        {"data-root": "/data", "log-opts": {"max-size": "1g"}, "log-driver": "json-file", "live-restore": True},
    ),
    "the operator's log driver gets no options of ours": (with_file(LOCAL), {}, LOCAL | {"live-restore": True}),
    "the operator's json-file is rotated": (with_file({"log-driver": "json-file"}), {}, OURS),
    "the operator's live restore stays off": (
        with_file({"live-restore": False}),
        {},
        {"live-restore": False, "log-driver": "json-file", "log-opts": OURS["log-opts"]},
    ),
    "no running container is worth a log driver": (
        with_file({"live-restore": False}, **RUNS),
        {},
        {"live-restore": False},
    ),
    "live restore keeps them": (with_file({}, **RUNS), {}, OURS),
    "options win": (with_file({"debug": True}), {"debug": False}, OURS | {"debug": False}),
    "options are merged": (
        host(),
        {"log-opts": {"max-size": "50m"}},
        OURS | {"log-opts": {"max-size": "50m", "max-file": "5"}},
    ),
    "another driver drops the options of ours": (
        with_file(OURS),
        {"log-driver": "journald"},
        {"log-driver": "journald", "live-restore": True},
    ),
    "another driver keeps the operator's options": (
        with_file(OURS | {"log-opts": {"tag": "x"}}),
        {"log-driver": "journald"},
        {"log-driver": "journald", "log-opts": {"tag": "x"}, "live-restore": True},
    ),
    "null takes a key out": (with_file(OURS | {"debug": True}), {"debug": None}, OURS),
    "null also takes ours out": (
        host(),
        {"live-restore": None},
        {"log-driver": "json-file", "log-opts": OURS["log-opts"]},
    ),
    "flags are not repeated": (host(DISTRIBUTION, flags=["log-driver", "H"]), {}, {"live-restore": True}),
    "a flag for live restore": (
        host(DISTRIBUTION, flags=["live-restore"], live_restore=True, **RUNS),
        {},
        {"log-driver": "json-file", "log-opts": OURS["log-opts"]},
    ),
    "nothing of ours on a swarm node": (with_file({"debug": True}, swarm=True), {}, {"debug": True}),
    "a swarm node keeps what it had": (with_file(OURS, swarm=True), {}, OURS),
}


@pytest.mark.parametrize("case", MERGED)
def test_merge(case: str) -> None:
    state, options, expected = MERGED[case]
    merged = merging.daemon_configuration(state, DEFAULTS, options)
    assert merged == expected
    # A second run finds nothing to do.
    again = state | {"configuration": state["configuration"] | {"content": merged}}
    assert merging.daemon_configuration(again, DEFAULTS, options) == merged


def test_the_merge_changes_neither_file_nor_defaults() -> None:
    content: dict[str, Any] = {"log-driver": "json-file"}
    before = repr(DEFAULTS)
    merging.daemon_configuration(with_file(content), DEFAULTS, {"log-opts": {"max-size": "1m"}})
    assert content == {"log-driver": "json-file"}
    assert repr(DEFAULTS) == before


@pytest.mark.parametrize(
    ("found", "wanted", "answers", "restart"),
    [
        ({}, {"live-restore": True}, True, False),
        ({}, {"registry-mirrors": ["http://mirror.example"]}, True, False),
        ({}, {"log-driver": "local"}, True, True),
        ({"debug": True}, {}, True, True),
        ({"debug": True}, {"debug": False}, True, False),
        ({}, {"live-restore": True}, False, True),
    ],
)
def test_restart(found: dict[str, Any], wanted: dict[str, Any], answers: bool, restart: bool) -> None:
    assert merging.daemon_needs_restart(with_file(found, answers=answers), wanted) is restart


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("github.com/docker/buildx v0.17.1 257815a6fbaee88976808020bf04274388275ae8", "0.17.1"),
        ("github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3", "0.13.1+ds1"),
        ("2.26.1-4", "2.26.1-4"),
        ("Docker version 26.1.5+dfsg1, build 411e817", "26.1.5+dfsg1"),
        ("v2.35.1-desktop.1", "2.35.1-desktop.1"),
        ("", ""),
    ],
)
def test_version_numbers(text: str, version: str) -> None:
    assert daemon.version_number(text) == version


def test_flags() -> None:
    flags = ["-H", "fd://", "--log-driver=local", "--config-file", "/srv/docker.json", "--live-restore"]
    assert daemon.flag_names(flags) == ["H", "log-driver", "config-file", "live-restore"]
    assert daemon.configuration_path(flags) == "/srv/docker.json"
    assert daemon.configuration_path(["--config-file=/srv/d.json"]) == "/srv/d.json"
    assert daemon.configuration_path([]) == "/etc/docker/daemon.json"


@pytest.mark.parametrize(
    ("text", "content", "fault"),
    [('{"debug": true}', {"debug": True}, False), ("", {}, False), ("{", {}, True), ("[]", {}, True)],
)
def test_configuration_file(text: str, content: dict[str, Any], fault: bool, tmp_path: Path) -> None:
    file = tmp_path / "daemon.json"
    assert daemon.read_configuration(str(file))["exists"] is False
    file.write_text(text)
    found = daemon.read_configuration(str(file))
    assert found["exists"]
    assert found["content"] == content
    assert bool(found["fault"]) is fault


def test_data_is_found_without_a_running_daemon(tmp_path: Path) -> None:
    assert not daemon.holds_data(str(tmp_path))
    (tmp_path / "volumes").mkdir()
    (tmp_path / "volumes/metadata.db").touch()
    assert not daemon.holds_data(str(tmp_path))
    (tmp_path / "volumes/kept").mkdir()
    assert daemon.holds_data(str(tmp_path))


def test_a_replaced_program_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "PID_FILE", tmp_path / "docker.pid")
    assert not daemon.replaced()
    assert daemon.arguments() == []
    program = Path(shutil.copy("/bin/sleep", tmp_path / "dockerd"))
    with subprocess.Popen([program, "1000"]) as running:
        (tmp_path / "docker.pid").write_text(f"{running.pid}\n")
        assert not daemon.replaced()
        assert daemon.arguments() == ["1000"]
        program.unlink()
        assert daemon.replaced()
        running.kill()


def test_an_unknown_system_has_no_packages_and_no_fault_here() -> None:
    """The platform's preflight names it; a playbook without that fails at the packages."""
    given = settings(packages={"distribution": [], "repository": REPOSITORY})
    assert planning.docker_faults(host(), given) == []
