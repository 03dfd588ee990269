"""Passwords change while services use them: both are accepted until those have the new ones, and no store is restarted."""

from __future__ import annotations

from typing import Any

import modules
import pytest
from plugins import ROOT, load

from tests.installation import Installation

from .conftest import AWKWARD

# Variable, user, and the host by which it logs in.
MYSQL = [
    ("database_root_password", "root", "localhost"),
    ("database_app_password", "jiucom", "mysql"),
    ("database_migrate_password", "jiucom_migrate", "mysql"),
    ("database_exporter_password", "exporter", "mysql"),
    ("database_health_password", "health", "127.0.0.1"),
]
REDIS = [("cache_app_password", "app"), ("cache_exporter_password", "exporter"), ("cache_health_password", "health")]
ROTATE: list[dict[str, Any]] = [{"ansible.builtin.include_role": {"name": "database", "tasks_from": "rotate"}}]
ROTATED: list[dict[str, Any]] = [{"ansible.builtin.include_role": {"name": "database", "tasks_from": "rotated"}}]


def accepted(installation: Installation, passwords: dict[str, Any]) -> dict[str, bool]:
    """Tell which of these passwords are accepted, by variable."""
    found = {name: installation.mysql(user, passwords[name], host) for name, user, host in MYSQL}
    return found | {name: installation.redis(user, passwords[name]) for name, user in REDIS}


def test_all_passwords_change_while_the_stores_run(installation: Installation) -> None:
    before = dict(installation.secrets)
    plain = ("database_exporter_password", "database_root_password")
    new = {name: f"second-{name}" if name in plain else f"second {name} {AWKWARD}" for name, *_ in [*MYSQL, *REDIS]}
    wrong = dict.fromkeys(new, "neither")
    stores = installation.compose("ps", "--quiet", "mysql", "redis")
    databases, caches = {name for name, *_ in MYSQL}, {name for name, _ in REDIS}
    installation.secrets |= new

    said = [installation.play(["cache"], ROTATE, "-vvv", "--diff")]
    assert set(accepted(installation, before).values()) == {True}
    assert set(accepted(installation, new).values()) == {True}
    assert set(accepted(installation, wrong).values()) == {False}

    # An interrupted run is repeated: what was done stays, and nothing is forgotten where the file was not written.
    (installation.base / "mysql/secrets/app_password").write_text(before["database_app_password"])
    said.append(installation.play([], ROTATE))
    assert "changed=1" in said[-1]
    assert set(accepted(installation, before).values()) == {True}

    said.append(installation.deploy())
    assert installation.compose("ps", "--quiet", "mysql", "redis") == stores
    assert {name for name, yes in accepted(installation, before).items() if yes} == databases
    assert set(accepted(installation, new).values()) == {True}
    exporters = installation.compose("exec", "-T", "redis-exporter", "wget", "-q", "-O", "-", "127.0.0.1:9121/metrics")
    assert "redis_up 1" in exporters

    said.append(installation.play([], ROTATED, "-vvv"))
    assert set(accepted(installation, before).values()) == {False}
    assert set(accepted(installation, new).values()) == {True}
    assert "changed=0" in installation.deploy()
    assert [name for name in databases | caches if any(new[name] in text for text in said)] == []


def test_accounts_that_redis_does_not_load_stay_as_they_were(installation: Installation) -> None:
    file = installation.base / "redis/secrets/users.acl"
    before = file.read_bytes()
    said = modules.result(
        modules.start(
            ROOT / "roles/cache/library/cache_accounts.py",
            path=str(installation.base),
            project=installation.project,
            accounts=f"user app on #{'0' * 64} ~*\n",
            load=["false"],
        )
    )
    assert "nothing was changed: it does not load its accounts" in said["msg"]
    assert file.read_bytes() == before


def test_a_mysql_that_does_not_run_is_named(tmp_path: Any) -> None:
    said = modules.result(
        modules.start(
            ROOT / "roles/database/library/database_password.py",
            state="both", path=str(tmp_path), project="jiucom-secrets-none", name="app_password",
            account="'jiucom'@'%'", password="new",
        )
    )  # fmt: skip
    assert "MySQL does not run" in said["msg"]


ACCOUNTS = load("roles/cache/library/cache_accounts.py")
FIXED = "user default off resetpass ~* &* +@all\n"


@pytest.mark.parametrize(
    ("old", "new", "both", "users"),
    [
        ("user app on #1 ~*\n", "user app on #1 ~*\n", "user app on #1 ~*\n", []),
        ("user app on #1 ~*\n", "user app on #2 ~* +get\n", "user app on #2 ~* +get #1\n", ["app"]),
        ("user app on #1 #0 ~*\n", "user app on #1 ~*\n", "user app on #1 ~* #0\n", ["app"]),
        ("user app on #1 ~*\n", "user shop on #1 ~*\n", "user shop on #1 ~*\nuser app on #1 ~*\n", ["app"]),
        ("", "user app on #1 ~*\n", "user app on #1 ~*\n", []),
        (FIXED, FIXED, FIXED, []),
    ],
)
def test_old_passwords_and_accounts_are_kept(old: str, new: str, both: str, users: list[str]) -> None:
    assert ACCOUNTS.merged(old, new) == (both, users)
