"""Replicas behind a real nginx, with what the role gateway writes for it, are replaced under load without a lost request."""

from __future__ import annotations

import json
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.jiucom.platform.plugins.filter.compose import service_list
from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.releases import Releases
from ansible_collections.jiucom.platform.plugins.module_utils.rollout.gateway import NEW
from ansible_collections.jiucom.platform.plugins.module_utils.rollout.replicas import replicas
from modules import MODULES, result, run, start

from testing.images import image
from testing.paths import let_pass
from tests.role import ROOT, run_role

# As much of the API as a replacement asks for. It takes its time for each answer, closes idle connections when it is told to end,
# as uvicorn does, and answers what it has begun.
APP = """
import asyncio, json, signal, sys, time
VERSION, MODE = sys.argv[1], sys.argv[2]
if sys.argv[3:4] == ["migrate"]:
    sys.exit("refused by the schema") if MODE == "schema" else print(json.dumps({"before": "1", "after": "1"}))
    sys.exit()
if MODE == "broken":
    time.sleep(3)  # long enough for the gateway to find its address by the name
    sys.exit("broken on purpose")
running, idle = 0, set()
async def serve(reader, writer):
    global running
    while True:
        idle.add(writer)
        try:
            head = (await reader.readuntil(b"\\r\\n\\r\\n")).decode().lower()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        idle.discard(writer)
        counted = "/actuator" not in head
        running += counted
        for line in head.split("\\r\\n"):
            if line.startswith("content-length:"):
                await reader.readexactly(int(line.split(":")[1]))
        if counted:
            await asyncio.sleep(0.03)
        told = json.dumps({"success": True, "version": VERSION})
        if "/prometheus" in head:
            told = f"jiucom_http_requests_running {running}\\n"
        running -= counted
        writer.write(f"HTTP/1.1 200 OK\\r\\nContent-Length: {len(told)}\\r\\n\\r\\n{told}".encode())
        await writer.drain()
async def main():
    server = await asyncio.start_server(serve, port=8080)
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    await end.wait()
    server.close()
    for writer in idle:
        writer.close()
    while running:
        await asyncio.sleep(0.01)
asyncio.run(main())
"""
HEALTH = "python3 -c \"import urllib.request as r; r.urlopen('http://127.0.0.1:8080/')\""
ROW = {"cpus": 0.5, "memory": "64m", "cpus_reserved": 0.1, "memory_reserved": "32m"}
ROWS = {"app": {"uid": 0, "gid": 0, **ROW}, "nginx": {"uid": 101, "gid": 101, **ROW}}
SETTINGS = {
    "stop_grace_seconds": 5,
    "log_max_size": "1m",
    "log_max_files": 1,
    "ulimits": {},
    "services": ["app", "nginx"],
}
TEMPLATE = """name: {project}
x-no-proxy: &no-proxy {{http_proxy: ""}}
services:
@services@
networks: {{jiucom: {{ipam: {{config: [{{subnet: {subnet}.0/24, gateway: {subnet}.1, ip_range: {subnet}.128/25}}]}}}}}}
"""


class Platform:
    """The gateway, and replicas of an API that has versions."""

    def __init__(self, home: Path) -> None:
        self.name = f"jiucom-test-{secrets.token_hex(4)}"
        # None of those that Docker gives to the networks of other tests.
        self.subnet = f"10.203.{secrets.randbelow(256)}"
        self.base = home / "jiucom"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        let_pass(home)  # nginx's user
        variables = {
            "images_resolved": {"nginx": {"reference": image("nginx"), "pull_policy": "never"}},
            "platform_network_subnet": f"{self.subnet}.0/24",
            "platform_gateway_address": f"{self.subnet}.10",
            "platform_gateway_bind": "127.0.0.1",
            "platform_gateway_port": port,
            "platform_direct_bind": "",
            "platform_monitoring_bind": "",
            "gateway_rate_limit": 10000,
            "tracing_trusted_networks": [],
        }
        written = run_role("gateway", home, variables)
        assert written.returncode == 0, written.stdout
        self.url = f"http://{self.subnet}.10"

    def write(self, version: str, mode: str = "good") -> None:
        """Write the API's part of compose.yaml for a version."""
        compose = {
            "image": f"localhost/{self.name}:{version}", "pull_policy": "never", "health": HEALTH, "start_period": 20,
            "entrypoint": ["python3", "-uc", APP, version, mode],
        }  # fmt: skip
        services = service_list({"app": {"compose": compose}}, {"app": ROWS["app"]}, SETTINGS)
        assert "services" in run("service_files", base=str(self.base), services=services)

    def compare(self, replicas: int) -> dict[str, Any]:
        """Write compose.yaml, and compare."""
        names = [{"name": "app", "scale": replicas}, {"name": "nginx", "reload": True}]
        template = TEMPLATE.format(project=self.name, subnet=self.subnet)
        given = {"path": str(self.base), "project": self.name, "template": template, "services": names}
        return run("compose_project", **given, only=["app"], careful="app")

    def rollout(self, replicas: int, **more: Any) -> subprocess.Popen[str]:
        """Begin to replace the replicas."""
        given = {
            "path": str(self.base), "project": self.name, "network": f"{self.name}_jiucom", "port": 8080, "memory": 2**25,
            "gateway": f"{self.url}:8081", "replicas": replicas, "patience": 60, "grace": 5, **more,
        }  # fmt: skip
        return start(MODULES / "rollout.py", **given)

    def change(self, version: str, replicas: int, mode: str = "good") -> dict[str, Any]:
        """Write a version, and replace the replicas."""
        self.write(version, mode)
        state = self.compare(replicas)
        assert state["held"], state
        return result(self.rollout(replicas))

    def compose(self, *command: str) -> None:
        """Run docker compose."""
        done = subprocess.run(
            ["docker", "compose", *command], cwd=self.base, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def serving(self) -> list[str]:
        """List the versions of the replicas that there are."""
        return sorted(one["Config"]["Image"].rpartition(":")[2] for one in engine.containers(self.name)["app"])

    def answer(self, path: str = "/api/v1/parts") -> str:
        """Ask the gateway."""
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:  # noqa: S310 - our own
            return str(answer.read().decode())

    def asked(self, since: float) -> set[str]:
        """Return the upstreams of the requests in the gateway's log; a request that was sent again has several."""
        [nginx] = engine.containers(self.name)["nginx"]
        command = ["docker", "logs", "--since", f"{since:.3f}", nginx["Id"]]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        return {json.loads(line)["upstream"] for line in lines if '"/api/v1/' in line}

    @contextmanager
    def load(self, rate: int = 40) -> Iterator[dict[str, Any]]:
        """Send requests until the end of the block, and return what happened to them."""
        command = [sys.executable, "-m", "tests.load", "--url", self.url, "--rate", str(rate), "--seconds", "120"]
        command += ["--sources", f"{self.subnet}.1", "--token", "none"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        told: dict[str, Any] = {}
        try:
            time.sleep(1)
            yield told
        finally:
            process.send_signal(signal.SIGTERM)
            told |= json.loads(process.communicate(timeout=60)[0])


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Two replicas of version 1 behind the gateway."""
    running = Platform(tmp_path_factory.mktemp("platform"))
    tags = [f"localhost/{running.name}:{version}" for version in ("1", "2", "3")]
    try:
        for tag in tags:
            subprocess.run(["docker", "tag", image("python"), tag], check=True)
        running.write("1")
        assert not running.compare(2)["held"]
        running.compose("up", "--detach", "--wait", "--scale", "app=2")
        Releases(running.base).record("abc")
        yield running
    finally:
        running.compose("down", "--timeout", "1", "--volumes")
        subprocess.run(["docker", "image", "rm", *tags], check=False, capture_output=True)


def state(platform: Platform) -> tuple[object, ...]:
    """What a refusal leaves as it is: files, replicas, and what the gateway serves with."""
    app = platform.base / "nginx/conf/app.conf"
    files = [platform.base / "compose.yaml", platform.base / ".services/app.yaml", app]
    return (
        [file.read_text() for file in files],
        app.stat().st_mtime_ns,
        sorted(one["Id"] for one in engine.containers(platform.name)["app"]),
        platform.answer(":8081/generation"),
        (platform.base / ".compose.next.yaml").exists(),
    )


def test_a_version_takes_over_under_load_and_goes_back(platform: Platform) -> None:
    with platform.load() as told:
        forth = platform.change("2", 2)
        back = platform.change("1", 2)
    assert "steps" in forth, forth
    assert "steps" in back, back
    assert platform.serving() == ["1", "1"]
    assert told["failed"] == []
    assert told["sent"] > 100
    assert not platform.compare(2)["reasons"]


def test_replicas_come_and_go_under_load(platform: Platform) -> None:
    with platform.load() as told:
        for count in (3, 1, 2):
            done = platform.change("1", count)
            assert "msg" not in done, done
            assert len(platform.serving()) == count
    assert told["failed"] == []
    assert not platform.compare(2)["reasons"]


@pytest.mark.parametrize(("mode", "said"), [("broken", "broken on purpose"), ("schema", "refused by the schema")])
def test_a_version_that_does_not_serve_is_refused_and_nothing_is_changed(
    platform: Platform, mode: str, said: str
) -> None:
    before, began = state(platform), time.time()
    serving = {f"{one.address}:8080" for one in replicas(platform.name, f"{platform.name}_jiucom", 8080)}
    with platform.load() as told:
        refused = platform.change("2", 2, mode)
    assert said in refused["msg"]
    assert state(platform) == before
    assert told["failed"] == []
    # No request went to a new replica first and was sent again: had the name's addresses changed meanwhile, it would be a 502.
    assert platform.asked(began) == serving
    assert not platform.compare(2)["reasons"]


def test_a_host_without_memory_for_both_is_told_what_to_set(platform: Platform) -> None:
    before = state(platform)
    platform.write("2")
    platform.compare(2)
    refused = result(platform.rollout(2, memory=2**50))
    assert "stack_rollout: false" in refused["msg"]
    assert state(platform) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_switch_puts_everything_back(platform: Platform, number: signal.Signals) -> None:
    before = state(platform)
    platform.write("3")
    platform.compare(2)
    process = platform.rollout(2)
    await_replicas(platform, 4)
    process.send_signal(number)
    assert "interrupted by" in result(process)["msg"]
    assert state(platform) == before


def test_a_signal_after_the_switch_is_too_late(platform: Platform) -> None:
    platform.write("3")
    platform.compare(2)
    process = platform.rollout(2)
    await_switch(platform)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    assert "steps" in result(process)
    assert platform.serving() == ["3", "3"]
    assert platform.answer(":8081/generation") == "steady"


def test_the_boot_unit_repairs_a_deploy_cut_after_the_switch(platform: Platform) -> None:
    """Nginx's file is the one from before once the boot unit's own command has run, and the next run finishes the rest."""
    app = platform.base / "nginx/conf/app.conf"
    before = (app.read_text(), app.stat())
    platform.write("1")
    platform.compare(2)
    process = platform.rollout(2)
    await_switch(platform)
    process.kill()
    process.wait()
    assert "; # replica" in app.read_text()
    unit = (ROOT / "roles/stack/templates/jiucom.service.j2").read_text()
    [command] = re.findall(r"^ExecStartPre=/bin/sh -c '(.*app\.conf.*)'$", unit, re.MULTILINE)
    for _ in range(2):  # at a boot after which nothing is left to do, too
        subprocess.run(["sh", "-c", command], cwd=platform.base, check=True)
        after = app.stat()
        assert (app.read_text(), after.st_mtime_ns, after.st_mode, after.st_gid) == (
            before[0], before[1].st_mtime_ns, before[1].st_mode, before[1].st_gid,
        )  # fmt: skip
    platform.compare(2)
    assert "steps" in result(platform.rollout(2))
    assert platform.serving() == ["1", "1"]
    assert not (platform.base / ".app.conf").exists()
    assert not platform.compare(2)["reasons"]


def await_switch(platform: Platform) -> None:
    """Return once the gateway sends requests to the new replicas."""
    end = time.monotonic() + 60
    while not platform.answer(":8081/generation").startswith(NEW):
        assert time.monotonic() < end


def await_replicas(platform: Platform, count: int) -> None:
    """Return once there are so many."""
    end = time.monotonic() + 60
    while len(platform.serving()) < count:
        assert time.monotonic() < end
        time.sleep(0.05)
