"""Each secret is changed on a running platform under load: no request fails, and the old value is refused afterwards.

The load comes from ten addresses, three of ten requests are writes. Grafana is board here, which starts anew with the password;
its own pages are away for that time.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from background import repeated
from hosts import ROOT, Host
from loads import LIMITS, load, rows, token

# Answered without the demo's data too.
READS = ("/api/v1/parts?category=CPU", "/api/v1/parts/categories", "/api/v1/posts")
# The services that read a secret when they start; the other secrets restart nothing.
RECREATED = {
    "database_app_password": {"app"},
    "database_migrate_password": {"app"},
    "database_exporter_password": {"mysql-exporter"},
    "database_root_password": set(),
    "database_health_password": set(),
    "cache_app_password": {"app"},
    "cache_exporter_password": {"redis-exporter"},
    "cache_health_password": set(),
    "api_jwt_secret": {"app"},
    "monitoring_grafana_admin_password": {"grafana"},
    "gateway_admin_users.operator": set(),
}
# What an account of people opens: its user, and a page.
PAGES = {
    "monitoring_grafana_admin_password": ("admin", "/grafana/api/search"),
    "gateway_admin_users.operator": ("operator", "/zipkin/api/v2/services"),
}


class Vault:
    """The operator's inventory, in a copy: changes of secrets are written into its vault."""

    def __init__(self, home: Path, host: Host) -> None:
        *others, own = host.inventories
        shutil.copytree(own, home / "inventory")
        self.host = replace(host, inventories=[*others, str(home / "inventory")])
        self._file = home / "inventory/group_vars/all/vault.yml"
        self._read: tuple[int, Any] = (0, {})

    def value(self, secret: str) -> str:
        """Read a secret; the file is decrypted when it has changed."""
        changed = self._file.stat().st_mtime_ns
        if changed != self._read[0]:
            show = [str(ROOT / ".venv/bin/ansible-vault"), "view", str(self._file)]
            environment = os.environ | {"ANSIBLE_VAULT_PASSWORD_FILE": str(ROOT / "molecule/prod/vault-password")}
            text = subprocess.run(show, env=environment, capture_output=True, text=True, check=True).stdout
            self._read = changed, yaml.safe_load(text)
        found = self._read[1]
        for part in secret.split("."):
            found = found[part]
        return str(found)


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory, host: Host) -> Vault:
    made = Vault(tmp_path_factory.mktemp("operator"), host)
    made.host.apply(*LIMITS)
    return made


def status(host: Host, secret: str, password: str) -> int:
    """Open a page as the account whose secret it is; returns the status."""
    user, page = PAGES[secret]
    curl = ["curl", "-s", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", "-u", f"{user}:{password}"]
    return int(
        subprocess.run([*curl, f"http://{host.address}{page}"], capture_output=True, text=True, check=False).stdout
    )


@contextmanager
def watched(vault: Vault, secret: str) -> Iterator[list[list[int]]]:
    """Open an account's page until the end of the block; yields the statuses of each round.

    The value that was accepted last is tried first, and the other one, the old or what the vault has, only where it is refused:
    Grafana refuses an account for minutes after five wrong passwords.
    """
    old, seen = vault.value(secret), list[list[int]]()
    accepted = old

    def look() -> None:
        nonlocal accepted
        other = vault.value(secret) if accepted == old else old
        found = [status(vault.host, secret, accepted)]
        if found != [200]:
            found.append(status(vault.host, secret, other))
            accepted = other if found[-1] == 200 else accepted
        seen.append(found)

    with repeated(look, 0.2) if secret in PAGES else nullcontext():
        yield seen


@pytest.mark.timeout(900)
@pytest.mark.parametrize("secret", RECREATED)
def test_a_rotation_loses_no_request(vault: Vault, secret: str) -> None:
    host, mark = vault.host, f"rotation {secret} {secrets.token_hex(4)}"
    before, ids = vault.value(secret), host.ids()
    access = token(host)
    with load(host, access, mark, rate=60, reads=READS) as told, watched(vault, secret) as seen:
        start = time.monotonic()
        code, said = host.playbook(*LIMITS, "-e", f"secret={secret}", playbook="playbooks/rotate.yml")
        seconds = time.monotonic() - start
    assert code == 0, said[-4000:]
    print(f"{secret}: {seconds:.0f} s, sent {told['sent']}, failed {told['failures']}, slowest {told['slowest']} s")
    assert told["failed"] == []
    assert told["sent"] > 60
    assert rows(host, mark) == told["written"]
    after = vault.value(secret)
    assert after != before
    assert {name for name, old in ids.items() if host.ids()[name] != old} == RECREATED[secret]
    assert [value for value in (before, after) if value in said] == []
    if secret in PAGES:
        assert [status(host, secret, value) for value in (before, after)] == [401, 200]
        # At each moment one of both is accepted, but for Grafana while it starts.
        away = {502, 504} if RECREATED[secret] else set()
        assert [found for found in seen if 200 not in found and not set(found) & away] == []
        assert len(seen) > 10
