"""Datasources and dashboards from Grafana's provisioning files; dashboards are read again when their files change."""

import json
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

log = logging.getLogger("board")


@dataclass(frozen=True)
class Board:
    """A dashboard's JSON model and where it came from."""

    model: dict[str, Any]
    folder: str
    file: Path

    @property
    def uid(self) -> str:
        """The id in its addresses."""
        return str(self.model["uid"])

    @property
    def title(self) -> str:
        """The title, as its file has it."""
        return str(self.model["title"])

    @property
    def slug(self) -> str:
        """The readable end of its address."""
        return re.sub(r"[\W_]+", "-", self.title.lower()).strip("-")


def _documents(folder: Path) -> list[dict[str, Any]]:
    files = sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")])
    return [yaml.safe_load(os.path.expandvars(file.read_text())) or {} for file in files]


def datasources(provisioning: Path) -> list[dict[str, Any]]:
    """Return the provisioned datasources without their secrets. Raises ValueError where there is no Prometheus."""
    found = [
        source for document in _documents(provisioning / "datasources") for source in document.get("datasources", [])
    ]
    if not any(source["type"] == "prometheus" for source in found):
        raise ValueError(f"no datasource of type prometheus in {provisioning / 'datasources'}")
    public = ("name", "type", "access", "url", "isDefault", "jsonData")
    return [
        {"id": number, "uid": source.get("uid") or source["name"], "readOnly": True}
        | {key: source[key] for key in public if key in source}
        for number, source in enumerate(found, start=1)
    ]


class Boards:
    """All provisioned dashboards by uid."""

    def __init__(self, provisioning: Path) -> None:
        documents = _documents(provisioning / "dashboards")
        self._providers = [provider for document in documents for provider in document.get("providers", [])]
        self._stamps: dict[Path, float] = {}
        self._boards: dict[str, Board] = {}

    def all(self) -> dict[str, Board]:
        """Return the dashboards by uid; files that have changed since the last call are read again."""
        folders = {
            file: str(provider.get("folder", ""))
            for provider in self._providers
            for file in sorted(Path(provider["options"]["path"]).rglob("*.json"))
        }
        stamps = {file: file.stat().st_mtime for file in folders}
        if stamps != self._stamps:
            kept = {board.file: board for board in self._boards.values()}
            boards = [self._read(file, folder, kept.get(file)) for file, folder in folders.items()]
            self._stamps, self._boards = stamps, {board.uid: board for board in boards if board}
        return self._boards

    @staticmethod
    def _read(file: Path, folder: str, last_good: Board | None) -> Board | None:
        try:
            board = Board(json.loads(file.read_text()), folder, file)
            return board if board.uid and board.title else None
        except (ValueError, KeyError) as fault:  # a half-written or broken file must not take the others down
            log.error("%s: not a dashboard, the last good one stays: %r", file, fault)
            return last_good
