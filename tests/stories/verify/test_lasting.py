"""Nothing lasts only until the first restart: services are restarted, killed and rebooted with data in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lasting
import pytest
from hosts import Host

State = tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture(scope="module")
def before(host: Host) -> State:
    """What was written, and how it reads before anything happens."""
    state = lasting.written(host)
    seen = lasting.read(host, state)
    assert seen, "none of the services that keep data is here"
    return state, seen


@pytest.mark.parametrize("happens", [Host.restart, Host.kill, Host.boot], ids=["restart", "kill", "reboot"])
def test_data_outlives(host: Host, before: State, happens: Callable[[Host], None]) -> None:
    state, seen = before
    happens(host)
    assert lasting.read(host, state) == seen
