"""Main processes and the whole host are killed under load: all comes back, and no acknowledged write is lost (B6, E3)."""

from __future__ import annotations

import pytest
from hosts import SERVICES, Host, wait_for
from loads import load, rows

# Where a request passes through; the others may not cost a request.
SERVING = {"mysql", "redis", "app", "nginx"}
PAUSE = 30


@pytest.mark.timeout(600)
@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_process_comes_back(host: Host, access: str, service: str) -> None:
    mark = f"kill-{service}"
    with load(host, access, mark, rate=60) as told:
        host.kill(service)
    first, last = told["failing"] or (0, 0)
    print(
        f"{service}: {told['sent']} sent, {told['statuses']} failed within {last - first:.1f} s, {told['written']} written"
    )
    assert rows(host, mark) >= told["written"] > 0
    assert told["not_json"] == 0
    if service not in SERVING:
        assert told["failed"] == []
    elif service != "nginx":
        assert "0" not in told["statuses"], told["failed"]


@pytest.mark.timeout(900)
def test_a_killed_host_comes_back(host: Host, access: str) -> None:
    with load(host, access, "power", rate=20, outside=True) as told:
        host.boot(power_cut=True)
        host.wait_until_healthy()
    first, last = told["failing"]
    print(
        f"host: {told['sent']} sent, {told['statuses']} failed within {last - first:.1f} s, {told['written']} written"
    )
    assert rows(host, "power") >= told["written"] > 0
    assert told["not_json"] == 0


@pytest.mark.timeout(600)
def test_a_paused_mysql_costs_answers_and_no_data(host: Host, access: str) -> None:
    with load(host, access, "pause", rate=60) as told:
        host.run(f"docker compose pause mysql && sleep {PAUSE}; docker compose unpause mysql")
        wait_for(lambda: host.get("/api/v1/posts")[0] == 200, 30, "an answer from the database")
    print(f"paused: {told['sent']} sent, {told['statuses']} failed, slowest {told['slowest']} s")
    assert rows(host, "pause") >= told["written"] > 0
    assert told["not_json"] == 0
    # The API answers 503 after its own deadlines; no request waits for the whole pause.
    assert "0" not in told["statuses"], told["failed"]
    assert told["slowest"] < PAUSE / 2
