"""C2: how many requests of whom are let through. Clients are told apart by the address that a trusted proxy names."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.role import ROOT

from .conftest import ADMIN_PASSWORD, VARIABLES, running_gateway
from .network import Gateway, write_configuration

RATE, BURST, SECONDS = 30, 50, 30
LOGIN_BURST = 5


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    variables = VARIABLES | {
        "gateway_trusted_proxies": ["172.16.0.0/12", "192.168.0.0/16"],  # where Docker puts this machine
        "gateway_admin_networks": [],
        "gateway_admin_users": {"operator": ADMIN_PASSWORD},
        "gateway_login_rate": 1,
        "gateway_login_burst": LOGIN_BURST,
        "gateway_prometheus": True,
    }
    with running_gateway(tmp_path_factory.mktemp("limits"), **variables) as running:
        yield running


async def client(gateway: Gateway, address: str, rate: float, seconds: float) -> tuple[Counter[int], float]:
    """Ask so many times a second on one kept connection, by the clock and not by the answers; returns statuses and seconds."""
    path = f"/api/v1/parts?{secrets.token_hex(4)}"
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {address}\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection(gateway.address, 80)
    seen: Counter[int] = Counter()

    async def answers() -> None:
        for _ in range(count):
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length: ")[2].split()[0])
            await reader.readexactly(length)
            seen[int(answer.split()[1])] += 1

    count = int(rate * seconds)
    reading = asyncio.create_task(answers())
    start = time.monotonic()
    for n in range(count):
        await asyncio.sleep(max(0, start + n / rate - time.monotonic()))
        writer.write(head)
    await reading
    took = time.monotonic() - start
    writer.close()
    return seen, took


async def crowd(gateway: Gateway) -> list[tuple[Counter[int], float]]:
    """Nine clients below the rate, and one far above it, over twenty connections, at the same time."""
    calm = [client(gateway, f"203.0.113.{n}", RATE - 1, SECONDS) for n in range(1, 10)]
    flood = [client(gateway, "203.0.113.99", 25, SECONDS) for _ in range(20)]
    seen = await asyncio.gather(*calm, *flood)
    return [*seen[:9], (sum((one for one, _ in seen[9:]), Counter()), max(took for _, took in seen[9:]))]


def test_ten_clients(gateway: Gateway) -> None:
    """29 a second are never refused; of 500 a second the rate and the burst pass, within 5 %."""
    *calm, (flood, took) = asyncio.run(crowd(gateway))
    assert [set(seen) for seen, _ in calm] == [{200}] * 9
    assert set(flood) == {200, 429}
    expected = RATE * took + BURST
    assert 0.95 * expected <= flood[200] <= 1.05 * expected, (flood, took)


def statuses(
    gateway: Gateway, requests: Iterable[dict[str, str]], path: str = "/api/v1/parts", method: str = "GET"
) -> list[int]:
    """Ask once with each of these headers, as fast as answers come."""
    with httpx.Client(base_url=gateway.url) as asking:
        return [asking.request(method, path, headers=headers).status_code for headers in requests]


@pytest.mark.parametrize("network", ["2001:db8:1:1", "2001:db8:a0a:0", "2001:db8:0:a"])
def test_an_ipv6_network_is_one_client(proxied: Gateway, network: str) -> None:
    """Whoever has one address of a /64 has all of them. A zero or a line feed among its bytes is one like any other."""
    one = [{"X-Forwarded-For": f"{network}:a0a:{n:x}:0:{n + 1:x}"} for n in range(20)]
    assert 429 in statuses(proxied, one)
    many = [{"X-Forwarded-For": f"2001:db8:{n:x}:{network[-1]}::1"} for n in range(2, 22)]
    assert set(statuses(proxied, many)) == {200}


@pytest.mark.parametrize("name", ["X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "Via"])
def test_forged_headers_change_nothing(proxied: Gateway, name: str) -> None:
    """Nor does an address before the one that the proxy has appended."""
    address, word = f"198.51.100.{secrets.randbelow(250)}", "for=" if name == "Forwarded" else ""
    forged = [{"X-Forwarded-For": f"203.0.113.{n}, {address}", name: f"{word}203.0.113.{n}"} for n in range(20)]
    assert 429 in statuses(proxied, forged)


@pytest.mark.parametrize("path", ["login", "signup", "password/reset", "password/reset-request"])
def test_log_ins_and_sign_ups_have_a_limit_of_their_own(gateway: Gateway, path: str) -> None:
    address = {"X-Forwarded-For": f"198.51.{secrets.randbelow(250)}.{secrets.randbelow(250)}"}
    passed = statuses(gateway, [address] * 20, f"/api/v1/auth/{path}", "POST").count(200)
    # One comes back a minute.
    assert LOGIN_BURST + 1 <= passed <= LOGIN_BURST + 2
    refused = httpx.post(f"{gateway.url}/api/v1/auth/{path}", headers=address)
    assert (refused.status_code, refused.json()["code"]) == (429, "JIUCOM-429")
    assert set(statuses(gateway, [address] * 20)) == {200}, "everything else goes on"
    assert set(statuses(gateway, [address] * 20, "/api/v1/auth/refresh", "POST")) == {200}


def test_prometheus_is_for_administrators(gateway: Gateway) -> None:
    refused = httpx.get(f"{gateway.url}/prometheus/graph")
    assert (refused.status_code, refused.json()["code"]) == (401, "JIUCOM-A001")
    assert httpx.get(f"{gateway.url}/prometheus").headers["Location"] == "/prometheus/"


@pytest.mark.parametrize("end", [0, 1], ids=["lowest", "highest"])
def test_nginx_accepts_both_ends_of_each_range(tmp_path: Path, end: int) -> None:
    ranges = yaml.safe_load((ROOT / "roles/gateway/vars/main/main.yml").read_text())["_gateway_ranges"]
    write_configuration(tmp_path, VARIABLES | {name: bounds[end] for name, bounds in ranges.items()})
