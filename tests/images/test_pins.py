"""playbooks/pin.yml on a real registry: what it writes, and that the next run takes exactly that."""

from __future__ import annotations

import docker
import yaml

from .sources import REPOSITORY, Images, gone, push


def test_a_pinned_tag_means_the_image_that_was_pinned(
    images: Images, daemon: docker.DockerClient, registry: str
) -> None:
    reference = f"{images.name}:2.3.4"
    first, digest = push(daemon, f"{registry}/{reference}")
    pins = images.directory / "pins.yml"
    settings = {
        "platform_services": {images.name: {"image": reference}},
        # Of one image both: there is nothing to build here.
        "platform_images_overrides": {"python": {"ref": reference}},
        "platform_images": None,
        "platform_pins_file": str(pins),
        "images_sources": ["present", "registry"],
        "images_registry_prefix": registry,
    }

    def pin(*arguments: str) -> None:
        assert images.playbook(REPOSITORY / "playbooks/pin.yml", *arguments, **settings).failures == ""

    assert images.role(**settings).resolved[images.name]["id"] == first
    pin()
    assert yaml.safe_load(pins.read_text()) == {"platform_image_pins": {reference: digest}}

    second, newer = push(daemon, f"{registry}/{reference}")
    daemon.images.remove(first, force=True)
    with_pins = f"--extra-vars=@{pins}"
    run = images.role(with_pins, **settings)
    assert run.failures == ""
    assert run.resolved[images.name]["reference"] == f"{registry}/{reference}@{digest}"
    assert run.resolved[images.name]["id"] == first
    assert gone(daemon, f"{registry}/{reference}"), "the tag was pulled, which means another image now"

    refreshed = images.role(with_pins, images_refresh=True, **settings)
    assert refreshed.resolved[images.name]["id"] == second
    pin(with_pins, "--extra-vars=images_refresh=true")
    assert yaml.safe_load(pins.read_text()) == {"platform_image_pins": {reference: newer}}
