"""Which source gives which image, from made-up answers of Docker, registries and Debian's mirror."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.jiucom.platform.plugins.module_utils.apt_sources import Release
from ansible_collections.jiucom.platform.plugins.module_utils.images.wanted import Wanted

from .docker import (
    BOARD,
    BROKEN,
    BUSY,
    DEFAULT,
    DENIED,
    GIVEN,
    LOCKED,
    MISSING,
    MYSQL,
    NO_NAME,
    PYTHON,
    REDIS,
    REFUSED,
    SILENT,
    TABLE,
    Docker,
    choose,
    own,
    planner,
)  # fmt: skip

DIGEST = "sha256:" + 64 * "a"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


def wanted(name: str, **changes: Any) -> Wanted:
    return dataclasses.replace(TABLE[name], **changes)


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ([GIVEN], "registry"),
        ([LOCKED], "registry"),
        ([DENIED], "registry"),
        ([MISSING], "packages"),
        ([REFUSED], "packages"),
        ([NO_NAME], "packages"),
        ([SILENT], "packages"),
        ([BUSY], ""),
        ([BROKEN], ""),
        ([(502, "received unexpected HTTP status: 502 Bad Gateway")], ""),
        ([(500, "received unexpected HTTP status: 500 Internal Server Error")], ""),
        ([(500, 'error parsing HTTP 429 response body: invalid character "<"')], ""),
        ([(500, 'error parsing HTTP 404 response body: invalid character "<"')], "packages"),
        ([(500, "toomanyrequests: You have reached your pull rate limit.")], ""),
        ([(500, "something that nobody has seen yet")], ""),
        ([(500, "write /var/lib/docker/tmp: no space left on device")], ""),
        ([(500, 'Get "https://mirror.example/v2/": Forbidden')], "packages"),
        ([(500, 'Get "https://mirror.example/v2/": EOF')], "packages"),
        (
            [(500, 'Get "https://mirror.example/v2/": tls: failed to verify certificate: x509: unknown authority')],
            "packages",
        ),
        ([BUSY, BUSY, GIVEN], "registry"),
        ([BROKEN, GIVEN], "registry"),
        ([REFUSED, GIVEN], "registry"),
    ],
)
def test_an_answer_decides_for_its_image(said: list[tuple[int, str]], source: str) -> None:
    docker = Docker()
    docker.answer("redis:7.4.5-alpine", *said)
    assert choose(docker, TABLE["redis"]).source == source


def test_a_busy_registry_ends_with_what_to_do_and_no_other_source() -> None:
    docker = Docker()
    docker.answer("redis:7.4.5-alpine", BUSY)
    choice = choose(docker, TABLE["redis"])
    assert choice.source == ""
    assert [line.partition(":")[0] for line in choice.faults] == ["present", "archive", "registry"]
    assert "toomanyrequests" in choice.faults[-1]
    assert "docker login" in choice.faults[-1]
    assert len(docker.asked) == 4, "it is asked again three times"


def test_an_image_out_of_reach_does_not_affect_the_others() -> None:
    docker = Docker()
    for image in TABLE.values():
        docker.answer(image.reference, GIVEN)
    docker.answer("redis:7.4.5-alpine", NO_NAME)
    plan = planner(docker).plan(TABLE.values())
    assert {name: choice.source for name, choice in plan.items()} == {
        "mysql": "registry", "redis": "packages", "python": "registry", "grafana": "registry",
    }  # fmt: skip


@pytest.mark.parametrize("substitute", ["", "mysql 8.4", "mariadb", "mysql 9.70"])
def test_another_release_line_needs_the_inventory(substitute: str) -> None:
    docker = Docker()
    docker.answer("mysql:8.0.43", NO_NAME)
    choice = choose(docker, wanted("mysql", substitute=substitute))
    assert choice.source == ""
    assert "images_substitutes: {mysql: mysql 9.7}" in choice.faults[-1]


@pytest.mark.parametrize("substitute", ["mysql 9.7", "mysql", "mysql 9"])
def test_the_inventory_allows_another_release_line(substitute: str) -> None:
    docker = Docker()
    docker.answer("mysql:8.0.43", NO_NAME)
    choice = choose(docker, wanted("mysql", substitute=substitute))
    assert (choice.source, choice.packaged) == ("packages", True)
    assert "mysql 9.7 in place of mysql:8.0.43" in choice.note


def test_another_product_needs_the_inventory() -> None:
    docker = Docker()
    docker.answer("grafana/grafana:11.6.4", NO_NAME)
    docker.answer("python:3.13.9-slim-trixie", NO_NAME)
    plan = planner(docker).plan(TABLE.values())
    assert plan["python"].source == "packages"
    assert plan["grafana"].source == ""
    assert "images_substitutes: {grafana: board}" in plan["grafana"].faults[-1]
    plan = planner(docker).plan([TABLE["python"], wanted("grafana", substitute="board")])
    assert (plan["grafana"].source, plan["grafana"].product) == ("packages", "board")


def test_present_substitutes_need_the_inventory_too() -> None:
    """What dev has built is no MySQL 8.0 for prod on the same host."""
    docker = Docker()
    docker.answer("mysql:8.0.43", NO_NAME)
    name, labels = own(MYSQL)
    docker.give(name, labels=labels)
    refused = choose(docker, TABLE["mysql"])
    assert refused.source == ""
    assert f"present: {name}: it is mysql 9.7.4, and mysql:8.0.43 was asked for" in refused.faults[0]
    allowed = choose(docker, wanted("mysql", substitute="mysql 9.7"))
    assert (allowed.source, allowed.done, allowed.version) == ("present", True, "9.7.4")


@pytest.mark.parametrize("reference", [f"redis@{DIGEST}", f"redis:7.4.5-alpine@{DIGEST}"])
def test_a_digest_asks_for_exactly_that_image(reference: str) -> None:
    docker = Docker()
    docker.answer(reference, NO_NAME)
    choice = choose(docker, wanted("redis", reference=reference))
    assert choice.source == "", "the recipe's Redis is another image, of which nothing says that it was meant"


def test_a_pin_leaves_the_version_guard_on() -> None:
    docker = Docker()
    pinned = f"mysql:8.0.43@{DIGEST}"
    docker.answer(pinned, GIVEN)
    older = wanted("mysql", reference=pinned, has_data=True, written="8.4.6")
    refused = choose(docker, older)
    assert refused.source == ""
    assert "the data was written by version 8.4.6" in " ".join(refused.faults)
    assert choose(docker, wanted("mysql", reference=pinned, has_data=True, written="8.0.40")).source == "registry"


@pytest.mark.parametrize("reference", ["redis:7.4.5-alpine", f"redis:7.4.5-alpine@{DIGEST}"])
def test_the_digest_that_a_registry_gave_is_known(reference: str) -> None:
    docker = Docker()
    docker.give(reference)["RepoDigests"] = [f"elsewhere/redis@{DIGEST.replace('a', 'b')}", f"redis@{DIGEST}"]
    assert choose(docker, wanted("redis", reference=reference)).digest == DIGEST


@pytest.mark.parametrize(
    "reference",
    [
        "redis:7.4.5-alpine",
        f"redis:7.4.5-alpine@{DIGEST}",
        f"redis@{DIGEST}",
        "library/redis:7.4.5-alpine",
        f"{DEFAULT}/library/redis:7.4.5-alpine",
        f"{DEFAULT}/redis:7.4.5-alpine",
        f"{DEFAULT}/library/redis:7.4.5-alpine@{DIGEST}",
        "mirror.example:5000/redis:7.4.5-alpine",
        f"mirror.example:5000/hub/redis@{DIGEST}",
    ],
)
@pytest.mark.parametrize("sources", [("present", "registry"), ("registry",)])
def test_an_image_on_the_host_is_known_however_it_is_written(reference: str, sources: tuple[str, ...]) -> None:
    docker = Docker()
    docker.give(reference, env=["REDIS_VERSION=7.4.5"])
    choice = choose(docker, wanted("redis", reference=reference, sources=sources))
    assert (choice.done, choice.source, choice.version) == (True, sources[0], "7.4.5")
    assert docker.asked == []


def test_a_digest_of_another_build_is_not_on_the_host() -> None:
    docker = Docker()
    docker.give(f"redis@{DIGEST.replace('a', 'b')}")
    docker.give("redis:7.4.5-alpine")
    docker.answer(f"redis@{DIGEST}", GIVEN)
    choice = choose(docker, wanted("redis", reference=f"redis@{DIGEST}"))
    assert (choice.done, choice.source) == (False, "registry")


@pytest.mark.parametrize("prefix", ["mirror.example:5000/hub/", "mirror.example:5000/hub"])
def test_a_mirror_may_keep_official_images_under_library(prefix: str) -> None:
    docker = Docker()
    docker.answer("mirror.example:5000/hub/library/redis:7.4.5-alpine", GIVEN)
    docker.answer("mirror.example:5000/hub/grafana/grafana:11.6.4", GIVEN)
    assert choose(docker, TABLE["redis"], registry_prefix=prefix).reference == (
        "mirror.example:5000/hub/library/redis:7.4.5-alpine"
    )
    plan = planner(docker, registry_prefix=prefix).plan([TABLE["python"], TABLE["grafana"]])
    assert plan["grafana"].reference == "mirror.example:5000/hub/grafana/grafana:11.6.4"


def test_a_reference_with_a_registry_of_its_own_has_no_prefix() -> None:
    docker = Docker()
    docker.answer("other.example/redis:7.4.5", GIVEN)
    choice = choose(docker, wanted("redis", reference="other.example/redis:7.4.5"), registry_prefix="mirror.example/")
    assert choice.reference == "other.example/redis:7.4.5"


def test_messages_name_the_registry_prefix() -> None:
    docker = Docker()
    docker.answer("mirror.example/redis:7.4.5-alpine", REFUSED)
    fault = choose(docker, wanted("redis", sources=("registry",)), registry_prefix="mirror.example/").faults[0]
    assert "images_registry_prefix is mirror.example/" in fault
    docker.answer("redis:7.4.5-alpine", REFUSED)
    assert "for a mirror set images_registry_prefix" in choose(docker, wanted("redis", sources=("registry",))).faults[0]
    docker.answer("mirror.example:5000/redis:7.4.5-alpine", (500, "http: server gave HTTP response to HTTPS client"))
    fault = choose(docker, wanted("redis", sources=("registry",)), registry_prefix="mirror.example:5000/").faults[0]
    assert "docker_daemon_options: {insecure-registries: [mirror.example:5000]}" in fault


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("8.0.43", "the data was written by version 8.0.43, and a substitute upgrades none"),
        ("8.4.6", "the data was written by version 8.4.6, and a substitute upgrades none"),
        ("9.8.1", "the data was written by version 9.8.1, and a substitute upgrades none"),
        ("9.7.1", ""),
    ],
)
def test_a_substitute_takes_the_data_of_its_own_line_alone(written: str, said: str) -> None:
    docker = Docker()
    docker.answer("mysql:8.0.43", NO_NAME)
    lines = {"8.0": {"next": ["8.4"]}, "8.4": {"next": ["9.7"]}, "9.7": {"next": []}}
    changes = {"substitute": "mysql 9.7", "has_data": True, "written": written, "lines": lines}
    for present in (False, True):
        if present:
            name, labels = own(MYSQL)
            docker.give(name, labels=labels)
        choice = choose(docker, wanted("mysql", **changes))
        assert (choice.source != "") == (said == "")
        assert said in " ".join(choice.faults)


def test_data_of_the_substitute_keeps_it_although_the_registry_is_back() -> None:
    """Dev began with MySQL 9.7: the registry's 8.0 cannot read that, and the next source can."""
    docker = Docker()
    docker.answer("mysql:8.0.43", GIVEN)
    lines = {"8.0": {"next": ["8.4"]}, "9.7": {"next": []}}
    choice = choose(docker, wanted("mysql", substitute="mysql 9.7", has_data=True, written="9.7.4", lines=lines))
    assert choice.source == "packages"


def test_a_source_whose_data_is_newer_is_passed_over() -> None:
    docker = Docker()
    docker.answer("redis:7.4.5-alpine", NO_NAME)
    choice = choose(docker, wanted("redis", has_data=True, written="7.4.5"))
    assert choice.source == ""
    assert "redis 7.0: the data was written by version 7.4.5: an older version cannot read it" in choice.faults[-1]


def test_the_guard_tells_that_a_version_is_unknown() -> None:
    docker = Docker()
    docker.give(f"redis@{DIGEST}")
    choice = choose(docker, wanted("redis", reference=f"redis@{DIGEST}", has_data=True, written="7.4.5"))
    assert choice.done
    assert choice.version == ""
    assert f"the version of redis@{DIGEST} is not known" in choice.note


def test_an_image_that_is_not_what_its_tag_says_is_refused() -> None:
    docker = Docker()
    docker.give("mysql:8.0.43", env=["MYSQL_VERSION=9.7.4-1.el9"])
    choice = choose(docker, wanted("mysql", sources=("present",)))
    assert choice.source == ""
    assert "it is mysql 9.7.4, and mysql:8.0.43 was asked for" in choice.faults[0]


def test_an_image_built_by_hand_under_our_name_does_not_count() -> None:
    docker = Docker()
    docker.answer("redis:7.4.5-alpine", NO_NAME)
    name, labels = own(REDIS)
    docker.give(name, labels={**labels, "io.jiucom.recipe": ""})
    choice = choose(docker, TABLE["redis"])
    assert (choice.source, choice.done, choice.reference) == ("packages", False, name)
    assert "built by hand" in choice.note
    assert "was built by hand" in choose(docker, wanted("redis", sources=("present",))).faults[0]


def test_before_docker_is_installed_the_registry_is_believed() -> None:
    choice = choose(Docker(running=False), TABLE["mysql"])
    assert (choice.source, choice.version, choice.done) == ("registry", "8.0.43", False)


@pytest.mark.parametrize(
    ("options", "source"),
    [
        ({"registry-mirrors": ["http://mirror.example:5000"]}, "registry"),
        ({"registry-mirrors": ["http://known.example/"]}, "packages"),
        ({"insecure-registries": ["mirror.example:5000"]}, "registry"),
        ({"insecure-registries": ["10.0.0.0/8"]}, "packages"),
        ({"proxies": {"https-proxy": "http://proxy.example:3128"}}, "registry"),
        ({"data-root": "/srv/docker"}, "packages"),
        ({}, "packages"),
    ],
)
def test_options_that_the_daemon_does_not_know_yet_are_believed(options: dict[str, object], source: str) -> None:
    docker = Docker(Mirrors=["http://known.example/"], InsecureRegistryCIDRs=["10.0.0.0/8"])
    docker.answer("redis:7.4.5-alpine", NO_NAME)
    believe = planner(docker).host.unknown_options(options)
    assert choose(docker, TABLE["redis"], believe_registry=believe).source == source


def archive(reference: str, labels: dict[str, str] | None = None, layer: str = "one", **env: str) -> dict[str, object]:
    config = {"Labels": labels, "Env": [f"{key}={value}" for key, value in env.items()]}
    return {
        "/a.tar": {"size": 1, "unpacked": 2, "images": [{"names": [reference], "config": config, "layers": [layer]}]}
    }


def test_an_archive_is_loaded_unless_the_host_has_the_same_image() -> None:
    docker = Docker()
    first = ("archive", "registry")
    held = archive("redis:7.4.5-alpine", REDIS_VERSION="7.4.5")
    choice = choose(docker, wanted("redis", sources=first), held)
    assert (choice.source, choice.done, choice.file, choice.version) == ("archive", False, "/a.tar", "7.4.5")
    here = docker.give("redis:7.4.5-alpine", env=["REDIS_VERSION=7.4.5"])
    assert not choose(docker, wanted("redis", sources=first), held).done, "the host has another build"
    here["RootFS"]["Layers"] = ["one"]
    choice = choose(docker, wanted("redis", sources=first), held)
    assert (choice.source, choice.done) == ("archive", True), "ids differ between engines, layers do not"


@pytest.mark.parametrize("listed", [f"{DEFAULT}/library/redis:7.4.5-alpine", "redis:7.4.5-alpine"])
def test_archives_of_other_tools_write_references_out(listed: str) -> None:
    assert choose(Docker(), wanted("redis", sources=("archive",)), archive(listed)).source == "archive"


def test_an_archive_with_a_substitute_needs_the_inventory() -> None:
    name, labels = own(MYSQL)
    choice = choose(Docker(), wanted("mysql", sources=("archive",)), archive(name, labels))
    assert "/a.tar: it is mysql 9.7.4" in choice.faults[0]


def test_an_image_is_named_by_its_base() -> None:
    docker = Docker()
    name, labels = own(PYTHON)
    docker.give(name, labels=labels)
    table = [wanted("grafana", substitute="board", sources=("present", "packages")), TABLE["python"]]
    plan = planner(docker).plan(table)
    assert (plan["grafana"].source, plan["grafana"].done) == ("packages", False)
    base = planner(docker).host.find(name)
    assert base
    board, labels = own(BOARD, base.fingerprint)
    docker.give(board, labels=labels)
    assert planner(docker).plan(table)["grafana"].source == "present"
    docker.images[name]["RootFS"]["Layers"].append("a patch")
    assert planner(docker).plan(table)["grafana"].source == "packages", "a patched base is another image"


def test_an_image_without_its_base_is_a_fault() -> None:
    docker = Docker()
    docker.answer("python:3.13.9-slim-trixie", BUSY)
    docker.answer("grafana/grafana:11.6.4", MISSING)
    plan = planner(docker).plan([wanted("grafana", substitute="board"), TABLE["python"]])
    assert "it is built on python, which no source gives" in plan["grafana"].faults[-1]


def test_mirrors_that_cannot_build_are_named() -> None:
    docker = Docker()
    docker.answer("redis:7.4.5-alpine", MISSING)
    fault = choose(
        docker, TABLE["redis"], look_up=lambda mirror, suite: Release(mirror, f"{mirror} has no Debian {suite}")
    )
    assert "http://debian.example has no Debian bookworm; set images_packages_mirror" in fault.faults[-1]


def test_refresh_takes_each_image_again_from_where_its_kind_comes_from() -> None:
    docker = Docker()
    for image in TABLE.values():
        docker.answer(image.reference, GIVEN)
    docker.give("mysql:8.0.43", env=["MYSQL_VERSION=8.0.43"])
    name, labels = own(REDIS)
    docker.give(name, labels=labels)
    docker.give(f"python@{DIGEST}", env=["PYTHON_VERSION=3.13.9"])
    pinned = wanted("python", reference=f"python@{DIGEST}")
    plan = planner(docker, refresh=True).plan([TABLE["mysql"], TABLE["redis"], pinned, TABLE["grafana"]])
    assert {name: (choice.source, choice.done) for name, choice in plan.items()} == {
        "mysql": ("registry", False),
        "redis": ("packages", False),
        "python": ("present", True),
        "grafana": ("registry", False),
    }


def test_a_plan_ends_whatever_docker_lists() -> None:
    """A Docker that never lists what is wanted: each source is asked a bounded number of times."""
    docker = Docker()
    docker.give("redis:7.4.5-alpine")["RepoTags"] = ["something:else"]
    docker.answer("redis:7.4.5-alpine", GIVEN)
    choice = choose(docker, TABLE["redis"])
    assert (choice.source, choice.done) == ("registry", False)
    assert docker.asked == ["redis:7.4.5-alpine"]
