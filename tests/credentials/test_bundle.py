"""A support bundle shows no secret, in whatever form it got into logs and files, and shows what somebody who helps needs."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.jiucom.platform.plugins.module_utils.redaction import Redaction, of_file

from testing.images import image

from .canaries import canary, shown

ROOT = Path(__file__).parents[2]
# In the inventory, and in files of the host in the forms that services read.
GIVEN = {name: canary(name) for name in ("database_root_password", "api_jwt_secret")} | {
    "gateway_admin_users": {"kim": canary("kim")}
}
FILES = {name: canary(name) for name in ("db_password", "my.cnf", "passwords.json", "users.acl")}
CONTENTS = {
    "app/secrets/db_password": FILES["db_password"],
    "mysql-exporter/secrets/my.cnf": f"[client]\nuser = exporter\npassword = {FILES['my.cnf']}\nhost = mysql\n",
    "redis-exporter/secrets/passwords.json": json.dumps({"redis://exporter@redis:6379": FILES["passwords.json"]}),
    "redis/secrets/users.acl": f"user app on >{FILES['users.acl']} ~* +@all\n",
}
SECRETS: dict[str, Any] = GIVEN | FILES


def leaky(secrets: dict[str, Any]) -> str:
    """Write every secret in every form, as logs may have them."""
    values = [value for given in secrets.values() for value in (given.values() if isinstance(given, dict) else [given])]
    lines = ["started, and all is well"]
    for value in values:
        lines += [f"login of x with {value}", f"GET /?a={quote(value, safe='')}&b=1", json.dumps({"said": value})]
        lines += [f"Basic {base64.b64encode(f'{before}{value}:x'.encode()).decode()}" for before in ("", "k", "ki")]
    return "\n".join(lines)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[str]:
    """An installation with secrets, and a container that logs them all; and its audit log, too."""
    for name, text in CONTENTS.items():
        (tmp_path / "jiucom" / name).parent.mkdir(parents=True)
        (tmp_path / "jiucom" / name).write_text(text)
    (tmp_path / "jiucom/compose.yaml").write_text(
        f"services:\n  app:\n    environment:\n      OWN: {SECRETS['db_password']}\n"
    )
    (tmp_path / "jiucom/audit.log").write_text(json.dumps({"verb": "site", "result": "done"}) + "\n")
    (tmp_path / "log.txt").write_text(leaky(SECRETS))
    project = f"jiucom-test-{uuid.uuid4().hex[:8]}"
    labels = [
        f"--label=com.docker.compose.{key}={value}" for key, value in {"project": project, "service": "app"}.items()
    ]
    command = [
        "docker",
        "run",
        "--detach",
        "--name",
        f"{project}-app-1",
        *labels,
        "--volume",
        f"{tmp_path}/log.txt:/log.txt:ro",
    ]
    subprocess.run([*command, "--entrypoint", "cat", image("python"), "/log.txt"], check=True, capture_output=True)
    try:
        yield project
    finally:
        subprocess.run(["docker", "rm", "--force", f"{project}-app-1"], check=True, capture_output=True)


def write(home: Path, project: str) -> dict[str, str]:
    """Write a bundle as the role does; returns its files by name."""
    given = {
        "path": str(home / "jiucom"),
        "project": project,
        "doctor": ["app: drift"],
        "secrets": GIVEN,
        "bundle": str(home / "b.tar.gz"),
    }
    run = subprocess.run(
        [sys.executable, ROOT / "roles/platform/library/platform_bundle.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "collections")},
        input=json.dumps({"ANSIBLE_MODULE_ARGS": given}), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown(SECRETS, json.dumps(json.loads(run.stdout) | {"invocation": ""})) == []
    with tarfile.open(home / "b.tar.gz") as archive:
        return {entry.name.partition("/")[2]: archive.extractfile(entry).read().decode() for entry in archive}  # type: ignore[union-attr]


def test_no_secret_is_in_a_bundle(project: str, tmp_path: Path) -> None:
    assert len(shown(SECRETS, leaky(SECRETS))) >= 5 * 7
    end = time.monotonic() + 30
    while "all is well" not in (files := write(tmp_path, project)).get(f"logs/{project}-app-1.txt", ""):
        assert time.monotonic() < end, files
        time.sleep(0.3)
    assert {name: found for name, text in files.items() if (found := shown(SECRETS, text))} == {}
    assert files["doctor.txt"] == "app: drift\n"
    assert '"verb": "site"' in files["audit.log"]
    assert "[redacted]" in files["compose.yaml"]
    assert json.loads(files["containers.json"])["app"][0]["state"]["Status"] == "exited"
    assert "Server:" in files["versions.txt"]
    assert "Filesystem" in files["disk.txt"]
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600


def test_without_docker_the_bundle_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jiucom").mkdir()
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    assert "does not answer" in write(tmp_path, "jiucom-nothing")["containers.json"]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("GET /reset?token=abc123&x=1", "GET /reset?token=[redacted]&x=1"),
        ("GET /verify?code=123456 exited with code: 3", "GET /verify?code=[redacted] exited with code: 3"),
        ('{"ExitCode": 0, "Status": "exited"}', '{"ExitCode": 0, "Status": "exited"}'),
        ('{"password": "new one", "x": 1}', '{"password": "[redacted] one", "x": 1}'),
        ("Authorization: Bearer eyJhbGciOi.eyJzdWIi.c2ln", "Authorization: Bearer [redacted]"),
        ("mail to kim.s@example.kr failed", "mail to [mail address] failed"),
        ("MySQL 9.7.4 is ready for connections on port 3306", "MySQL 9.7.4 is ready for connections on port 3306"),
    ],
)
def test_secrets_outside_the_inventory_are_redacted(text: str, left: str) -> None:
    assert Redaction([])(text) == left


def test_words_of_files_that_are_no_secrets_stay(tmp_path: Path) -> None:
    for name, text in CONTENTS.items():
        (tmp_path / Path(name).name).write_text(text)
    found = {secret for path in tmp_path.iterdir() for secret in of_file(path)}
    assert found == set(FILES.values())
