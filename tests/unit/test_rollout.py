"""What a replacement of the API's replicas reads and writes: the gateway's list, compose.yaml, releases, connections."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
from ansible_collections.jiucom.platform.plugins.module_utils.compose_file import block
from ansible_collections.jiucom.platform.plugins.module_utils.releases import Releases
from ansible_collections.jiucom.platform.plugins.module_utils.rollout.gateway import Worker, pinned, steady
from ansible_collections.jiucom.platform.plugins.modules.maintenance import _DEFAULT

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "roles/gateway/templates/app.conf.j2").read_text()
TEXT = TEXT.replace("{{ platform_services.app.port }}", "8080").replace("{{ _gateway_replica_requests }}", "500")


def test_the_list_is_pinned_in_both_upstreams_and_put_back() -> None:
    text = pinned(TEXT, ["10.0.0.1", "10.0.0.2"], "abc")
    for address in ("10.0.0.1", "10.0.0.2"):
        line = f"    server {address}:8080 max_fails=2 fail_timeout=2s"
        assert text.count(f"{line} max_conns=500; # replica\n") == 1  # upstream app
        assert text.count(f"{line}; # replica\n") == 1  # upstream realtime
    assert "server app" not in text
    assert '$app_generation { default "abc"; }' in text
    assert steady(text) == TEXT
    assert steady(TEXT) == TEXT


def test_a_list_that_an_interrupted_run_left_is_replaced() -> None:
    left = pinned(TEXT, ["10.0.0.1"], "abc")
    assert pinned(left, ["10.0.0.2"], "def") == pinned(TEXT, ["10.0.0.2"], "def")


def test_the_switch_of_maintenance_is_where_the_module_looks_for_it() -> None:
    text = (ROOT / "roles/gateway/templates/maintenance.conf.j2").read_text()
    switch = "{{ 1 if (platform_host | default({})).maintenance | default(false) else 0 }}"
    assert switch in text
    assert len(_DEFAULT.findall(text.replace(switch, "0"))) == 1


def test_a_service_s_lines_of_compose_yaml() -> None:
    parts = '  app:\n    image: "a"\n    list:\n      - one\n\n  application:\n    image: "b"\n'
    text = f"name: x\n\nservices:\n{parts}\nvolumes: {{}}\n"
    assert block(text, "app") == '  app:\n    image: "a"\n    list:\n      - one\n'
    assert block(text, "application") == '  application:\n    image: "b"\n'
    assert block(text, "nginx") == ""


def fragment(version: str) -> str:
    return f'app:\n  image: "localhost/jiucom/app:{version}"\n  environment:\n    <<: *no-proxy\n'


def test_releases_are_listed_by_their_last_service_and_restored(tmp_path: Path) -> None:
    releases = Releases(tmp_path)
    releases.fragment.parent.mkdir()
    for version, commit in (("1", "aaa"), ("2", "bbb"), ("3", "ccc"), ("1", "aaa")):
        releases.fragment.write_text(fragment(version))
        releases.record(commit)
        time.sleep(0.01)
    assert [one["commit"] for one in releases.listed()] == ["aaa", "ccc", "bbb"]
    assert releases.before()["commit"] == "ccc"
    assert releases.before("2")["commit"] == releases.before("bbb")["commit"] == "bbb"
    with pytest.raises(LookupError, match=r"no release 4; .* are: 3 \(commit ccc\), 2 \(commit bbb\)"):
        releases.before("4")
    releases.restore(releases.before())
    assert releases.fragment.read_text() == fragment("3")
    releases.keep()
    assert releases.fragment.read_text() == fragment("1")
    releases.forget({"localhost/jiucom/app:1"})
    with pytest.raises(LookupError, match=r"before this one; .* none"):
        releases.before()


def test_a_worker_lets_go_when_each_client_has_a_connection_to_a_service() -> None:
    """An upload that still comes in has none, a stream has one."""
    us = Worker(os.getpid())
    with socket.create_server(("127.0.0.1", 0)) as door, socket.create_server(("127.0.0.1", 0)) as service:
        before = us.connections()
        with socket.create_connection(door.getsockname()) as client, door.accept()[0]:
            # The client's own end is a connection to a service, too, in this one process.
            assert us.connections() == (before[0] + 1, before[1] + 1)
            with socket.create_connection(service.getsockname()), service.accept()[0]:
                assert us.connections() == (before[0] + 2, before[1] + 2)
            client.close()
    assert Worker(2**22).lets_go()
