"""`ship`: archives to another place. "Saved, not shipped" is a state of its own."""

from __future__ import annotations

from jiucom_backup import store
from jiucom_backup.settings import Settings


def archives(settings: Settings, state: store.State) -> None:
    """Ship what is not shipped yet."""
