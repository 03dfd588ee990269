"""The checks of the images tell apart what has one name (A2)."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.jiucom.platform.plugins.module_utils.engine import EngineError
from plugins import load

check = load("roles/images/library/images_check.py")
OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
REDIS = "redis:7.4.5-alpine"
EXPECTED = {"project": "jiucom", "image_prefix": "localhost/jiucom/", "images": {"redis": REDIS}}


def here(monkeypatch: pytest.MonkeyPatch, images: dict[str, dict[str, Any]], runs: tuple[str, str]) -> None:
    """Make up what the host has, and the name and id of what redis runs."""

    def get(path: str) -> dict[str, Any]:
        reference = path.removeprefix("/images/").removesuffix("/json")
        if reference not in images:
            raise EngineError(404, "No such image")
        return images[reference]

    container = {"Config": {"Image": runs[0]}, "Image": runs[1]}
    monkeypatch.setattr(check.engine, "get", get)
    monkeypatch.setattr(check, "containers", lambda _: {"redis": [container]})


def image(id_: str, made: str, **labels: str) -> dict[str, Any]:
    return {"Id": id_, "Created": made, "Config": {"Labels": labels}}


def test_another_build_of_the_same_tag_is_told_by_id_and_date(monkeypatch: pytest.MonkeyPatch) -> None:
    images = {REDIS: image(NEW, "2026-11-02T10:00:00Z"), OLD: image(OLD, "2026-10-01T09:00:00Z")}
    images[NEW] = images[REDIS]
    here(monkeypatch, images, (REDIS, OLD))
    passed, seen = check.running(EXPECTED)
    assert not passed
    assert seen == (
        "redis runs the build aaaaaaaaaaaa (2026-10-01T09:00) of redis:7.4.5-alpine, not bbbbbbbbbbbb (2026-11-02T10:00)"
    )


def test_a_build_that_is_gone_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    images = {REDIS: image(NEW, "2026-11-02T10:00:00Z")}
    images[NEW] = images[REDIS]
    here(monkeypatch, images, (REDIS, OLD))
    assert "aaaaaaaaaaaa (no longer on the host)" in check.running(EXPECTED)[1]


def test_another_image_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch, {REDIS: image(NEW, "2026-11-02T10:00:00Z")}, ("redis:7.2.0", OLD))
    assert check.running(EXPECTED) == (False, "redis runs redis:7.2.0, not redis:7.4.5-alpine")


@pytest.mark.parametrize(
    ("reference", "labels", "passed", "said"),
    [
        (REDIS, {}, True, "redis 7.4.5"),
        (f"redis@{OLD}", {}, True, "redis sha256:aaaaaaaaaaaa"),
        ("redis:7-alpine", {}, False, "names no version of three numbers and no digest"),
        ("localhost/jiucom/redis:0123", {}, False, "has no label with its versions"),
        (
            "localhost/jiucom/redis:0123",
            {"org.opencontainers.image.version": "7.0.15", "io.jiucom.packages": "redis-server=7.0.15"},
            True,
            "redis 7.0.15",
        ),
    ],
)
def test_pinned(
    reference: str, labels: dict[str, str], passed: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here(monkeypatch, {reference: image(NEW, "2026-11-02T10:00:00Z", **labels)}, (reference, NEW))
    found, seen = check.pinned({**EXPECTED, "images": {"redis": reference}})
    assert found is passed
    assert said in seen
