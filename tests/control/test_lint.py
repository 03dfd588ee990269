"""The values of an inventory are checked without a host: those of these inventories answer nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.control.checkout import ROOT
from tests.control.inventory import NOT_ASKED, Inventory

LINT = "playbooks/lint_inventory.yml"
DEV = ROOT / "inventories/dev/group_vars/all"


@pytest.fixture
def development(inventory: Inventory) -> Inventory:
    """Return an inventory with the values of development, which are right."""
    for name in ("main.yml", "secrets.yml"):
        inventory.write(name, (DEV / name).read_text())
    return inventory


def test_right_values_pass(development: Inventory) -> None:
    said = development.play(playbook=LINT, code=0)
    assert "UNREACHABLE" not in said
    assert "failed=0" in said


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"gateway_rate_limt": 5}, "did you mean gateway_rate_limit?"),
    ({"platform_environment": "staging"}, "platform_environment"),
    ({"platform_gateway_port": 70000}, "platform_gateway_port is 70000"),
    ({"platform_services_overrides": {"aap": {}}}, "platform_services_overrides.aap"),
    ({"api_jwt_secret": ""}, "api_jwt_secret is not set"),
    ({"api_replicas": 0}, "api_replicas is 0"),
    ({"api_seed": "none"}, "api_mail_to_log is for development"),
    ({"api_jwt_secret_previous": "short"}, "api_jwt_secret_previous is shorter"),
    ({"cache_maxmemory": "2g"}, "cache_maxmemory is 2g"),
    ({"database_buffer_pool_size": "8g"}, "database_buffer_pool_size is 8g"),
    ({"gateway_trusted_proxies": ["here"]}, "gateway_trusted_proxies"),
    ({"gateway_proxy_protocol": True}, "gateway_proxy_protocol needs gateway_trusted_proxies"),
    ({"monitoring_alertmanager_enabled": True}, "monitoring_alertmanager_slack_url"),
    ({"database_replicas": 3}, "database_replicas is 3"),
    ({"database_replicas": 1, "database_replica_password": 33 * "x"}, "database_replica_password has 33 characters"),
    ({"database_replicas": 1, "database_replica_buffer_pool_size": "1G"}, "database_replica_buffer_pool_size is 1G"),
    ({"tracing_sampling": 2}, "tracing_sampling is 2"),
    ({"tracing_heap": "2g"}, "tracing_heap is 2g"),
]


# What prod refuses besides.
WRONG_IN_PROD: list[tuple[dict[str, Any], str]] = [
    ({"platform_public_url": "https://jiucom.example.com"}, "platform_public_url"),
    ({"api_mail_host": ""}, "api_mail_off: true"),
    ({"api_mail_to_log": True}, "api_mail_to_log is for development"),
    ({"gateway_cors_origins": ["*"]}, "gateway_cors_origins is *"),
    ({"gateway_admin_users": {}}, "gateway_admin_users is empty"),
    ({"gateway_admin_users": {"operator": "short"}}, "passwords need 16 characters"),
    ({"gateway_admin_networks": ["172.30.80.1"]}, "holds the bridge address"),
    ({"gateway_admin_networks": ["172.30.80.0/24"]}, "holds the bridge address"),
]


def are_named(inventory: Inventory, wrong: list[tuple[dict[str, Any], str]]) -> None:
    """Check an inventory with a host for each wrong value, and one without."""
    hosts = {f"host{n:02}": {**NOT_ASKED, **values} for n, (values, _) in enumerate([*wrong, ({}, "")])}
    inventory.write("../../hosts.yml", {"all": {"hosts": hosts}})
    said = inventory.play(playbook=LINT)
    assert "UNREACHABLE" not in said
    failures = dict(re.findall(r"fatal: \[(host\d+)\]: FAILED! => (.*?)(?=fatal:|TASK|PLAY|ok:)", said))
    assert sorted(failures) == sorted(hosts)[:-1], said
    assert [named for n, (_, named) in enumerate(wrong) if named not in failures[f"host{n:02}"]] == []


def test_wrong_values_are_named_for_each_host(development: Inventory) -> None:
    are_named(development, WRONG)


def test_production_refuses_values_for_development(inventory: Inventory) -> None:
    inventory.write("main.yml", (ROOT / "inventories/prod/group_vars/all/main.yml").read_text())
    named = yaml.safe_load((ROOT / "roles/platform/vars/main/secrets.yml").read_text())["_platform_secrets"]
    filled = {name: f"{name}-0123456789-0123456789" for name in named}
    inventory.encrypt("vault.yml", filled | {"gateway_admin_users": {"operator": "0123456789-0123456789"}})
    inventory.write(
        "own.yml",
        {
            "platform_public_url": "https://shop.jiucom.kr",
            "api_mail_host": "mail.jiucom.kr",
            "api_mail_from": "a@jiucom.kr",
        },
    )
    are_named(inventory, WRONG_IN_PROD)


def test_the_shipped_production_inventory_asks_for_a_vault(inventory: Inventory) -> None:
    inventory.write("main.yml", (ROOT / "inventories/prod/group_vars/all/main.yml").read_text())
    assert "No secret is set" in inventory.play(playbook=LINT)
