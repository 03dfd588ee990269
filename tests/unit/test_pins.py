"""Digests of images: which reference has one, and what a pin is refused for."""

from __future__ import annotations

import pytest
from ansible_collections.jiucom.platform.plugins.filter import pins

DIGEST = "sha256:" + 64 * "a"
IMAGES = {
    "redis": {"ref": "redis:7.4.5-alpine"},
    "mysql": {"ref": f"mysql:8.4.6@{DIGEST}"},
    "zipkin": {"ref": "openzipkin/zipkin:3.5.1"},
    "nginx": {"ref": "nginx:1.29.1-alpine"},
    "grafana": {"ref": "grafana/grafana:11.6.4"},
    "nginx-exporter": {"ref": ""},
}
RESOLVED = {
    "redis": {"origin": "official", "id": "sha256:1", "digest": DIGEST},
    "mysql": {"origin": "official", "id": "sha256:2", "digest": DIGEST},
    "zipkin": {"origin": "official", "id": "sha256:3", "digest": ""},
    "nginx": {"origin": "official", "id": "", "digest": ""},
    # An engine with containerd's image store gives what was built a digest, too.
    "grafana": {"origin": "packages", "id": "sha256:4", "digest": DIGEST},
    "nginx-exporter": {"origin": "packages", "id": "sha256:5", "digest": ""},
}


def test_a_pin_holds_for_its_own_version_alone() -> None:
    given = {"redis:7.4.5-alpine": DIGEST, "mysql:8.4.6": DIGEST, "nginx:1.29.0-alpine": DIGEST}
    found = {name: image["ref"] for name, image in pins.pinned(IMAGES, given).items()}
    expected = {name: image["ref"] for name, image in IMAGES.items()}
    assert found == expected | {"redis": f"redis:7.4.5-alpine@{DIGEST}"}
    assert pins.pinned(IMAGES, "nonsense") == IMAGES, "which its specification refuses with a name"


def test_what_a_registry_gave_is_pinned_and_the_rest_is_named() -> None:
    assert pins.image_pins(IMAGES, RESOLVED) == {"mysql:8.4.6": DIGEST, "redis:7.4.5-alpine": DIGEST}
    assert pins.unpinned_lines(IMAGES, RESOLVED) == [
        "Not pinned: zipkin, no registry has given it a digest",
        "Not pinned: nginx, not on the host",
        "Not pinned: grafana, built on the host",
        "Not pinned: nginx-exporter, built on the host",
    ]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"redis:7-alpine": DIGEST}, "redis:7-alpine"),
        ({f"redis:7.4.5@{DIGEST}": DIGEST}, "must end with a version"),
        ({"redis": DIGEST}, "must end with a version"),
        ({"Redis:7.4.5": DIGEST}, "not an image reference"),
        ({"redis:7.4.5": "sha256:short"}, "redis:7.4.5 has 'sha256:short'"),
        ({"redis:7.4.5": ""}, "redis:7.4.5 has ''"),
    ],
)
def test_pin_faults_name_what_to_change(given: dict[str, str], named: str) -> None:
    [fault] = pins.pin_faults(given)
    assert fault.startswith("platform_image_pins: ")
    assert named in fault


def test_good_pins_have_no_fault() -> None:
    assert pins.pin_faults({"redis:7.4.5-alpine": DIGEST, "mirror.example:5000/a/b:v1.2.3": DIGEST}) == []
