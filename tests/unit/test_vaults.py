"""What is made in a vault file, and what stays as it was."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.jiucom.platform.plugins.filter.secrets import secret_faults
from ansible_collections.jiucom.platform.plugins.module_utils import vaults
from plugins import ROOT

VARIABLES = yaml.safe_load((ROOT / "roles/platform/vars/main/secrets.yml").read_text())
RULES = VARIABLES["_platform_secrets"]
EXAMPLE = (ROOT / "inventories/prod/group_vars/all/vault.yml.example").read_text()


@pytest.mark.parametrize("text", ["", "---\n", EXAMPLE, "# nothing yet"])
def test_a_vault_without_values_becomes_one_that_prod_takes(text: str) -> None:
    filled, made = vaults.fill(text, yaml.safe_load(text) or {}, RULES, {})
    values = yaml.safe_load(filled)
    strict = {
        "shortest": VARIABLES["_platform_secret_min_length"],
        "published": VARIABLES["_platform_forbidden_secrets"],
    }
    assert secret_faults(values, RULES, **strict) == []
    assert len(values["gateway_admin_users"]["operator"]) >= 43
    assert made == [*RULES, "gateway_admin_users.operator"]
    secrets = [*(values[name] for name in RULES), values["gateway_admin_users"]["operator"]]
    assert len(set(secrets)) == len(secrets)
    again, more = vaults.fill(filled, values, RULES, values["gateway_admin_users"])
    assert (again, more) == (filled, [])


def test_set_values_are_kept_as_they_are_written() -> None:
    text = """# ours
first: 'it''s "set"'   # of 2024
second:   # to come
third: !vault |
  $ANSIBLE_VAULT;1.1;AES256
fourth: ~
users: {kim: "", lee: set}  # two
fifth: ""
"""
    given = {"first": 'it\'s "set"', "second": None, "third": "set", "fourth": None, "fifth": "", "sixth": "elsewhere"}
    filled, made = vaults.fill(text, given, {name: {} for name in [*given, "seventh"]})
    assert made == ["second", "fourth", "fifth", "seventh"]
    values = [yaml.compose(filled).value[n][1].value for n in (1, 3, 5, 6)]  # type: ignore[union-attr]
    assert filled == text.replace("second:", f'second: "{values[0]}"').replace("~", f'"{values[1]}"').replace(
        'fifth: ""', f'fifth: "{values[2]}"'
    ) + (f'seventh: "{values[3]}"\n')


def test_users_without_a_password_get_one() -> None:
    text = "gateway_admin_users:\n  kim: ''\n  lee: set\n  park:\nother: 1\n"
    users = yaml.safe_load(text)["gateway_admin_users"]
    filled, made = vaults.fill(text, {}, {}, users)
    values = yaml.safe_load(filled)
    assert made == ["gateway_admin_users.kim", "gateway_admin_users.park"]
    assert {name: len(value) for name, value in values["gateway_admin_users"].items()} == {
        "kim": 43,
        "lee": 3,
        "park": 43,
    }
    assert values["other"] == 1


def test_published_values_count_as_blank_when_asked() -> None:
    assert vaults.fill("", {"first": "admin"}, {"first": {}}) == ("", [])
    filled, made = vaults.fill("", {"first": "admin"}, {"first": {}}, None, ["admin"])
    assert made == ["first"]
    assert yaml.safe_load(filled)["first"] != "admin"


@pytest.mark.parametrize(
    "old",
    ["plain", "'quoted'", '"double"', "|-\n    of a block", ">-\n    folded", "plain  # with a comment"],
)
def test_a_value_is_replaced_however_it_was_written(old: str) -> None:
    text = f"a: 1\nsecret: {old}\nb: 2\n"
    changed = vaults.put(text, ["secret"], "new: #1")
    assert yaml.safe_load(changed) == {"a": 1, "secret": "new: #1", "b": 2}
    assert ("# with a comment" in changed) == ("# with a comment" in old)


def test_rotation_keeps_the_value_before_where_it_has_signed_something() -> None:
    text = 'api_jwt_secret: "the old one"\napi_jwt_secret_previous: "older"\ncache_app_password: x\n'
    changed, made = vaults.rotate(text, "api_jwt_secret", "the old one", RULES["api_jwt_secret"])
    values = yaml.safe_load(changed)
    assert made == ["api_jwt_secret", "api_jwt_secret_previous"]
    assert values["api_jwt_secret_previous"] == "the old one"
    assert len(values["api_jwt_secret"]) == 64
    assert values["cache_app_password"] == "x"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "does not stand in it"),
        ("other: x", "does not stand in it"),
        ("gateway_admin_users: {lee: x}", "does not stand in it"),
        ("gateway_admin_users: {kim: '{{ other }}'}", "does not stand in it"),
        ("gateway_admin_users: {kim: !vault x}", "does not stand in it"),
        ("gateway_admin_users: {kim: another}", "another value elsewhere"),
        ("- a list", "not a list of variables"),
        ("{gateway_admin_users: {kim: present}}", "not a list of variables"),
        ("a: 'b", "is not YAML"),
    ],
)
def test_rotation_says_what_it_cannot_replace(text: str, says: str) -> None:
    with pytest.raises(vaults.VaultTextError, match=says) as raised:
        vaults.rotate(text, "gateway_admin_users.kim", "present", {})
    assert "present" not in str(raised.value)


def test_of_two_entries_the_one_that_counts_is_replaced() -> None:
    changed = vaults.put("name: a\nname: b\n", ["name"], "c")
    assert changed == 'name: a\nname: "c"\n'


def test_the_characters_that_a_reader_does_not_take_are_not_used() -> None:
    assert set(
        "".join(vaults.random_secret({"without": "abcdefghijklmnopqrstuvwxyz0123456789"}) for _ in range(50))
    ) == set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
