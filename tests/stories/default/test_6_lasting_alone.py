"""Each service alone is restarted and killed with data in all of them; verify/test_lasting.py does it to all at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lasting
import pytest
from hosts import SERVICES, Host


@pytest.fixture(scope="module")
def before(host: Host) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was written, and how it reads before anything happens."""
    state = lasting.written(host)
    seen = lasting.read(host, state)
    assert seen.keys() == {data.name for data in lasting.ALL}
    return state, seen


@pytest.mark.parametrize("happens", [Host.restart, Host.kill], ids=["restart", "kill"])
@pytest.mark.parametrize("service", SERVICES)
def test_data_outlives(
    host: Host, before: tuple[dict[str, Any], dict[str, Any]], service: str, happens: Callable[..., None]
) -> None:
    state, seen = before
    happens(host, service)
    assert lasting.read(host, state) == seen
