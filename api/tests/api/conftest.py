"""Fixtures for tests of several domains."""

from collections.abc import AsyncIterator

import pytest

from jiucom.jobs.job import Tools
from jiucom.state import AppState
from testing.shop import Shop


@pytest.fixture
async def shop(state: AppState) -> AsyncIterator[Shop]:
    """Parts, shops and offers of the test's own."""
    own = Shop(state)
    yield own
    await own.close()


@pytest.fixture
def tools(state: AppState) -> Tools:
    """The tools of jobs."""
    return Tools(state.db, state.cache, state.settings)
