"""Elasticsearch or OpenSearch, over HTTP."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from trace_jobs.settings import Settings

SECONDS = 30


class StoreError(Exception):
    """The store refuses a request, or none of its hosts answers."""


class Store:
    """Sends requests to the first host that answers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if settings.ca:
            handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=settings.ca)))
        self._opener = urllib.request.build_opener(*handlers)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._settings.user:
            # Read each time: a new password needs no restart.
            password = Path(self._settings.password).read_text()
            login = base64.b64encode(f"{self._settings.user}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {login}"
        return headers

    def ask(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Return the decoded answer. `body` is encoded, text is sent as it is. Raises StoreError with what the store said."""
        content = None if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
        faults = []
        for host in self._settings.hosts:
            request = urllib.request.Request(host.rstrip("/") + path, content, self._headers(), method=method)  # noqa: S310
            try:
                with self._opener.open(request, timeout=SECONDS) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as refusal:
                said = refusal.read().decode(errors="replace")[:500]
                raise StoreError(f"{method} {path}: {refusal.code} {said}") from refusal
            except (OSError, ValueError) as fault:
                faults.append(f"{host}: {fault}")
        raise StoreError("; ".join(faults))

    def indices(self) -> list[dict[str, Any]]:
        """List the indices of traces: name, number of documents, bytes. Nothing where there are none yet."""
        columns = "index,docs.count,store.size"
        found = self.ask(f"/_cat/indices/{self._settings.index}*?format=json&bytes=b&h={columns}&expand_wildcards=open")
        return [
            {"name": one["index"], "documents": int(one["docs.count"] or 0), "bytes": int(one["store.size"] or 0)}
            for one in found
        ]

    def write(self, index: str, documents: Mapping[str, Mapping[str, Any]]) -> None:
        """Write documents by their ids. Raises StoreError where one is refused."""
        lines: Iterable[Any] = (
            line for id_, document in documents.items() for line in ({"index": {"_index": index, "_id": id_}}, document)
        )
        answer = self.ask("/_bulk", "POST", "".join(f"{json.dumps(line)}\n" for line in lines))
        if answer["errors"]:
            refused = [item["index"]["error"] for item in answer["items"] if "error" in item["index"]]
            raise StoreError(f"{index}: {len(refused)} documents refused, the first: {refused[0]}")
