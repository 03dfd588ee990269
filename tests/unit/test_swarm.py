"""The platform as a stack: what becomes of each key, which nodes have what, which files go along."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.jiucom.platform.plugins.filter.compose import ORDER
from ansible_collections.jiucom.platform.plugins.filter.swarm import missing_images, swarm_labels
from ansible_collections.jiucom.platform.plugins.module_utils import swarm
from plugins import load

STACK = load("roles/swarm/library/swarm_stack.py")
DIAGNOSE = load("roles/swarm/library/swarm_diagnose.py")
DEPLOY = {"resources": {"limits": {"cpus": 1, "memory": "10", "pids": 5}, "reservations": {"memory": "5"}}}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The installation's directory with some files of nginx."""
    for path, text in {"nginx/conf/nginx.conf": "a", "nginx/conf/rules/one": "b", "nginx/secrets/users": "pw"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "nginx/secrets/none").touch()
    return tmp_path


def project(home: Path, **services: dict[str, Any]) -> dict[str, Any]:
    """Return a project as Compose reads it, with these services besides nginx."""

    def bind(path: str, target: str) -> dict[str, Any]:
        return {"type": "bind", "source": str(home / path), "target": target, "read_only": True}

    nginx = {
        "image": "n", "user": "101:102", "deploy": DEPLOY, "cpu_shares": 512,
        "networks": {"jiucom": {"ipv4_address": "10.0.0.9"}},
        "volumes": [bind("nginx/conf", "/etc/nginx"), bind("nginx/secrets", "/run/secrets")],
        "tmpfs": ["/tmp:mode=1777,size=64m"],
        "ports": [
            {"host_ip": "0.0.0.0", "target": 80, "published": "8000", "mode": "ingress"},
            {"host_ip": "127.0.0.1", "target": 8080, "published": "8080", "mode": "ingress"},
        ],
    }  # fmt: skip
    return {"services": {"nginx": nginx, **services}}


def service(**keys: Any) -> dict[str, Any]:
    """Return a small service."""
    return {"image": "i", "user": "1:2", "deploy": DEPLOY, "cpu_shares": 102, **keys}


def made(home: Path, key: bytes = b"key", **services: dict[str, Any]) -> swarm.Stack:
    """Make the stack of a project."""
    return swarm.stack(project(home, **services), swarm.Settings(home, "jiucom", "net", "10.0.0.0/24", key))


def test_each_key_of_a_service_has_one_fate() -> None:
    fates = [*swarm.TAKEN, *swarm.CHANGED, *swarm.LEFT]
    assert sorted(fates) == sorted(ORDER)


def test_a_key_without_a_fate_is_an_error(home: Path) -> None:
    with pytest.raises(ValueError, match="db: nothing says what becomes of devices in a stack"):
        made(home, db=service(devices=["/dev/kvm"]))


def test_what_is_bound_to_an_address_is_not_published_and_the_rest_by_the_gateway_alone(home: Path) -> None:
    open_port = {"host_ip": "0.0.0.0", "target": 9090, "published": "9090", "mode": "ingress"}
    found = made(home, prometheus=service(ports=[open_port])).services
    assert found["nginx"]["ports"] == [{"target": 80, "published": 8000, "protocol": "tcp", "mode": "host"}]
    assert "ports" not in found["prometheus"]


def test_files_become_configs_and_secrets_with_their_owner_and_their_place(home: Path) -> None:
    nginx = made(home).services["nginx"]
    configs = [(one["target"], one["uid"], one["gid"], oct(one["mode"])) for one in nginx["configs"]]
    assert configs == [("/etc/nginx/nginx.conf", "0", "102", "0o440"), ("/etc/nginx/rules/one", "0", "102", "0o440")]
    secrets = [(one["target"], one["uid"], oct(one["mode"])) for one in nginx["secrets"]]
    assert secrets == [("/run/secrets/none", "101", "0o400"), ("/run/secrets/users", "101", "0o400")]
    assert nginx["volumes"] == [{"type": "tmpfs", "target": "/tmp", "tmpfs": {"size": 64 * 1024**2}}]


def test_a_key_beside_other_files_is_a_secret(home: Path) -> None:
    served = home / "tls/served"
    served.mkdir(parents=True)
    for name, mode in (("gateway.pem", 0o400), ("metrics", 0o640)):
        (served / name).write_text(name)
        (served / name).chmod(mode)
    volume = {"type": "bind", "source": str(served), "target": "/etc/nginx/tls", "read_only": True}
    found = made(home, edge=service(user="101:102", volumes=[volume])).services["edge"]
    seen = {kind: [(one["target"], oct(one["mode"])) for one in found[kind]] for kind in ("configs", "secrets")}
    assert seen == {
        "configs": [("/etc/nginx/tls/metrics", "0o440")],
        "secrets": [("/etc/nginx/tls/gateway.pem", "0o400")],
    }


def test_the_gateway_alone_gives_silent_connections_up_early(home: Path) -> None:
    services = made(home, db=service()).services
    assert services["nginx"]["sysctls"] == {"net.ipv4.tcp_retries2": "4"}
    assert "sysctls" not in services["db"]


def test_a_name_follows_the_content_and_does_not_give_it_away(home: Path) -> None:
    before, other = made(home).files.keys(), made(home, key=b"other").files.keys()
    (home / "nginx/conf/nginx.conf").write_text("changed")
    after = made(home).files.keys()
    assert len(before - after) == len(after - before) == 1
    assert not before & other
    assert all(len(name) <= 64 for name in after)


def test_swarm_takes_no_empty_file(home: Path) -> None:
    place = home / "nothing"
    written = made(home).written(place)
    files = {entry["file"] for entry in written["secrets"].values()}
    assert files == {str(place), str(home / "nginx/secrets/users")}
    assert json.dumps(written)


def test_a_service_with_a_volume_stays_where_that_is(home: Path) -> None:
    stack = made(home, db=service(volumes=[{"type": "volume", "source": "data", "target": "/data"}]), free=service())
    deploy = stack.services["db"]["deploy"]
    assert deploy["placement"] == {"constraints": ["node.labels.jiucom.db == true"]}
    assert deploy["update_config"]["order"] == "stop-first"
    assert stack.written(home)["volumes"] == {"data": {"name": "jiucom_data"}}
    assert stack.pinned() == ["db"]
    assert "placement" not in stack.services["free"]["deploy"]
    assert stack.services["free"]["deploy"]["update_config"]["order"] == "start-first"


def test_a_mount_with_an_owner_is_a_volume_in_memory_that_holds_nothing_back(home: Path) -> None:
    stack = made(home, db=service(tmpfs=["/run/db:mode=0755,uid=9,gid=9,size=1m"]))
    assert stack.services["db"]["volumes"] == [{"type": "volume", "source": "db-run-db", "target": "/run/db"}]
    options = {"type": "tmpfs", "device": "tmpfs", "o": "mode=0755,uid=9,gid=9,size=1m"}
    assert stack.written(home)["volumes"] == {"db-run-db": {"name": "jiucom_db-run-db", "driver_opts": options}}
    assert stack.pinned() == []
    assert "placement" not in stack.services["db"]["deploy"]


def test_replicas_run_anywhere_and_one_more_has_their_volume(home: Path) -> None:
    uploads = {"type": "volume", "source": "uploads", "target": "/up"}
    app = service(scale=3, volumes=[uploads], environment={"FORWARDED_ALLOW_IPS": "10.0.0.9"})
    stack = made(home, app=app)
    app, keeper = stack.services["app"], stack.services["pictures"]
    assert app["deploy"]["replicas"] == 3
    assert keeper["deploy"]["replicas"] == 1
    assert app["volumes"] == []
    assert keeper["volumes"] == [{"type": "volume", "source": "uploads", "target": "/up"}]
    assert keeper["networks"] == {"jiucom": {"aliases": ["app"]}}
    assert app["deploy"]["placement"] == {"max_replicas_per_node": 2}
    assert keeper["deploy"]["placement"] == {"constraints": ["node.labels.jiucom.pictures == true"]}
    assert {one["deploy"]["update_config"]["order"] for one in (app, keeper)} == {"start-first"}
    assert app["environment"]["FORWARDED_ALLOW_IPS"] == "10.0.0.0/24"
    assert stack.pinned() == ["pictures"]


@pytest.mark.parametrize(("replicas", "hosts", "most"), [(2, 3, 2), (3, 3, 2), (6, 3, 4), (4, 5, 2), (5, 4, 2)])
def test_with_one_host_away_all_replicas_and_one_more_have_room(
    home: Path, replicas: int, hosts: int, most: int
) -> None:
    app = service(scale=replicas, volumes=[], environment={})
    settings = swarm.Settings(home, "jiucom", "net", "10.0.0.0/24", b"key", hosts)
    found = swarm.stack(project(home, app=app), settings).services["app"]["deploy"]["placement"][
        "max_replicas_per_node"
    ]
    assert found == most
    assert found * (hosts - 1) >= replicas + 1


def test_limits_and_reserved_memory_stay(home: Path) -> None:
    resources = made(home).services["nginx"]["deploy"]["resources"]
    assert resources == {
        "limits": {"cpus": "1", "memory": "10", "pids": 5},
        "reservations": {"memory": "5"},
    }


@pytest.mark.parametrize(
    ("text", "size"), [("64m", 2**26), ("1g", 2**30), ("512k", 2**19), ("100", 100), ("1mb", 2**20)]
)
def test_sizes_of_tmpfs(text: str, size: int) -> None:
    assert swarm.bytes_of(text) == size


def test_a_bad_size_is_named() -> None:
    with pytest.raises(ValueError, match="'much' is not a size"):
        swarm.bytes_of("much")


def test_labels_say_who_has_a_gateway_and_which_volumes() -> None:
    nodes = {"one": "n1", "two": "n2"}
    assert swarm_labels(nodes, ["two"], ["mysql", "redis"], {"redis": "two"}, "one") == {
        "n1": ["mysql"],
        "n2": ["edge", "redis"],
    }


def test_a_host_that_does_not_answer_keeps_its_labels() -> None:
    assert swarm_labels({"one": "n1"}, ["one", "two"], ["mysql", "redis"], {"redis": "two"}, "one") == {
        "n1": ["edge", "mysql"]
    }


def test_an_image_that_one_host_lacks_is_missing() -> None:
    asked: list[dict[str, Any]] = [
        {"images": [{"RepoTags": ["a:1", "b:1"]}]},
        {"images": [{"RepoTags": ["a:1"]}, {"RepoTags": None}]},
    ]
    assert missing_images(asked, ["a:1", "b:1"]) == ["b:1"]


def test_another_placement_replaces_no_task() -> None:
    """So a task of before is one as the service is defined; with another image it is not."""

    def spec(image: str, most: int) -> dict[str, Any]:
        return {"ContainerSpec": {"Image": image}, "Placement": {"MaxReplicas": most}}

    task = {"ServiceID": "s", "DesiredState": "running", "Spec": spec("i:1", 2)}
    task["Status"] = {"State": "running", "Timestamp": "1", "Message": "started"}
    service: dict[str, Any] = {
        "ID": "s",
        "ServiceStatus": {"DesiredTasks": 1},
        "Spec": {"Mode": {"Replicated": {"Replicas": 1}}},
    }
    assert STACK.waiting("app", {**service, "Spec": {**service["Spec"], "TaskTemplate": spec("i:1", 3)}}, [task]) == ""
    waits = STACK.waiting("app", {**service, "Spec": {**service["Spec"], "TaskTemplate": spec("i:2", 3)}}, [task])
    assert waits == "app: 0 of 1 run as defined (started)"


@pytest.mark.parametrize(
    ("there", "every", "endangered"), [(3, 3, False), (2, 3, True), (4, 5, False), (3, 5, True), (2, 2, True)]
)
def test_a_majority_is_in_danger_when_one_more_must_not_be_lost(there: int, every: int, endangered: bool) -> None:
    assert DIAGNOSE.in_danger(there, every) is endangered


def test_the_newest_error_of_a_service_is_told_with_its_node() -> None:
    tasks = [
        {"NodeID": "a", "Status": {"Timestamp": "1", "Err": "old"}},
        {"NodeID": "b", "Status": {"Timestamp": "2", "Err": "new"}},
        {"NodeID": "a", "Status": {"Timestamp": "3"}},
    ]
    assert DIAGNOSE.last_error(tasks, {"a": "node1", "b": "node2"}) == "node2: new"
    assert DIAGNOSE.last_error(tasks[2:], {}) == "no task of it has told an error"
