"""A platform closed by prod's inventory, seen from other machines (C2, C4, C7, E2, F2) and from inside its secrets."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest
import yaml
from hosts import ROOT, Host, wait_for
from scan import LIMITED, SCAN, ipv6_network, neighbour

from tests.credentials.canaries import forms, shown

# Asks for an address 600 times, three at once, and prints the statuses.
FLOOD = """
import concurrent.futures, sys, urllib.error, urllib.request
def ask(_):
    try:
        return urllib.request.urlopen(sys.argv[1]).status
    except urllib.error.HTTPError as refusal:
        return refusal.code
print(*concurrent.futures.ThreadPoolExecutor(3).map(ask, range(600)))
"""


@pytest.fixture
def ipv6(host: Host) -> Iterator[tuple[str, str]]:
    with ipv6_network(host) as found:
        yield found


def head(host: Host, path: str, *headers: str) -> str:
    """GET from this machine, with headers such as `b3: 0`; returns the answer's status line and headers, in small letters."""
    sent = [word for header in headers for word in ("-H", header)]
    command = ["curl", "-s", "-D", "-", "-o", "/dev/null", *sent, f"http://{host.address}{path}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.lower()


def test_nothing_but_the_gateway_is_open(host: Host) -> None:
    """Every port, from another machine; SSH is the host's own."""
    assert neighbour(host, SCAN, host.address).split() == ["22", "80"]


def test_nothing_is_open_by_ipv6_that_is_not_by_ipv4(host: Host, ipv6: tuple[str, str]) -> None:
    network, address = ipv6
    assert neighbour(host, SCAN, address, network=network).split() == ["22"]


ADMINISTRATION = ["/zipkin/", "/api/v1/actuator/prometheus", "/api/v1/actuator/loggers"]
OPERATOR = ["-u", "operator:molecule-operator-password-10"]


def status(host: Host, path: str, *options: str) -> int:
    """GET with curl's options from this machine; returns the status."""
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *options, f"http://{host.address}{path}"]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("path", ADMINISTRATION)
def test_monitoring_is_for_administrators(host: Host, path: str) -> None:
    """This machine is the trusted proxy: an address alone, its own or one it relays, opens nothing."""
    answer, body = host.get(path)
    assert answer == 401
    assert json.loads(body)["code"] == "JIUCOM-A001"
    assert status(host, path, "-H", "X-Forwarded-For: 203.0.113.9") == 401
    assert status(host, path, "-H", "X-Forwarded-For: 127.0.0.1") == 401
    assert status(host, path, "-u", "operator:wrong") == 401
    assert status(host, path, *OPERATOR) == 200


@pytest.mark.parametrize("path", ADMINISTRATION)
def test_the_host_itself_is_no_administrator(host: Host, path: str) -> None:
    """A proxy on the host comes from the same address as everybody whom it lets through."""
    script = f"import urllib.request as r; print(r.urlopen('http://127.0.0.1{path}').status)"
    assert "HTTP Error 401" in host.run(f'python3 -c "{script}"', check=False)


def test_a_refusal_can_be_looked_up_too(host: Host) -> None:
    """E6: the gateway's own answers have the id of their line in its log."""
    path = f"/zipkin/?{secrets.token_hex(8)}"
    (trace,) = re.findall(r"^x-trace-id: (\w+)", head(host, path), re.MULTILINE)
    assert [(line["trace_id"], line["status"]) for line in host.access_log(path)] == [(trace, 401)]


def test_dashboards_are_in_the_inventory_s_language(host: Host) -> None:
    """D4: English by `monitoring_language`."""
    assert '<html lang="en">' in host.get("/grafana/login")[1]
    for file, source in (("jiucom-dashboard", "jiucom-main"), ("jiucom-endpoint", "jiucom-endpoint")):
        model = json.loads(host.run(f"cat grafana/dashboards/{file}.json"))
        assert model == json.loads((ROOT / f"files/dashboards/{source}.en.json").read_text())


def test_health_is_for_everyone(host: Host) -> None:
    assert host.get("/api/v1/actuator/health") == (200, '{"status":"UP"}')


def test_one_client_s_flood_does_not_touch_another(host: Host) -> None:
    path = f"{LIMITED}?story=flood"  # the verification has asked it too, from the host itself
    seen = Counter(neighbour(host, FLOOD, f"http://{host.address}{path}").split())
    mine = [host.get(path)[0] for _ in range(5)]
    assert set(seen) == {"200", "429"}
    assert mine == [200] * 5
    clients = {line["client"] for line in host.access_log(path)}
    assert len(clients) >= 2
    assert not any(client.startswith("172.30.80.") for client in clients), clients


STRANGER = "80f198ee56343ba864fe8b2a57d3eff7"


@pytest.mark.parametrize(
    "headers",
    [
        [f"b3: {STRANGER}-e457b5a2e4d86bd1-1"],
        [f"X-B3-TraceId: {STRANGER}", "X-B3-SpanId: e457b5a2e4d86bd1", "X-B3-Sampled: 1"],
    ],
)
def test_a_stranger_s_trace_headers_are_stripped(host: Host, headers: list[str]) -> None:
    answer = head(host, "/api/v1/parts/categories", *headers)
    assert "x-trace-id" in answer
    assert STRANGER not in answer


def test_visitors_behind_the_proxy_are_limited_each_for_himself(host: Host) -> None:
    """One who asks as fast as he can is refused; another, at his own pace, never is."""
    path = f"{LIMITED}?story=proxy"
    flood = ["-H", "X-Forwarded-For: 203.0.113.1", "--parallel", f"http://{host.address}{path}&n=[1-300]"]
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}\\n", *flood]
    seen = Counter(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert set(seen) == {"200", "429"}
    assert {status(host, path, "-H", "X-Forwarded-For: 203.0.113.2") for _ in range(5)} == {200}
    assert {line["client"] for line in host.access_log(path)} == {"203.0.113.1", "203.0.113.2"}


def test_origins_are_the_inventory_s(host: Host) -> None:
    def allowed(origin: str) -> bool:
        return "access-control-allow-origin" in head(host, "/api/v1/parts/categories", f"Origin: {origin}")

    assert allowed("https://jiucom.test")
    assert not allowed("https://jiucom.test.evil.example")


def test_both_replicas_answer_and_new_ones_are_found(host: Host) -> None:
    assert len(host.inspect()["app"]) == 2
    path = "/api/v1/parts/categories?round="
    assert {host.get(f"{path}1-{n}")[0] for n in range(20)} == {200}
    before = {line["upstream"] for line in host.access_log(f"{path}1-")}
    assert len(before) == 2
    host.run("docker compose up -d --no-deps --force-recreate --wait app")
    wait_for(lambda: all(host.get(f"{path}2-{n}")[0] == 200 for n in range(6)), 20, "answers of the new containers")


@pytest.fixture(scope="module")
def vault() -> dict[str, str]:
    """The secrets of the inventory that are texts; of the address of the webhook its last part."""
    show = [str(ROOT / ".venv/bin/ansible-vault"), "view", "molecule/prod/inventory/group_vars/all/vault.yml"]
    password = ["--vault-password-file", "molecule/prod/vault-password"]
    said = subprocess.run([*show, *password], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    values = {name: value.rpartition("/")[2] for name, value in yaml.safe_load(said).items() if isinstance(value, str)}
    assert len(values) >= 10
    return values


def test_secrets_are_nowhere_but_in_their_files(host: Host, vault: dict[str, str]) -> None:
    """In no form: as they are, in base64, as URLs write them."""
    containers = "docker inspect --format '{{ .Image }}' $(docker compose ps --all --quiet) | sort -u"
    places = {
        "containers": "docker inspect $(docker compose ps --all --quiet)",
        "images": f"docker inspect $({containers}) && for i in $({containers}); do docker history --no-trunc $i; done",
        "logs": "docker compose logs",
        "journal": "journalctl --no-pager",
        # Health checks run every ten seconds: each is seen while it runs.
        "processes": "for n in $(seq 150); do cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline; sleep 0.1; done"
        " 2>/dev/null | sort -zu",
        "files": "find . -type f -not -path '*/secrets/*' -exec cat {} +",
    }
    said = {
        place: host.run(f"{{ {command}; }} | LC_ALL=C tr -c '[:print:]' '\\n'") for place, command in places.items()
    }
    assert min(map(len, said.values())) > 1000
    assert {place: found for place, text in said.items() if (found := shown(vault, text))} == {}
    modes = host.run("find . -path '*/secrets/*' -type f -printf '%m %p\\n'").splitlines()
    assert len(modes) >= 10
    assert [line for line in modes if not line.startswith("400 ")] == []


def test_no_secret_is_in_a_layer_of_the_image_that_is_built_here(host: Host, vault: dict[str, str]) -> None:
    """The API's. What is searched for has a word that is in it, so that a search of nothing is seen."""
    words = {word for value in vault.values() for word in forms(value).values()}
    host.write("/root/words", "\n".join([*words, "jiucom/server.py"]))
    save = "docker save $(docker inspect --format '{{ .Image }}' $(docker compose ps --quiet app | head -1))"
    found = host.run(f"{save} | LC_ALL=C grep -aoFf /root/words | sort -u; rm /root/words")
    assert found.split() == ["jiucom/server.py"]
