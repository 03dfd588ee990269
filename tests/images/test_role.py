"""The role: its tasks around the module, what it prints, and what it removes."""

from __future__ import annotations

import docker

from .sources import Images, give, gone, save

BUILT = "images : Obtain the images"
PRUNED = "images : Remove images that are no longer needed"


def test_the_role_builds_once(images: Images, daemon: docker.DockerClient) -> None:
    sources = {"images_sources": ["present", "packages"]}
    predicted = images.role("--check", **sources)
    assert (predicted.failures, predicted.tasks) == ("", [BUILT])
    assert images.built(daemon) == []
    first = images.role(**sources)
    assert (first.failures, first.tasks) == ("", [BUILT])
    assert first.resolved[images.name]["version"] == "2.3"
    second = images.role(**sources)
    assert (second.failures, second.tasks) == ("", [])
    assert second.resolved[images.name] == {**first.resolved[images.name], "source": "present"}


def test_check_mode_before_docker_is_installed(images: Images) -> None:
    run = images.role("--check", _images_socket="/nowhere/docker.sock")
    assert run.failures == ""
    assert run.resolved[images.name]["source"] == "registry", "nobody can ask the registry yet, so it is believed"


def test_a_remote_host_is_sent_the_files_it_needs(images: Images, daemon: docker.DockerClient) -> None:
    loaded = f"{images.name}-loaded"
    give(daemon, f"{loaded}:2.3.4")
    save(daemon, f"{loaded}:2.3.4", images.archives / "images.tar")
    daemon.images.remove(f"{loaded}:2.3.4")
    run = images.role(
        _images_local=False,
        images_sources=["present", "archive", "packages"],
        platform_images={images.name: {"ref": f"{images.name}:2.3.4"}, loaded: {"ref": f"{loaded}:2.3.4"}},
    )
    assert run.failures == ""
    assert {name: one["source"] for name, one in run.resolved.items()} == {images.name: "packages", loaded: "archive"}
    assert list(images.work.iterdir()) == [], "what was sent is removed"


def test_images_without_any_source_are_listed_at_once(images: Images) -> None:
    run = images.role(
        platform_images={images.name: {"ref": f"{images.name}:2.3.4"}, "other": {"ref": f"{images.name}-other:2.3.4"}},
        images_packages_mirror="http://127.0.0.1:9/debian",
        images_registry_prefix="127.0.0.1:9",
    )
    assert run.tasks == []
    for expected in (
        f"{images.name} ({images.name}:2.3.4):",
        f"other ({images.name}-other:2.3.4):",
        "present: not on the host",
        "archive: in no archive of images_archive_dir",
        "connection refused; images_registry_prefix is 127.0.0.1:9",
        "http://127.0.0.1:9/debian does not answer",
        "set images_packages_mirror",
        "there is no recipe files/images/other/Dockerfile",
    ):
        assert expected in run.failures


def test_prune_keeps_running_new_and_foreign_images(images: Images, daemon: docker.DockerClient) -> None:
    sources = ("present", "packages")
    made = []
    for n in range(4):
        images.recipe(f"cat /proc/sys/kernel/random/uuid > /uuid && echo {n}")
        made.append(images.run(*sources).resolved[images.name])
    foreign = give(daemon, f"foreign-{images.name}:1")
    stopped = daemon.containers.create(made[1]["id"], command=["true"])
    uuid = ["cat", "/uuid"]
    before = daemon.containers.run(made[0]["id"], uuid, remove=True)
    try:
        run = images.role("--check", images_sources=list(sources), images_prune=True, images_keep=1)
        assert run.tasks == [PRUNED]
        assert not gone(daemon, made[0]["reference"])
        run = images.role(images_sources=list(sources), images_prune=True, images_keep=1)
        assert (run.failures, run.tasks) == ("", [PRUNED])
    finally:
        stopped.remove()
    assert [gone(daemon, one["reference"]) for one in made] == [True, False, True, False]
    assert daemon.images.get(foreign).id == foreign
    assert not gone(daemon, f"{images.prefix}debian-trixie:base")

    images.recipe("cat /proc/sys/kernel/random/uuid > /uuid && echo 0")
    again = images.run(*sources).resolved[images.name]
    assert again["reference"] == made[0]["reference"]
    assert daemon.containers.run(again["id"], uuid, remove=True) == before, "the build cache was pruned"
