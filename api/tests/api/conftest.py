"""What tests of several domains need."""

import pytest

from jiucom.state import AppState
from testing.shop import Shop


@pytest.fixture
def shop(state: AppState) -> Shop:
    """Parts and offers of the test's own."""
    return Shop(state)
