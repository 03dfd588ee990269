"""The parts of the images' module: references, what an image says of itself, recipes, archives, jobs, what is pruned."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import urllib.error
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.jiucom.platform.plugins.module_utils import apt_sources, references
from ansible_collections.jiucom.platform.plugins.module_utils.images import archives, recipes
from ansible_collections.jiucom.platform.plugins.module_utils.images.build import version
from ansible_collections.jiucom.platform.plugins.module_utils.images.host import image
from ansible_collections.jiucom.platform.plugins.module_utils.images.jobs import Job, run
from ansible_collections.jiucom.platform.plugins.module_utils.images.prune import superfluous
from plugins import load

ROOT = Path(__file__).parents[3]
filters = load("roles/images/filter_plugins/images.py")
DIGEST = "sha256:" + 64 * "c"


@pytest.mark.parametrize(
    ("reference", "prefix", "expected"),
    [
        ("mysql:8.0.43", "", ["mysql:8.0.43"]),
        ("mysql:8.0.43", "m.example/", ["m.example/mysql:8.0.43", "m.example/library/mysql:8.0.43"]),
        (
            "mysql:8.0.43",
            "m.example:5000/hub",
            ["m.example:5000/hub/mysql:8.0.43", "m.example:5000/hub/library/mysql:8.0.43"],
        ),
        ("prom/prometheus:v3.5.0", "m.example/", ["m.example/prom/prometheus:v3.5.0"]),
        (
            "default.example/library/mysql:8.0.43",
            "m.example/",
            ["m.example/mysql:8.0.43", "m.example/library/mysql:8.0.43"],
        ),
        (f"mysql@{DIGEST}", "m.example/", [f"m.example/mysql@{DIGEST}", f"m.example/library/mysql@{DIGEST}"]),
        ("other.example/mysql:8.0.43", "m.example/", ["other.example/mysql:8.0.43"]),
    ],
)
def test_references_behind_a_mirror(reference: str, prefix: str, expected: list[str]) -> None:
    assert references.behind(prefix, reference, "default.example") == expected


@pytest.mark.parametrize(
    "prefix", ["http://m.example/", "m.example//hub/", "m.example/Hub/", "m.example:port/", " m.example/", "/"]
)
def test_malformed_prefixes_are_refused(prefix: str) -> None:
    assert f"images_registry_prefix is {prefix!r}" in references.prefix_fault(prefix)


@pytest.mark.parametrize(
    "prefix", ["m.example/", "m.example", "m.example:5000/hub/", "127.0.0.1:5000", "localhost/hub", "hub/"]
)
def test_prefixes_with_and_without_their_slash(prefix: str) -> None:
    assert references.prefix_fault(prefix) == ""


@pytest.mark.parametrize(
    ("reference", "pinned"),
    [
        ("mysql:8.0.43", True), ("prom/prometheus:v3.5.0", True), (f"mysql:8@{DIGEST}", True), (f"mysql@{DIGEST}", True),
        ("redis:7.4.5-alpine", True), ("python:3.13-slim", False), ("mysql:8", False), ("mysql:lts", False),
        ("nginx:stable", False), ("m.example:5000/mysql", False), ("mysql", False), ("mysql:latest", False),
    ],
)  # fmt: skip
def test_pinned_references(reference: str, pinned: bool) -> None:
    assert references.parse(reference).pinned is pinned


@pytest.mark.parametrize(
    ("name", "labels", "env", "promised", "expected"),
    [
        ("mysql", {}, {"MYSQL_VERSION": "8.0.43-1.el9"}, "8.0.43", ("mysql", "8.0.43")),
        ("mysql", {}, {"MYSQL_VERSION": "9.7.4"}, "8.0.43", ("mysql", "9.7.4")),
        ("redis", {}, {}, "7.4.5", ("redis", "7.4.5")),
        ("redis", {}, {}, "", ("redis", "")),
        ("prometheus", {"org.opencontainers.image.version": "v3.5.1"}, {}, "3.5.0", ("prometheus", "3.5.1")),
        # Built on Ubuntu, and without a label of its own.
        ("redis", {"org.opencontainers.image.version": "24.04", "org.opencontainers.image.ref.name": "ubuntu"}, {}, "7.4.5",
         ("redis", "7.4.5")),
        ("grafana", {"io.jiucom.product": "board", "org.opencontainers.image.version": "1.0.0"}, {}, "", ("board", "1.0.0")),
        # board is built on an official Python, whose version is not board's.
        ("grafana", {"io.jiucom.product": "board", "org.opencontainers.image.version": "1.0.0"}, {"PYTHON_VERSION": "3.13.9"},
         "", ("board", "1.0.0")),
    ],
)  # fmt: skip
def test_product_and_version_of_an_image(
    name: str, labels: dict[str, str], env: dict[str, str], promised: str, expected: tuple[str, str]
) -> None:
    config = {"Labels": labels, "Env": [f"{key}={value}" for key, value in env.items()]}
    assert image("", [], config, []).describe(name, promised) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mysql-server-core=9.7.4+ds1-4", "9.7.4"),
        ("redis-server=5:7.0.15-1~deb12u9", "7.0.15"),
        ("board=1.0.0", "1.0.0"),
    ],
)
def test_debians_epoch_and_revision_are_no_version(line: str, expected: str) -> None:
    assert version([line, "other=1"]) == expected


RECIPES = sorted(path.parent.name for path in (ROOT / "files/images").glob("*/Dockerfile"))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_says_what_it_builds_and_on_what(name: str) -> None:
    read = recipes.read(ROOT / "files/images", name, args={"GRAFANA_VERSION": "11.6.4"})
    assert read["product"] == name
    assert read["line"][0].isdigit()
    assert read.get("suite") in ("trixie", "sid", "bookworm") or read["base"] == "python"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"overrides": {"mysqll": ["present"]}}, "images_sources_overrides.mysqll: no such image; there are mysql"),
        ({"overrides": {"mysql": ["internet"]}}, "images_sources_overrides.mysql: no source 'internet'"),
        ({"substitutes": {"mysqll": "mysql 9.7"}}, "images_substitutes.mysqll: no such image"),
    ],
)
def test_unknown_names_of_images_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(AnsibleFilterError, match=said):
        filters.images_wanted({"mysql": {"ref": "mysql:8.0.43"}}, str(ROOT / "files/images"), **given)


def test_the_inventory_of_dev_allows_what_its_recipes_build() -> None:
    allowed = yaml.safe_load((ROOT / "inventories/dev/group_vars/all/main.yml").read_text())["images_substitutes"]
    built = {name: recipes.read(ROOT / "files/images", name) for name in ("mysql", "board")}
    assert allowed == {"mysql": f"mysql {built['mysql']['line']}", "grafana": built["board"]["product"]}
    prod = yaml.safe_load((ROOT / "inventories/prod/group_vars/all/main.yml").read_text())
    assert "images_substitutes" not in prod


def checkout(root: Path, umask: int) -> Path:
    """Make a small checkout with the modes that a umask leaves."""
    for name, mode in (("common/install", 0o777), ("probe/Dockerfile", 0o666), ("probe/deep/conf", 0o666)):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        path.chmod(mode & ~umask)
    return root


def test_a_checkout_s_modes_reach_no_image(tmp_path: Path) -> None:
    packed, sums = [], []
    for umask in (0o022, 0o077, 0o027):
        content = recipes.files(checkout(tmp_path / f"{umask:o}", umask), "probe")
        recipes.pack(content, tmp_path / "context.tar")
        with tarfile.open(tmp_path / "context.tar") as tar:
            packed.append({member.name: oct(member.mode) for member in tar})
        sums.append(recipes.checksum(content))
    assert packed[0] == packed[1] == packed[2]
    assert packed[0] == {
        "common": "0o755", "probe": "0o755", "probe/deep": "0o755", "common/install": "0o755", "probe/Dockerfile": "0o644",
        "probe/deep/conf": "0o644",
    }  # fmt: skip
    assert len(set(sums)) == 1


def test_a_recipes_checksum_covers_what_it_is_given(tmp_path: Path) -> None:
    content = recipes.files(checkout(tmp_path, 0o022), "probe")
    first = recipes.checksum(content, ["A=1"])
    assert first != recipes.checksum(content, ["A=2"])
    (tmp_path / "common/install").chmod(0o644)
    assert first != recipes.checksum(content, ["A=1"])


def save(path: Path, names: list[str], mode: str = "w") -> None:
    """Write an archive as `docker save` does: layers first, the manifest last."""
    config = {"config": {"Labels": {"a": "b"}, "Env": ["X=1"]}, "rootfs": {"diff_ids": ["sha256:1"]}}
    manifest = [{"Config": "blobs/sha256/abc", "RepoTags": names, "Layers": ["blobs/sha256/big"]}]
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, body in (
            ("blobs/sha256/big", b"x" * 2 * 1024**2),
            ("blobs/sha256/abc", json.dumps(config).encode()),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))


@pytest.mark.parametrize(("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.tgz", "w:gz")])
def test_archives_are_read_once(tmp_path: Path, name: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / name, ["redis:7.4.5"], mode)
    cache = tmp_path / "cache/archives.json"
    first = archives.index(str(tmp_path), cache)
    [entry] = first.values()
    assert entry["images"] == [
        {"names": ["redis:7.4.5"], "config": {"Labels": {"a": "b"}, "Env": ["X=1"]}, "layers": ["sha256:1"]}
    ]
    assert entry["unpacked"] > 2 * 1024**2
    assert entry["size"] == (tmp_path / name).stat().st_size

    def unread(path: Path) -> Any:
        raise AssertionError(f"{path} was read again")

    with monkeypatch.context() as patch:
        patch.setattr(archives, "_read", unread)
        assert archives.index(str(tmp_path), cache) == first
    save(tmp_path / name, ["redis:7.4.6"], mode)
    assert next(iter(archives.index(str(tmp_path), cache).values()))["images"][0]["names"] == ["redis:7.4.6"]


def test_files_that_are_no_archive_are_named(tmp_path: Path) -> None:
    assert archives.index(str(tmp_path / "nowhere"), tmp_path / "cache") == {}
    (tmp_path / "half.tar").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"half\.tar is no archive made by `docker save`"):
        archives.index(str(tmp_path), tmp_path / "cache")


def test_jobs_come_after_what_they_need_and_side_by_side() -> None:
    done: list[str] = []
    together = threading.Barrier(2, timeout=20)

    def job(name: str, *needs: str, meet: bool = False) -> Job:
        def work() -> None:
            if meet:
                together.wait()
            done.append(name)

        return Job(name, "build", work, frozenset(needs))

    jobs = [
        job("board", "python", "nothing"),
        job("python", "base", meet=True),
        job("redis", "base", meet=True),
        job("base"),
    ]
    assert run(jobs, {"build": 2}).failed == {}
    assert done[0] == "base"
    assert set(done[1:3]) == {"python", "redis"}
    assert done[3] == "board"


def test_no_job_begins_after_a_failure() -> None:
    begun: list[str] = []

    def fail() -> None:
        raise RuntimeError("no")

    jobs = [
        Job("base", "one", fail),
        Job("image", "one", lambda: begun.append("image"), frozenset({"base"})),
        Job("queued", "one", lambda: begun.append("queued"), frozenset({"base"})),
    ]
    assert {name: str(fault) for name, fault in run(jobs, {"one": 1}).failed.items()} == {"base": "no"}
    assert begun == []


def listed(id_: str, created: int, *names: str, project: str = "jiucom", kind: str = "") -> dict[str, Any]:
    labels = {"io.jiucom.project": project} if project else {}
    return {
        "Id": id_,
        "Created": created,
        "RepoTags": list(names),
        "Labels": {**labels, "io.jiucom.image": kind} if kind else labels,
    }


def test_prune_takes_only_what_is_ours_old_and_unused() -> None:
    here = "localhost/jiucom"
    images = [
        *(listed(f"app{n}", n, f"{here}/app:{n}") for n in range(1, 7)),
        listed("lost", 3, kind="redis"),
        listed("redis", 4, f"{here}/redis:1"),
        listed("foreign", 1, "mysql:8.0.43", project=""),
        listed("staging", 1, f"{here}/app:0", project="staging"),
        listed("renamed", 0, f"{here}/app:x", "registry.example/app:x"),
    ]

    def gone(keep: int, *needed: str) -> list[str]:
        return [one["Id"] for one in superfluous(images, needed, "jiucom", f"{here}/", keep)]

    assert gone(3) == ["app1", "app2", "app3"]
    assert gone(1, "app2") == ["app1", "lost", "app3", "app4", "app5"]
    assert gone(0, "app6", "redis") == ["app1", "app2", "lost", "app3", "app4", "app5"]
    assert "lost" in gone(1), "a newer build has taken its name"
    assert "lost" not in gone(2)
    assert gone(9) == []


def release(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: io.BytesIO(body))


def test_a_mirror_past_its_date_is_refused_unless_it_is_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    release(monkeypatch, b"Suite: unstable\nValid-Until: Fri, 06 Nov 2020 08:08:01 UTC\n")
    assert "images_packages_snapshot: true" in apt_sources.look_up("http://m.example", "sid", 5).fault
    assert apt_sources.look_up("http://m.example", "sid", 5, expired_is_right=True).fault == ""
    for body in (b"Suite: stable\n", b"Valid-Until: Fri, 06 Nov 2099 08:08:01 UTC\n"):
        release(monkeypatch, body)
        assert apt_sources.look_up("http://m.example", "trixie", 5).fault == ""


def test_a_mirror_with_a_login_is_refused_without_telling_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = apt_sources.look_up("https://shop:w@rd@m.example:8080/debian", "sid", 5).fault
    assert fault.startswith(
        "https://m.example:8080/debian is given with a login, which images would keep: name a mirror"
    )

    def refuse(url: str, **_: object) -> None:
        raise urllib.error.HTTPError(url, 401, "", Message(), None)

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    assert "http://m.example wants a login" in apt_sources.look_up("http://m.example", "sid", 5).fault


def test_a_substitute_may_be_named_for_a_service_that_is_off(tmp_path: Path) -> None:
    images = {"redis": {"ref": "redis:7.4.5-alpine"}}
    substitutes = {"mysql": "mysql 9.7"}
    [entry] = filters.images_wanted(images, str(tmp_path), substitutes=substitutes, known=["redis", "mysql"])
    assert entry["name"] == "redis"
    with pytest.raises(AnsibleFilterError, match="no such image; there are redis"):
        filters.images_wanted(images, str(tmp_path), substitutes=substitutes)
