"""A secret is in its own file alone: not in what Ansible says, also when a role fails, nor in what the roles write beside it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from testing.images import image

from .canaries import canary, leaves, shown

ROOT = Path(__file__).parents[2]
NAMES = [
    *yaml.safe_load((ROOT / "roles/platform/vars/main/secrets.yml").read_text())["_platform_secrets"],
    "api_jwt_secret_previous",
    "api_mail_password",
    "monitoring_smtp_password",
    "tracing_elasticsearch_password",
]
# By role: the service whose files are written first.
ROLES = {
    "database": "mysql",
    "cache": "redis",
    "monitoring": "prometheus",
    "gateway": "nginx",
    "api": "app",
    "tracing": "zipkin",
}
IMAGES = (
    *("mysql", "mysql-exporter", "redis", "redis-exporter", "prometheus", "grafana", "alertmanager", "nginx"),
    *("node-exporter", "nginx-exporter", "python", "zipkin"),
)


def planted() -> dict[str, Any]:
    """Make a canary of each secret."""
    values: dict[str, Any] = {name: canary(name) for name in NAMES}
    values["gateway_admin_users"] = {"operator": canary("operator")}
    values["monitoring_alertmanager_slack_url"] = f"https://hooks.invalid/{canary('slack')}"
    return values


def tasks(role: str) -> dict[str, Any]:
    """Return a play's roles and tasks, with the others' variables known; the API, not to be built, writes its files alone."""
    others = [{"role": other, "tags": ["never"]} for other in ROLES if other != role]
    if role != "api":
        return {"roles": ["platform", role, *others]}
    write = {
        "base": "{{ platform_dir }}",
        "services": "{{ _api_services | jiucom.platform.service_list(platform_services, platform_compose) }}",
        "secrets": "{{ _api_secrets }}",
    }
    never = [*others, {"role": "api", "tags": ["never"]}]
    return {"roles": ["platform", *never], "tasks": [{"jiucom.platform.service_files": write}]}


def certificate(home: Path) -> dict[str, str]:
    """Make the operator's own certificate and its key."""
    files = {"gateway_tls_key_file": f"{home}/key.pem", "gateway_tls_certificate_file": f"{home}/chain.pem"}
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*make, "-keyout", f"{home}/key.pem", "-out", f"{home}/chain.pem"], capture_output=True, check=True)
    return files


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, str]:
    """Run every role twice, once where it cannot write; returns the secrets, the directory, and what Ansible said."""
    home, secrets = tmp_path_factory.mktemp("canaries"), planted()
    hosts = {f"{how}-{role}": {"platform_dir": f"{home}/{how}-{role}"} for role in ROLES for how in ("works", "fails")}
    for role, service in ROLES.items():
        (home / f"fails-{role}").mkdir()
        (home / f"fails-{role}" / service).write_text("where a directory should be")
    resolved = {"version": "9.7", "pull_policy": "never"}
    facts = {
        "platform_host": {"installed": False, "volumes": [], "docker": {"data_root": "/var/lib/docker"}},
        "_database_logrotate": str(home / "logrotate"),
        "images_resolved": {name: {**resolved, "reference": image(name), "product": name} for name in IMAGES},
        "api_image": "localhost/jiucom/app:none",
    }
    variables = {
        **secrets,
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "api_mail_host": "mail.invalid",
        "monitoring_alertmanager_enabled": True,
        "monitoring_report_enabled": True,
        "monitoring_smtp_host": "mail.invalid",
        "monitoring_smtp_username": "jiucom",
        "gateway_tls": "files",
        **certificate(home),
        # Nothing answers there: certificate.py must not take another gateway of this machine for this one.
        "platform_gateway_https_port": 1,
        "tracing_storage": "elasticsearch",
        "tracing_elasticsearch_hosts": ["http://elasticsearch.invalid:9200"],
        "tracing_elasticsearch_user": "zipkin",
    }
    plays = [{"hosts": f"*-{role}", "gather_facts": False, **tasks(role)} for role in ROLES]
    (home / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": variables}}))
    (home / "play.yml").write_text(yaml.safe_dump(plays))
    command = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        "-i",
        str(home / "hosts.yml"),
        str(home / "play.yml"),
    ]
    done = subprocess.run(
        [*command, "-vvv", "--diff", "-e", json.dumps(facts)], capture_output=True, text=True, timeout=500, check=False,
        env=os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_DISPLAY_TRACEBACK": "always"},
    )  # fmt: skip
    return secrets, home, done.stdout + done.stderr


def test_ansible_shows_no_secret(run: tuple[dict[str, Any], Path, str]) -> None:
    secrets, _, said = run
    for role in ROLES:
        works = next(line for line in said.splitlines() if line.startswith(f"works-{role} "))
        fails = next(line for line in said.splitlines() if line.startswith(f"fails-{role} "))
        assert "failed=0" in works, said
        assert "failed=1" in fails, said
    assert said.count("Traceback") >= len(ROLES)
    assert shown(secrets, said) == []


def test_ansible_shows_no_line_of_the_certificate_s_key(run: tuple[dict[str, Any], Path, str]) -> None:
    _, home, said = run
    lines = [line for line in (home / "key.pem").read_text().splitlines() if not line.startswith("-----")]
    assert len(lines) > 20
    assert [line for line in lines if line in said] == []
    places = [
        path for path in home.rglob("*") if path.is_file() and path.parent != home and lines[5] in path.read_text()
    ]
    assert {path.name for path in places} == {"given.pem", "gateway.pem"}
    assert [path for path in places if path.stat().st_mode & 0o777 != 0o400] == []


def test_every_secret_is_in_its_file_and_in_no_other(run: tuple[dict[str, Any], Path, str]) -> None:
    secrets, home, _ = run
    files = [path for path in home.rglob("*") if path.is_file() and path.parent != home]
    inside = [path for path in files if path.parent.name == "secrets"]
    assert [path for path in inside if path.stat().st_mode & 0o777 != 0o400] == []
    texts = {path: path.read_text() for path in files}
    # gateway_admin_users is written as hashes.
    written = {name for name, value in leaves(secrets).items() if any(value in texts[path] for path in inside)}
    assert written == {*leaves(secrets)} - {"gateway_admin_users.operator"}
    assert {str(path): found for path in set(files) - set(inside) if (found := shown(secrets, texts[path]))} == {}


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_encoded_canaries_are_found(before: str) -> None:
    """The test of the tests: each form is seen wherever it stands."""
    value = canary("one")
    for text in (
        before + value,
        quote(f"{before}{value}/x", safe=""),
        base64.b64encode(f"{before}{value} and more".encode()).decode(),
        json.dumps({"key": f"{before}{value}"}),
    ):
        assert shown({"one": value}, text), text
    assert shown({"one": value}, canary("one") + quote(canary("one"))) == []
