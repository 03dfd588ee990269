"""S1: each way in which a container may be open is seen, and a closed one has none."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from plugins import load

CHECK = load("roles/platform/library/platform_check.py")
CLOSED: dict[str, Any] = {
    "AppArmorProfile": "docker-default",
    "Config": {"User": "999:999"},
    "HostConfig": {
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "CapAdd": None,
        "Privileged": False,
        "SecurityOpt": ["no-new-privileges:true"],
        "PidsLimit": 256,
        "NetworkMode": "jiucom-network",
        "PidMode": "",
        "IpcMode": "private",
        "UTSMode": "",
        "UsernsMode": "",
        "Devices": None,
        "CgroupParent": "",
    },
    "Mounts": [
        {"Source": "/", "RW": False, "Propagation": "rslave"},
        {"Source": "/opt/jiucom/mysql/conf.d", "RW": True, "Propagation": "rprivate"},
    ],
}


def test_a_closed_container_is_not_named() -> None:
    assert CHECK.loose(CLOSED) == []
    assert CHECK.loose({**CLOSED, "AppArmorProfile": ""}) == [], "a host without AppArmor"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"HostConfig": {"ReadonlyRootfs": False}}, "its root file system is writable"),
        ({"HostConfig": {"CapDrop": None}}, "it keeps capabilities"),
        ({"HostConfig": {"CapAdd": ["NET_ADMIN"]}}, "it keeps capabilities"),
        ({"HostConfig": {"Privileged": True}}, "it is privileged"),
        ({"HostConfig": {"SecurityOpt": None}}, "it may gain privileges"),
        ({"HostConfig": {"PidsLimit": None}}, "its processes are not bounded"),
        ({"Config": {"User": ""}}, "it runs as root"),
        ({"Config": {"User": "0:999"}}, "it runs as root"),
        ({"Mounts": [{"Source": "/var/run/docker.sock", "RW": False}]}, "it holds Docker's socket"),
        ({"Mounts": [{"Source": "/etc", "RW": True}]}, "it writes to the host's system"),
        ({"Mounts": [{"Source": "/srv", "RW": True, "Propagation": "rshared"}]}, "its mounts reach the host"),
        ({"HostConfig": {"Devices": [{"PathOnHost": "/dev/sda"}]}}, "it has devices of the host"),
        *[
            ({"HostConfig": {f"{kind}Mode": "host"}}, "it shares a namespace of the host")
            for kind in ("Pid", "UTS", "Userns")
        ],
        (
            {"HostConfig": {"SecurityOpt": ["no-new-privileges:true", "seccomp:unconfined"]}},
            "its system calls are not filtered",
        ),
        ({"AppArmorProfile": "unconfined"}, "AppArmor lets it do anything"),
        ({"HostConfig": {"CgroupParent": "/elsewhere"}}, "its limits are not Docker's"),
    ],
)
def test_each_opening_is_named(change: dict[str, Any], said: str) -> None:
    container = copy.deepcopy(CLOSED)
    for part, values in change.items():
        container[part] = {**container[part], **values} if isinstance(values, dict) else values
    assert CHECK.loose(container) == [said]
