"""An installation of MySQL and Redis with their exporters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.installation import Installation

# With every character that a reader may stumble over, where it takes them.
AWKWARD = 'it\'s "so" \\n $HOME `#;%?'


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Deploy the installation, and remove it in the end."""
    awkward = dict.fromkeys(
        ("database_app_password", "cache_app_password", "cache_health_password"), f"first {AWKWARD}"
    )
    made = Installation(tmp_path_factory.mktemp("secrets"), "secrets", **awkward)
    try:
        made.deploy()
        yield made
    finally:
        made.remove()
