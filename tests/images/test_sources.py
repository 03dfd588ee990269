"""Every source of an image on a real Docker and a real registry: what it gives, what is refused, what ends a run."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from .conftest import serving
from .proxy import Proxy, proxied
from .sources import Images, give, gone, push, removing, save


@pytest.fixture(scope="module")
def other(daemon: docker.DockerClient, registry: str) -> str:
    """An image that the registry has, by its name and tag."""
    push(daemon, f"{registry}/images-test-other:2.3.4")
    return "images-test-other:2.3.4"


@pytest.fixture
def locked(daemon: docker.DockerClient, registry_image: str) -> Iterator[str]:
    with serving(daemon, registry_image, "/etc/docker/registry/config.yml", b" 401 ") as address:
        yield address


@pytest.fixture
def proxy(daemon: docker.DockerClient, registry: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A way to the registry with troubles, for which nobody waits."""
    pauses = "ansible_collections.jiucom.platform.plugins.module_utils.images.registry.time.sleep"
    monkeypatch.setattr(pauses, lambda _: None)
    with proxied(registry) as server, removing(daemon, server.address):
        yield server


def test_packages_then_present(images: Images, daemon: docker.DockerClient) -> None:
    predicted = images.run("present", "packages", check=True)
    assert predicted.changed
    assert gone(daemon, predicted.resolved[images.name]["reference"]), "check mode has built"

    first = images.run("present", "packages")
    assert (first.failures, first.changed) == ("", True)
    built = first.resolved[images.name]
    assert built == predicted.resolved[images.name] | {"id": built["id"], "version": "2.3"}
    assert (built["source"], built["origin"], built["pull_policy"]) == ("packages", "packages", "never")
    labels = daemon.images.get(built["reference"]).labels
    assert labels["io.jiucom.packages"] == f"{images.name}=1:2.3+ds1-4"
    assert labels["org.opencontainers.image.version"] == "2.3"
    assert labels["io.jiucom.project"] == images.name
    assert list(images.work.iterdir()) == []

    second = images.run("present", "packages")
    assert (second.changed, second.resolved[images.name]) == (False, {**built, "source": "present"})

    images.recipe("echo changed")
    third = images.run("present", "packages")
    assert third.resolved[images.name]["reference"] != built["reference"], "a changed recipe is another image"


def test_an_image_built_by_hand_under_our_name_is_built_again(images: Images, daemon: docker.DockerClient) -> None:
    reference = images.run("packages", check=True).resolved[images.name]["reference"]
    give(daemon, reference)
    assert "was built by hand" in images.run("present").failures
    run = images.run("present", "packages")
    assert run.changed
    assert daemon.images.get(reference).labels["io.jiucom.source"] == "packages"


def test_a_checkout_under_umask_077(images: Images, daemon: docker.DockerClient) -> None:
    for path in [*images.recipes.rglob("*")]:
        path.chmod(path.stat().st_mode & 0o700)
    run = images.run("packages")
    assert run.failures == ""
    said = daemon.containers.run(run.resolved[images.name]["id"], ["cat", "/conf"], user="12345", remove=True)
    assert said == b"content\n"


def test_a_failing_build_ends_the_run_and_leaves_no_name(
    images: Images, daemon: docker.DockerClient, registry: str
) -> None:
    push(daemon, f"{registry}/{images.name}:2.3.4")
    images.recipe("echo broken on purpose && false")
    run = images.run("packages", "registry", registry_prefix=f"{registry}/")
    assert f"{images.name}: packages:" in run.failures
    assert "broken on purpose" in run.failures
    assert gone(daemon, f"{registry}/{images.name}:2.3.4"), "another source took its place"
    assert images.built(daemon) == []


def test_packages_that_have_moved_on_are_refused(images: Images, daemon: docker.DockerClient) -> None:
    images.recipe(version="3.0")
    run = images.run("packages")
    assert f"Debian has {images.name}=1:3.0+ds1-4 now" in run.failures
    assert "promises" in run.failures


def test_another_product_or_release_line_needs_a_variable(images: Images) -> None:
    table = {"images": {images.name: {"ref": f"{images.name}:1.0.0"}}}
    run = images.run("present", "packages", table=table)
    assert f"images_substitutes: {{{images.name}: {images.name} 2}}" in run.failures
    allowed = {**table, "substitutes": {images.name: f"{images.name} 2"}}
    assert images.run("present", "packages", table=allowed).resolved[images.name]["version"] == "2.3"
    assert "was asked for" in images.run("present", "packages", table=table).failures, "present needs it as well"
    data = {images.name: {"version": "1.0.0", "lines": {"1.0": {"next": []}}}}
    assert "the data was written by version 1.0.0" in images.run("present", table={**allowed, "data": data}).failures


def test_archive(images: Images, daemon: docker.DockerClient) -> None:
    reference = f"{images.name}:2.3.4"
    identity = give(daemon, reference)
    save(daemon, reference, images.archives / "images.tar")
    daemon.images.remove(reference)
    assert images.run("archive", check=True).changed
    assert gone(daemon, reference)

    first = images.run("archive")
    assert (first.failures, first.changed) == ("", True)
    assert (first.resolved[images.name]["source"], first.resolved[images.name]["id"]) == ("archive", identity)
    assert not images.run("archive").changed, "the archive's image was on the host already"

    other = give(daemon, reference, env="OTHER=1")
    assert images.run("present", "archive").resolved[images.name]["id"] == other
    assert images.run("archive", "present").resolved[images.name]["id"] == identity


def test_archives_need_room(images: Images, daemon: docker.DockerClient) -> None:
    reference = f"{images.name}:2.3.4"
    give(daemon, reference)
    save(daemon, reference, images.archives / "images.tar")
    daemon.images.remove(reference)
    held = images.settings((), {})["archives"]
    for entry in held.values():
        entry["size"] = entry["unpacked"] = 10**18
    run = images.run("archive", archives=held, local=False)
    assert run.failures.count("the archives need") == 2
    assert str(images.work) in run.failures


@pytest.mark.parametrize("written", ["{0}:2.3.4", "{0}:2.3.4@{1}", "{0}@{1}"])
def test_an_image_is_pulled_once_for_all_spellings_of_its_name(
    written: str, images: Images, daemon: docker.DockerClient, registry: str
) -> None:
    identity, digest = push(daemon, f"{registry}/hub/{images.name}:2.3.4")
    reference = written.format(f"{registry}/hub/{images.name}", digest)
    table = {"images": {images.name: {"ref": reference}}}
    assert images.run("present", "registry", table=table, check=True).changed
    assert gone(daemon, f"{registry}/hub/{images.name}:2.3.4"), "check mode has pulled"
    first = images.run("present", "registry", table=table)
    assert (first.failures, first.changed) == ("", True)
    assert first.resolved[images.name]["id"] == identity
    assert first.resolved[images.name]["reference"] == reference
    second = images.run("present", "registry", table=table)
    assert (second.changed, second.resolved[images.name]["source"]) == (False, "present")


@pytest.mark.parametrize("folder", ["hub", "hub/library"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_mirror_by_its_prefix(
    folder: str, slash: str, images: Images, daemon: docker.DockerClient, registry: str
) -> None:
    push(daemon, f"{registry}/{folder}/{images.name}:2.3.4")
    run = images.run("present", "registry", registry_prefix=f"{registry}/hub{slash}")
    assert run.resolved[images.name]["reference"] == f"{registry}/{folder}/{images.name}:2.3.4"


# What a registry answers for the one image: the source that serves, or what the run ends with.
ANSWERS = [
    (401, "", "docker login"),
    (403, "", "docker login"),
    (404, "packages", ""),
    (429, "", "toomanyrequests"),
    (500, "", "500 Internal Server Error"),
    (502, "", "502 Bad Gateway"),
    (503, "", "503 Service Unavailable"),
]


@pytest.mark.parametrize(("status", "source", "said"), ANSWERS)
def test_answers_of_a_registry(
    status: int, source: str, said: str, images: Images, daemon: docker.DockerClient, other: str, proxy: Proxy,

) -> None:  # fmt: skip
    proxy.trouble(f"/{images.name}/manifests", status)
    both = {"images": {images.name: {"ref": f"{images.name}:2.3.4"}, "other": {"ref": other}}}
    run = images.run("registry", "packages", table=both, registry_prefix=f"{proxy.address}/")
    if source:
        assert run.failures == ""
        assert run.resolved[images.name]["source"] == source
        assert run.resolved["other"]["source"] == "registry", "it was condemned with the other"
    else:
        assert said in run.failures
        assert "other" not in run.failures
        assert images.built(daemon) == [], "another source took its place"


def test_a_registry_that_recovers_is_waited_for(
    images: Images, daemon: docker.DockerClient, registry: str, proxy: Proxy
) -> None:
    push(daemon, f"{registry}/{images.name}:2.3.4")
    # Docker asks twice each time, by HEAD and by GET: the plan meets two troubles, the pull one more.
    proxy.trouble("/manifests", 503, times=4)
    proxy.trouble("/blobs", 429, times=1)
    run = images.run("registry", "packages", registry_prefix=f"{proxy.address}/")
    assert (run.failures, run.resolved[images.name]["source"]) == ("", "registry")


def test_a_rate_limit_while_layers_are_pulled_ends_the_run(
    images: Images, daemon: docker.DockerClient, registry: str, proxy: Proxy
) -> None:
    push(daemon, f"{registry}/{images.name}:2.3.4")
    proxy.trouble("/blobs", 429)
    run = images.run("registry", "packages", registry_prefix=f"{proxy.address}/")
    assert f"{images.name}: registry:" in run.failures
    assert "docker login" in run.failures
    assert "images_registry_prefix is" in run.failures


def test_a_registry_out_of_reach_lets_the_next_source_serve(images: Images) -> None:
    run = images.run("registry", "packages", registry_prefix="127.0.0.1:9/")
    assert (run.failures, run.resolved[images.name]["source"]) == ("", "packages")
    alone = images.run("registry", registry_prefix="127.0.0.1:9/")
    assert "connection refused; images_registry_prefix is 127.0.0.1:9/" in alone.failures


def test_a_silent_registry_is_given_up(images: Images) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        prefix = f"127.0.0.1:{silent.getsockname()[1]}/"
        run = images.run("registry", "packages", registry_prefix=prefix, registry_timeout=0.5, check=True)
        alone = images.run("registry", registry_prefix=prefix, registry_timeout=0.5, check=True)
    assert run.resolved[images.name]["source"] == "packages"
    assert "no answer in time (images_registry_timeout)" in alone.failures


def test_a_prefix_that_is_no_place_is_refused(images: Images) -> None:
    assert "without a scheme" in images.run("registry", registry_prefix="https://mirror.example/").failures


def test_a_registry_that_wants_a_login_is_tried(images: Images, locked: str) -> None:
    """The daemon asks anonymously, but `docker login` on the host may have opened it: only the pull can tell."""
    assert (
        images.run("registry", check=True, registry_prefix=f"{locked}/").resolved[images.name]["source"] == "registry"
    )
    assert f"docker login {locked}" in images.run("registry", "packages", registry_prefix=f"{locked}/").failures


def test_an_image_that_is_not_what_its_tag_says_is_refused(
    images: Images, daemon: docker.DockerClient, registry: str
) -> None:
    """And asked for once: a run that ends so cannot begin again by itself."""
    reference = f"{registry}/mysql-of-{images.name}:8.0.43"
    push(daemon, reference, env="MYSQL_VERSION=9.7.4-1")
    table = {"images": {"mysql": {"ref": reference}}, "given": {"mysql": {"parts": 2}}}
    run = images.run("present", "registry", table=table)
    assert f"mysql: registry: {reference}: it is mysql 9.7.4" in run.failures
    allowed = images.run("present", "registry", table={**table, "substitutes": {"mysql": "mysql 9.7"}})
    assert (allowed.resolved["mysql"]["source"], allowed.resolved["mysql"]["version"]) == ("present", "9.7.4")


def test_a_new_build_of_a_tag_comes_by_refresh_alone(
    images: Images, daemon: docker.DockerClient, registry: str
) -> None:
    reference = f"{registry}/{images.name}:2.3.4"
    prefix: dict[str, Any] = {"registry_prefix": f"{registry}/"}
    push(daemon, reference)
    first = images.run("present", "registry", **prefix).resolved[images.name]["id"]
    daemon.images.get(first).tag(f"kept/{images.name}", "1")
    second, _ = push(daemon, reference)
    daemon.images.get(f"kept/{images.name}:1").tag(*reference.rsplit(":", 1))
    assert images.run("present", "registry", **prefix).resolved[images.name]["id"] == first
    refreshed = images.run("present", "registry", refresh=True, **prefix)
    assert (refreshed.changed, refreshed.resolved[images.name]["id"]) == (True, second)
    assert not images.run("present", "registry", refresh=True, **prefix).changed, "there is no newer build"


def test_refresh_builds_packages_again_under_their_name(
    images: Images, daemon: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    bases: list[str] = []
    builder = "ansible_collections.jiucom.platform.plugins.module_utils.images.build.Builder.base"
    monkeypatch.setattr(builder, lambda _, suite, mirror: bases.append(f"{suite} {mirror}"))
    first = images.run("present", "packages").resolved[images.name]
    again = images.run("present", "packages", refresh=True, packages_mirror="http://127.0.0.1:9/debian")
    assert "http://127.0.0.1:9/debian does not answer" in again.failures
    again = images.run("present", "packages", refresh=True)
    assert again.changed
    assert again.resolved[images.name]["reference"] == first["reference"]
    assert again.resolved[images.name]["id"] != first["id"]
    assert len(bases) == 1, "its base is made anew, too"
    assert daemon.images.get(first["reference"]).id == again.resolved[images.name]["id"]
