"""Image references as people write them, against those that Docker lists."""

from __future__ import annotations

import pytest
from ansible_collections.jiucom.platform.plugins.module_utils import references

DEFAULT = "default.example"
DIGEST = "sha256:" + 64 * "a"


@pytest.mark.parametrize(
    ("text", "name", "tag", "digest"),
    [
        ("mysql:8.0.43", "mysql", "8.0.43", ""),
        ("mysql", "mysql", "latest", ""),
        (f"mysql@{DIGEST}", "mysql", "", DIGEST),
        (f"mysql:8.0.43@{DIGEST}", "mysql", "8.0.43", DIGEST),
        ("library/mysql:8.0.43", "mysql", "8.0.43", ""),
        (f"{DEFAULT}/library/mysql:8.0.43", "mysql", "8.0.43", ""),
        (f"{DEFAULT}/grafana/grafana:11.6.4", "grafana/grafana", "11.6.4", ""),
        ("mirror.example:5000/mysql:8.0.43", "mirror.example:5000/mysql", "8.0.43", ""),
        (f"mirror.example:5000/mysql@{DIGEST}", "mirror.example:5000/mysql", "", DIGEST),
        ("mirror.example/library/mysql:1.2.3", "mirror.example/library/mysql", "1.2.3", ""),
        ("localhost/jiucom/app:abc", "localhost/jiucom/app", "abc", ""),
        ("prom/prometheus:v3.5.0", "prom/prometheus", "v3.5.0", ""),
    ],
)
def test_parts(text: str, name: str, tag: str, digest: str) -> None:
    found = references.parse(text, DEFAULT)
    assert (found.name, found.tag, found.digest) == (name, tag, digest)


@pytest.mark.parametrize(
    "text", ["", ":8", "UPPER/case:1", "a b:1", "mysql:", f"mysql@{DIGEST}x y", "mysql@sha256:1", "a//b:1"]
)
def test_malformed_references_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an image reference|has no digest"):
        references.parse(text)


@pytest.mark.parametrize(
    ("listed", "wanted", "same"),
    [
        ("redis:7.4.5-alpine", "redis:7.4.5-alpine", True),
        ("redis:7.4.5-alpine", f"{DEFAULT}/library/redis:7.4.5-alpine", True),
        ("redis:7.4.5-alpine", "library/redis:7.4.5-alpine", True),
        (f"redis@{DIGEST}", f"redis:7.4.5-alpine@{DIGEST}", True),
        ("redis:7.4.5-alpine", f"redis:7.4.5-alpine@{DIGEST}", False),
        ("redis:7.4.5-alpine", "redis:7.4.4-alpine", False),
        ("mirror.example:5000/redis:1.2.3", "redis:1.2.3", False),
        ("mirror.example:5000/redis:1.2.3", "mirror.example:5000/redis:1.2.3", True),
    ],
)
def test_listed_and_wanted_references_are_compared(listed: str, wanted: str, same: bool) -> None:
    assert references.same(listed, wanted, DEFAULT) is same


@pytest.mark.parametrize(
    ("text", "pinned", "version"),
    [
        ("mysql:8.0.43", True, "8.0.43"),
        ("prom/prometheus:v3.5.0", True, "3.5.0"),
        ("redis:7.4.5-alpine", True, "7.4.5"),
        ("mysql:8", False, ""),
        ("mysql:8.4", False, ""),
        ("mysql:lts", False, ""),
        ("nginx:stable-alpine", False, ""),
        ("python:3.13-slim", False, ""),
        (f"mirror.example:5000/redis@{DIGEST}", True, ""),
        (f"mysql:8@{DIGEST}", True, ""),
    ],
)
def test_pinned_references_and_their_versions(text: str, pinned: bool, version: str) -> None:
    found = references.parse(text)
    assert found.pinned is pinned
    assert found.version == version
