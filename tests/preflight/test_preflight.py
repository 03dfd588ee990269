"""What preflight refuses: by name, with what to change, before anything is touched (issue 2)."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Not those of a platform that this machine may have.
PORTS = {
    f"platform_{name}_port": 20080 + n
    for n, name in enumerate(("gateway", "direct", "prometheus", "grafana", "zipkin"))
}


def words(**variables: object) -> list[str]:
    """Give variables as operators type them, which makes a text of each."""
    return [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]


def refused(tmp_path: Path, *extra: str, playbook: str = "site.yml", inventory: str = "inventories/dev") -> str:
    """Run a playbook with wrong values and return what it said; the run must end at what it refuses, unchanged."""
    given = (*words(platform_dir=tmp_path / "jiucom", **PORTS), *extra)
    run = subprocess.run(
        [ROOT / ".venv/bin/ansible-playbook", playbook, "-i", inventory, *given],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "ANSIBLE_HOME": str(ROOT / ".cache/ansible"), "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
    )  # fmt: skip
    output = run.stdout + run.stderr
    assert run.returncode == 2, output
    assert "changed=0" in output
    assert "PLAY [The host]" not in output
    assert not (tmp_path / "jiucom").exists()
    return output


CASES = {
    "typo in a service's limit": ({"platform_services_overrides": {"app": {"memroy": "2g"}}}, "memroy"),
    "unknown service": ({"platform_services_overrides": {"aap": {"memory": "2g"}}}, "aap"),
    "limit above the cores": ({"platform_services_overrides": {"app": {"cpus": 512}}}, "overrides.app.cpus"),
    "unknown variable": ({"gateway_rate_limt": 40}, "did you mean gateway_rate_limit?"),
    "unknown value": ({"platform_environment": "staging"}, "platform_environment"),
    "port out of range": ({"platform_gateway_port": 70000}, "platform_gateway_port"),
    "port that is no number": ({"platform_gateway_port": "http"}, "platform_gateway_port"),
    "malformed origin": ({"gateway_cors_origins": ["jiucom.com"]}, "jiucom.com"),
    "network too small": ({"platform_network_subnet": "172.30.80.0/29"}, "platform_network_subnet"),
    "too little memory": ({"platform_min_memory_mb": 99_000_000}, "platform_min_memory_mb"),
    "too little disk": ({"platform_min_disk_mb": 99_000_000}, "platform_min_disk_mb"),
    "too few cores": ({"platform_min_cores": 4096}, "platform_min_cores"),
    "unsupported system": ({"platform_supported": ["Debian 99"]}, "platform_supported"),
    "missing secret": ({"api_jwt_secret": ""}, "api_jwt_secret"),
    "published secret in prod": ({"platform_environment": "prod"}, "ansible-vault edit"),
    "sampling above everything": ({"tracing_sampling": 1.5}, "tracing_sampling is 1.5"),
    "sampling below nothing": ({"tracing_sampling": -0.1}, "tracing_sampling is -0.1"),
    "sampling that is no number": ({"tracing_sampling": "half"}, "tracing_sampling"),
    "traces without an address": ({"tracing_storage": "elasticsearch"}, "tracing_elasticsearch_hosts"),
    "alerts for nobody": ({"monitoring_alertmanager_enabled": True}, "set monitoring_alertmanager_slack_url"),
    "alerts by mail without a server": (
        {"monitoring_alertmanager_enabled": True, "monitoring_alertmanager_mail_to": ["ops@example.com"]},
        "monitoring_smtp_host",
    ),
    "report for nobody": ({"monitoring_report_enabled": True}, "needs monitoring_report_to"),
    "report at no time": (
        {
            "monitoring_report_enabled": True,
            "monitoring_report_to": ["ops@example.com"],
            "monitoring_smtp_host": "mail.example.com",
            "monitoring_smtp_from": "jiucom@example.com",
            "monitoring_report_at": "monday 9:00",
        },
        "mon 09:00",
    ),
    "unknown image": (
        {"platform_images_overrides": {"mysqll": {"ref": "mysql:8.0.44"}}},
        "platform_images_overrides.mysqll",
    ),
    "signing key that the API refuses": ({"api_jwt_secret": "x" * 31}, "api_jwt_secret has 31 bytes, and needs 32"),
    "foreign machine": ({"platform_architectures": ["pdp11"]}, "platform_architectures lists pdp11"),
    "Docker's repository without its key": (
        {"docker_source": "repository", "docker_repository_url": "http://docker.example/linux/debian"},
        "docker_repository_key",
    ),
    "too little disk where Docker's data will lie": (
        {"platform_min_disk_mb": 99_000_000, "docker_daemon_options": {"data-root": "/dev/shm/to/come"}},
        "/dev/shm/to/come has",
    ),
    "mail account without a password": (
        {
            "monitoring_alertmanager_enabled": True,
            "monitoring_alertmanager_mail_to": ["ops@example.com"],
            "monitoring_smtp_host": "mail.example.com",
            "monitoring_smtp_from": "jiucom@example.com",
            "monitoring_smtp_username": "jiucom",
        },
        "set monitoring_smtp_password",
    ),
    "images that no source gives": (
        {
            "images_sources": ["archive"],
            "images_archive_dir": "/nonexistent",
            "platform_images_overrides": {"zipkin": {"ref": "none/zipkin:1.0"}},
        },
        "none/zipkin:1.0",
    ),
}


@pytest.fixture
def volume() -> Iterator[str]:
    """Make the volume of an initialised MySQL; yields the name of its Compose project."""
    project = "jiucom-preflight"
    subprocess.run(["docker", "volume", "create", f"{project}_mysql-data"], check=True, capture_output=True)
    yield project
    subprocess.run(["docker", "volume", "rm", f"{project}_mysql-data"], check=True, capture_output=True)


@pytest.mark.parametrize("case", CASES)
def test_refused(case: str, tmp_path: Path) -> None:
    variables, named = CASES[case]
    assert named in refused(tmp_path, "-e", json.dumps(variables))


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


def test_a_taken_port_is_named_with_its_variable(tmp_path: Path) -> None:
    """And numbers that are texts, in what is looked at before, are numbers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        sizes = {"platform_min_cores": 1, "platform_min_memory_mb": 100, "platform_min_disk_mb": 100}
        said = refused(tmp_path, *words(platform_gateway_port=port, docker_hold="false", **sizes))
    assert f"Port {port} is taken" in said
    assert "platform_gateway_port" in said


def test_one_port_for_two_services_is_found_in_texts_too(tmp_path: Path) -> None:
    assert "are both 8123" in refused(
        tmp_path, *words(platform_gateway_port=8123), "-e", '{"platform_direct_port": 8123}'
    )


def test_a_text_is_no_list(tmp_path: Path) -> None:
    assert '-e \'{\\"images_sources\\": [' in refused(tmp_path, *words(images_sources="registry"))


def test_prod_without_its_vault(tmp_path: Path) -> None:
    """The inventory as it is, but for the way to the host: this machine stands for it."""
    here = words(ansible_connection="local", ansible_become="false", ansible_python_interpreter="/usr/bin/python3")
    said = refused(tmp_path, *here, inventory="inventories/prod")
    assert said.count(" is not set") >= 10
    assert "api_jwt_secret is not set" in said
    assert "inventories/prod/group_vars/all/vault.yml" in said


def test_data_of_another_major_version(tmp_path: Path, volume: str) -> None:
    """The volume is real; which version wrote it is what the installation directory remembers."""
    where = tmp_path / "installation"
    where.mkdir()
    (where / ".versions.json").write_text(json.dumps({"mysql": "5.7.44"}))
    said = refused(tmp_path, *words(platform_dir=where, platform_project=volume))
    assert "mysql 5.7.44" in said


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
    assert "initialised with another database_root_password.\\n" in said
    assert "ALTER USER 'root'@'localhost' IDENTIFIED BY" in said
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
