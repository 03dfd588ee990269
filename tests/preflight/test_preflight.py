"""What preflight refuses: by name, with what to change, before anything is touched ."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# Not those of a platform that this machine may have.
PORTS = {
    f"platform_{name}_port": 20080 + n
    for n, name in enumerate(("gateway", "direct", "prometheus", "grafana", "zipkin"))
}


# Nor its network.
NETWORK = {"platform_network_subnet": "172.30.99.0/24", "platform_gateway_address": "172.30.99.10"}


def words(**variables: object) -> list[str]:
    """Give variables as operators type them, which makes a text of each."""
    return [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]


def refused(tmp_path: Path, *extra: str, playbook: str = "site.yml", inventory: str = "inventories/dev") -> str:
    """Run a playbook with wrong values and return what it said; the run must end at what it refuses, unchanged."""
    given = (*words(platform_dir=tmp_path / "jiucom", platform_project="jiucom-preflight", **PORTS, **NETWORK), *extra)
    run = subprocess.run(
        [ROOT / ".venv/bin/ansible-playbook", playbook, "-i", inventory, *given],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "ANSIBLE_HOME": str(ROOT / ".cache/ansible"), "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
    )  # fmt: skip
    output = run.stdout + run.stderr
    assert run.returncode == 2, output
    assert "changed=0" in output
    assert "PLAY [Docker, images and services]" not in output
    assert not (tmp_path / "jiucom").exists()
    return output


SMTP = {"monitoring_smtp_host": "mail.example.com", "monitoring_smtp_from": "jiucom@example.com"}
# Each run: variables, and what must be named. Faults of one step are told together, so that one run shows many of them.
RUNS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "values": (
        {
            "platform_services_overrides": {"app": {"memroy": "2g"}, "aap": {"memory": "2g"}, "redis": {"cpus": 512}},
            "platform_images_overrides": {"mysqll": {"ref": "mysql:8.0.44"}, "python": {"ref": "python:3.13-slim"}},
            "platform_gateway_port": 70000,
            "platform_gateway_bind": "",
            "platform_public_url": "https://shop.example.kr",
            "platform_time_zone": "KST",
            "platform_network_subnet": "172.30.99.0/29",
            "gateway_cors_origins": ["jiucom.com"],
            "api_mail_username": 1234,
        },
        [
            "memroy",
            "aap",
            "overrides.redis.cpus",
            "overrides.mysqll",
            "overrides.python",
            "platform_gateway_port is 70000",
            "platform_gateway_bind",
            "gateway_trusted_proxies",
            "platform_time_zone",
            "platform_network_subnet",
            "jiucom.com",
            "api_mail_username is not a text",
        ],
    ),
    "misspelled variables": (
        {"gateway_rate_limt": 40, "api_replica": 2},
        ["did you mean gateway_rate_limit?", "did you mean api_replicas?"],
    ),
    "variables of an earlier release": (
        {"docker_log_max_size": "50m"},
        ["docker_log_max_size is no longer read: set docker_daemon_options"],
    ),
    "unknown choice": ({"platform_environment": "staging"}, ["platform_environment"]),
    "port that is no number": ({"platform_gateway_port": "http"}, ["platform_gateway_port"]),
    "host": (
        {"platform_min_memory_mb": 99_000_000, "platform_min_disk_mb": 99_000_000, "platform_min_cores": 4096},
        ["platform_min_memory_mb", "platform_min_disk_mb", "platform_min_cores"],
    ),
    "secrets": (
        {
            "api_jwt_secret": "x" * 31,
            "cache_app_password": "",
            "database_root_password": "it's",
            "cache_health_password": 12345678,
        },
        ["api_jwt_secret has 31 bytes", "cache_app_password is not set", "database_root_password", "put it in quotes"],
    ),
    "published secrets in prod": ({"platform_environment": "prod"}, ["ansible-vault edit", "publishes for dev"]),
    "too little disk where Docker's data will lie": (
        {"platform_min_disk_mb": 99_000_000, "docker_daemon_options": {"data-root": "/dev/shm/to/come"}},
        ["/dev/shm/to/come has"],
    ),
    "api": (
        {"api_replicas": 0, "api_db_pool_size": 0, "api_request_deadline": 0, "api_mail_username": "jiucom"},
        ["api_replicas is 0", "api_db_pool_size is 0", "api_request_deadline is 0", "set api_mail_password"],
    ),
    "cache": (
        {"platform_services_overrides": {"redis": {"memory": "256m"}}, "cache_maxmemory": "384mb"},
        ["cache_maxmemory"],
    ),
    "memory of a cluster": (
        {"cache_mode": "cluster", "platform_services_overrides": {"redis": {"memory": "900g"}}},
        ["cache_mode: cluster runs 6 servers of 900g each", "platform_services_overrides.redis.memory"],
    ),
    "database": (
        {
            "platform_services_overrides": {"mysql": {"memory": "1g"}},
            "database_buffer_pool_size": "1G",
            "api_replicas": 10,
            "api_db_pool_size": 30,
        },
        ["database_buffer_pool_size", "database_max_connections"],
    ),
    "gateway": (
        {"gateway_rate_limit": 0, "gateway_trusted_proxies": ["10.0.0.0/33"], "gateway_admin_networks": ["nobody"]},
        ["gateway_rate_limit is 0", "gateway_trusted_proxies", "gateway_admin_networks"],
    ),
    "sampling above everything": ({"tracing_sampling": 1.5}, ["tracing_sampling is 1.5"]),
    "sampling that is no number": ({"tracing_sampling": "half"}, ["tracing_sampling"]),
    "tracing": (
        {"tracing_storage": "elasticsearch", "tracing_heap": "480m", "tracing_max_spans": 1_000_000},
        ["tracing_elasticsearch_hosts", "tracing_heap", "tracing_max_spans"],
    ),
    "a store of traces that is both, and too small": (
        {
            "tracing_storage": "elasticsearch",
            "tracing_elasticsearch_managed": True,
            "tracing_elasticsearch_hosts": ["http://elasticsearch.internal:9200"],
            "tracing_elasticsearch_heap": "900m",
            "tracing_elasticsearch_replicas": 1,
            "tracing_elasticsearch_index": "Zipkin*",
            "tracing_retention_days": -1,
        },
        [
            "tracing_elasticsearch_hosts names others",
            "tracing_elasticsearch_heap is 900m",
            "tracing_elasticsearch_replicas is 1",
            "tracing_elasticsearch_index is Zipkin*",
            "tracing_retention_days is -1",
        ],
    ),
    "a store of traces of others, without password and authorities": (
        {
            "tracing_storage": "elasticsearch",
            "tracing_elasticsearch_hosts": ["https://elasticsearch.internal:9200"],
            "tracing_elasticsearch_user": "zipkin",
            "tracing_elasticsearch_ca": "/nonexistent.pem",
        },
        ["set tracing_elasticsearch_password", "/nonexistent.pem"],
    ),
    "a store of traces on a small host": (
        {
            "tracing_storage": "elasticsearch",
            "tracing_elasticsearch_managed": True,
            "platform_services_overrides": {"opensearch": {"memory": "900g"}},
        },
        ["platform_services_overrides.opensearch.memory"],
    ),
    "alerts and reports without a receiver": (
        {"monitoring_alertmanager_enabled": True, "monitoring_report_enabled": "true"},
        ["set monitoring_alertmanager_slack_url", "needs monitoring_report_to"],
    ),
    "alerts by mail without a server": (
        {"monitoring_alertmanager_enabled": True, "monitoring_alertmanager_mail_to": ["ops@example.com"]},
        ["monitoring_smtp_host"],
    ),
    "report at no time, account without a password": (
        {
            "monitoring_report_enabled": True,
            "monitoring_report_to": ["ops@example.com"],
            "monitoring_report_at": "monday 9:00",
            "monitoring_smtp_username": "jiucom",
            **SMTP,
        },
        ["mon 09:00", "set monitoring_smtp_password"],
    ),
    "Docker's repository without its key": (
        {"docker_source": "repository", "docker_repository_url": "http://docker.example/linux/debian"},
        ["docker_repository_key"],
    ),
    "images that no source gives": (
        {
            "images_sources": ["archive"],
            "images_archive_dir": "/nonexistent",
            "platform_images_overrides": {"zipkin": {"ref": "none/zipkin:1.0.0"}},
        },
        ["none/zipkin:1.0.0"],
    ),
}


@pytest.fixture
def volume() -> Iterator[str]:
    """Make the volume of an initialised MySQL; yields the name of its Compose project."""
    project = "jiucom-preflight"
    subprocess.run(["docker", "volume", "create", f"{project}_mysql-data"], check=True, capture_output=True)
    yield project
    subprocess.run(["docker", "volume", "rm", f"{project}_mysql-data"], check=True, capture_output=True)


@pytest.mark.parametrize("run", RUNS)
def test_refused(run: str, tmp_path: Path) -> None:
    variables, named = RUNS[run]
    said = refused(tmp_path, "-e", json.dumps(variables))
    assert [name for name in named if name not in said] == []


def test_variables_of_other_roles_are_no_fault(tmp_path: Path) -> None:
    """An operator's inventory may serve other roles, too: only what follows is refused."""
    said = refused(tmp_path, "-e", json.dumps({"docker_users": ["ops"], "images_bucket": "x", "tracing_sampling": 2}))
    assert "docker_users" not in said.replace('"docker_users"', "")
    assert "tracing_sampling is 2" in said


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "rate is not given"),
        ({"rate": "half"}, "rate is half"),
        ({"rate": 1.5}, "rate is 1.5"),
        ({"rate": 1, "minutes": "soon"}, "minutes is soon"),
        ({"rate": 1, "minutes": 1441}, "minutes is 1441"),
    ],
)
def test_sampling_takes_a_share_and_a_time(given: dict[str, object], named: str, tmp_path: Path) -> None:
    assert named in refused(tmp_path, "-e", json.dumps(given), playbook="playbooks/sampling.yml")


@pytest.mark.parametrize(
    ("secret", "named"),
    [
        ("", "Name one secret, -e secret=NAME, of: database_root_password"),
        ("database_password", "Name one secret"),
        ("gateway_admin_users.lee", "gateway_admin_users.kim"),
        ("api_jwt_secret", "has no platform yet"),
    ],
)
def test_rotation_takes_a_secret_of_a_platform_that_is_there(secret: str, named: str, tmp_path: Path) -> None:
    given = {"secret": secret, "gateway_admin_users": {"kim": "a password"}}
    assert named in refused(tmp_path, "-e", json.dumps(given), playbook="playbooks/rotate.yml")


def test_a_taken_port_is_named_with_its_variable(tmp_path: Path) -> None:
    """And numbers that are texts, in what is looked at before, are numbers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        sizes = {"platform_min_cores": 1, "platform_min_memory_mb": 100, "platform_min_disk_mb": 100}
        said = refused(tmp_path, *words(platform_gateway_port=port, docker_hold="false", **sizes))
    assert f"Port {port} is taken" in said
    assert "platform_gateway_port" in said


def test_a_port_of_two_services_is_found_in_strings_too(tmp_path: Path) -> None:
    assert "are both 8123" in refused(
        tmp_path, *words(platform_gateway_port=8123), "-e", '{"platform_direct_port": 8123}'
    )


def test_a_string_in_place_of_a_list_is_refused(tmp_path: Path) -> None:
    assert '-e \'{\\"images_sources\\": [' in refused(tmp_path, *words(images_sources="registry"))


def test_prod_without_its_vault(tmp_path: Path) -> None:
    """The inventory as it is, but for the way to the host: this machine stands for it."""
    here = words(ansible_connection="local", ansible_become="false", ansible_python_interpreter="/usr/bin/python3")
    assert "playbooks/secrets.yml" in refused(tmp_path, *here, inventory="inventories/prod")
    one = words(database_root_password="a-secret-of-more-than-sixteen-characters")
    said = refused(tmp_path, *here, *one, inventory="inventories/prod")
    assert said.count(" is not set") >= 9
    assert "api_jwt_secret is not set" in said
    assert "inventories/prod/group_vars/all/vault.yml" in said


def test_data_of_another_major_version(tmp_path: Path, volume: str) -> None:
    """The volume is real; which version wrote it is what the installation directory remembers."""
    where = tmp_path / "installation"
    where.mkdir()
    (where / ".versions.json").write_text(json.dumps({"mysql": "5.7.44"}))
    said = refused(tmp_path, *words(platform_dir=where, platform_project=volume))
    assert "the data was written by version 5.7.44" in said
    assert "platform_images_overrides.mysql.ref" in said


def test_a_password_that_the_database_does_not_know(tmp_path: Path, volume: str) -> None:
    """On an installed host, which needs less room than a new one."""
    where = tmp_path / "installation"
    secrets = where / "mysql/secrets"
    secrets.mkdir(parents=True)
    (where / "compose.yaml").write_text("services: {}\n")
    for name, value in {"root_password": "as-it-was", "app_password": "as-it-is"}.items():
        (secrets / name).write_text(value)
    given = words(
        platform_dir=where, platform_project=volume, platform_min_disk_mb=99_000_000,
        database_root_password="another", database_app_password="as-it-is",
    )  # fmt: skip
    said = refused(tmp_path, *given)
    assert "initialised with another database_root_password. Go back" in said
    assert "playbooks/rotate.yml -i " in said
    assert "-e mine=true -e secret=database_root_password" in said
    assert "database_app_password" not in said
    assert "as-it-was" not in said
    assert "'another'" not in said


def test_an_installed_host_needs_room_as_well(tmp_path: Path) -> None:
    where = tmp_path / "installation"
    where.mkdir()
    (where / "compose.yaml").write_text("services: {}\n")
    said = refused(
        tmp_path, *words(platform_dir=where, platform_min_disk_mb=1, platform_min_disk_installed_mb=99_000_000)
    )
    assert "need 99000000 MB (platform_min_disk_installed_mb)" in said


def test_an_older_installation_is_refused_until_the_changes_since_are_acknowledged(tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    installed.mkdir()
    (installed / ".versions.json").write_text('{"mysql": "9.7.4"}')
    given = {"platform_dir": str(installed), "_platform_changes": {"1": "set gateway_tls"}}
    said = refused(tmp_path, "-e", json.dumps(given))
    assert "Change 1: set gateway_tls" in said
    assert "-e platform_acknowledged=1" in said


def test_a_verb_of_one_host_is_refused_on_several(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("{}")
    said = refused(tmp_path, "-e", json.dumps({"platform_dir": str(tmp_path)}), playbook="playbooks/stop.yml")
    assert "the platform runs on several hosts, and stop does not work there" in said
    assert not (tmp_path / ".lock").exists()


def test_what_several_hosts_need_is_told_together(tmp_path: Path) -> None:
    """One host, and nothing set for Swarm: the run ends before Docker is touched."""
    wrong = {"monitoring_node_exporter_enabled": True, "swarm_managers": 2, "swarm_placement": {"mysql": "nowhere"}}
    wrong["backup_enabled"] = True
    said = refused(tmp_path, "-e", json.dumps(wrong), playbook="playbooks/swarm.yml")
    for text in (
        "Set gateway_resolve_seconds: 1", "Set docker_daemon_options: {live-restore: false}", "Set three hosts or more",
        "Set docker_daemon_options: {no-new-privileges: true}", "Set swarm_managers to an odd number",
        "Set hosts of the inventory in swarm_placement", "Set swarm_placement without mysql, redis, grafana and pictures",
        "node-exporter is not tried with Swarm: turn it off",
    ):  # fmt: skip
        assert text in said, text
