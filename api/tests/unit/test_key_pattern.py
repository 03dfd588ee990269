"""Redis keys in traces: their kind, without ids."""

import random
from ipaddress import IPv6Address

import pytest

from jiucom.cache.redis import key_pattern
from jiucom.limiter import network


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        ("{part:7}:v1:detail", "{part:*}:v1:detail"),
        (b"{posts}:v1:list:0:20:30", "{posts}:v1:list:*:*:*"),
        ("{limit:write:user-17}", "{limit:write:user-*}"),
        (f"{{limit:login-account:none-{'0a' * 16}}}", "{limit:login-account:none-*}"),
        ("{limit:login-account:user-17}:known:203.0.113.7", "{limit:login-account:user-*}:known:*"),
        ("{limit:login-account:user-17}:known:2001:db8::", "{limit:login-account:user-*}:known:*"),
        ("{limit:login:203.0.113.7}", "{limit:login:*}"),
        ("{limit:login:2001:db8:ab:cd::}", "{limit:login:*}"),
        ("{limit:code:::}", "{limit:code:*}"),
    ],
)
def test_a_key_s_pattern(key: str | bytes, pattern: str) -> None:
    assert key_pattern(key) == pattern


def test_networks_are_replaced_as_a_whole() -> None:
    dice = random.Random(11)
    for _ in range(1000):
        groups = [dice.choice((0, dice.randrange(1 << 16))) for _ in range(8)]
        address = ":".join(f"{group:x}" for group in groups)
        shown = network(address)
        if IPv6Address(address).ipv4_mapped is None:
            assert shown.endswith("::")
        assert key_pattern(f"{{limit:login:{shown}}}") == "{limit:login:*}", shown
