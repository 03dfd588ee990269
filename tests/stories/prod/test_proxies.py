"""The gateway behind a proxy that speaks the PROXY protocol: whose address counts, and that verification finds it sound (C7)."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys

import pytest
from hosts import Host
from scan import neighbour

ON = ("-e", json.dumps({"gateway_proxy_protocol": True}))
PATH = "/api/v1/actuator/health"
CLIENT = "203.0.113.77"
# Sends a header of the PROXY protocol, if any, and a request to port 80 of an address; prints the first line of the answer.
ASK = """
import socket, sys
address, path, header = sys.argv[1:]
with socket.create_connection((address, 80), timeout=10) as connection:
    request = f"GET {path} HTTP/1.1\\r\\nHost: jiucom.test\\r\\nX-Forwarded-For: 203.0.113.78\\r\\n\\r\\n"
    connection.sendall(f"{header}{request}".encode())
    try:
        print(connection.recv(4096).decode().partition("\\r\\n")[0])
    except ConnectionError:
        print()
"""
HEADER = f"PROXY TCP4 {CLIENT} 203.0.113.1 4711 80\r\n"


def ask(host: Host, path: str, header: str) -> str:
    """Ask from this machine, the trusted proxy."""
    command = [sys.executable, "-c", ASK, host.address, path, header]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.timeout(1200)
def test_the_proxy_protocol_is_turned_on_and_off(host: Host) -> None:
    ids, (own, stranger) = host.ids(), [f"{PATH}?{secrets.token_hex(8)}" for _ in range(2)]
    host.apply(*ON)
    assert {name for name, old in ids.items() if host.ids()[name] != old} == {"nginx"}
    try:
        assert ask(host, own, HEADER) == "HTTP/1.1 200 OK"
        assert ask(host, own, "") == ""
        assert neighbour(host, ASK, host.address, stranger, HEADER).strip() == "HTTP/1.1 200 OK"
        assert [line["client"] for line in host.access_log(own)] == [CLIENT]
        (line,) = host.access_log(stranger)
        assert line["client"] not in (CLIENT, "203.0.113.78")
        assert line["client"].startswith(host.address.rpartition(".")[0])
        code, said = host.playbook(*ON, playbook="playbooks/verify.yml")
        assert code == 0, said[-6000:]
        assert "without: closed; with: HTTP/1.1 200 OK" in said
        assert host.apply(*ON)[0] == 0, "a second run changes nothing"
    finally:
        host.apply()
    assert ask(host, own, "") == "HTTP/1.1 200 OK"
    assert ask(host, own, HEADER) == "HTTP/1.1 400 Bad Request"
