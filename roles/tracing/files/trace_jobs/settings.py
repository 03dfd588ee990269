"""The settings, a JSON file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """What the role writes to settings.json.

    `hosts` are base URLs, of which the first that answers is asked. `user` is empty where no account is needed; its password is
    the content of the file `password`. `ca` is a file of certificate authorities, empty for those of the image. `index` is the
    prefix of the indices. `days` is for how many days traces are kept, today included; 0 keeps all.
    """

    hosts: list[str]
    index: str
    days: int
    port: int
    user: str = ""
    password: str = ""
    ca: str = ""

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Read the file. Raises TypeError for a key that is not known or missing."""
        return cls(**json.loads(path.read_text()))
