"""Texts without secrets: each known secret is blanked in every form in which it may show, and what looks like one, too."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

BLANK = "[redacted]"
# A shorter value would blank words of the language.
SHORTEST = 4
# Secrets and personal data that are in no inventory: access tokens, e-mail addresses.
_LOOKS = (
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+"), BLANK),
    (re.compile(r"(?i)((?:authorization|cookie)[\"']?\s*[:=]\s*[\"']?(?:basic|bearer)?\s*)[^\s\"',;]+"), rf"\1{BLANK}"),
    (
        re.compile(r"(?i)((?:password|passwd|secret|token|[?&]code|api_?key)[\"']?\s*[:=]\s*[\"']?)[^\s\"'&,;}]+"),
        rf"\1{BLANK}",
    ),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "[mail address]"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL), BLANK),
)


def values(given: Any) -> Iterator[str]:
    """Yield the texts of secrets, however deep they lie."""
    if isinstance(given, dict):
        given = list(given.values())
    if isinstance(given, list):
        for one in given:
            yield from values(one)
    elif given:
        yield str(given)


def of_file(path: Path) -> Iterator[str]:
    """Yield the secrets in a file as services have them: options, JSON, accounts, or one as it is."""
    text = path.read_text(errors="replace")
    if path.suffix == ".json":
        yield from values(json.loads(text))
    elif path.suffix in (".cnf", ".acl") or path.name == "admin_users":
        for found in re.findall(r"^password *= *\"?(.*?)\"?$|(?<=[#:>])(\S{8,})", text, re.MULTILINE):
            yield from filter(None, found)
    else:
        yield text.strip()


def forms(secret: str) -> set[str]:
    """Return how a secret may show: as it is, in JSON, in a URL, and in base64 wherever in a longer text it stands."""
    found = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    for quoted in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        found |= {quoted, re.sub("%..", lambda code: code[0].lower(), quoted)}
    data = secret.encode()
    for offset in range(3):
        whole = base64.b64encode(b"\0" * offset + data + b"\0" * 3).decode()
        # The letters at the ends hold bits of what stands beside the secret.
        inner = whole[-(-offset * 8 // 6) : (offset + len(data)) * 8 // 6]
        found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return {form for form in found if len(form) >= SHORTEST}


class Redaction:
    """Blanks secrets."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {form for secret in secrets if len(secret) >= SHORTEST for form in forms(secret)}
        # The longest first: one may be a part of another.
        ordered = sorted(known, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        if self._known:
            text = self._known.sub(BLANK, text)
        for look, blank in _LOOKS:
            text = look.sub(blank, text)
        return text
