"""Behind a proxy the client's true address and scheme count; administrators are known by a password (C7)."""

from __future__ import annotations

import secrets

import httpx
import pytest

from .conftest import ADMIN_PASSWORD
from .network import Gateway

OPERATOR = ("operator", ADMIN_PASSWORD)


def ask(gateway: Gateway, path: str, client: str = "", scheme: str = "", **options: object) -> httpx.Response:
    """Ask as a proxy does for a client of the address `client`."""
    headers = {"X-Forwarded-For": client} if client else {}
    headers |= {"X-Forwarded-Proto": scheme} if scheme else {}
    return httpx.request(str(options.pop("method", "GET")), gateway.url + path, headers=headers, **options)  # type: ignore[arg-type]


def test_the_true_address_reaches_the_api_and_the_log(proxied: Gateway) -> None:
    path = f"/api/v1/actuator/health?{secrets.token_hex(8)}"
    answer = ask(proxied, path, "203.0.113.7")
    assert answer.headers["X-Seen-X-Forwarded-For"] == "203.0.113.7"
    assert answer.headers["X-Seen-X-Real-IP"] == "203.0.113.7"
    assert proxied.line(path)["client"] == "203.0.113.7"


def test_an_address_that_the_client_claims_itself_is_not_believed(proxied: Gateway) -> None:
    """A proxy appends the address that it sees to what the client sent."""
    answer = ask(proxied, "/api/v1/actuator/health", "198.51.100.1, 203.0.113.8")
    assert answer.headers["X-Seen-X-Forwarded-For"] == "203.0.113.8"


def test_the_scheme_is_the_proxy_s(proxied: Gateway, gateway: Gateway) -> None:
    assert ask(proxied, "/api/v1/actuator/health", scheme="https").headers["X-Seen-X-Forwarded-Proto"] == "https"
    assert ask(proxied, "/api/v1/actuator/health", scheme="gopher").headers["X-Seen-X-Forwarded-Proto"] == "http"
    assert ask(gateway, "/api/v1/actuator/health", scheme="https").headers["X-Seen-X-Forwarded-Proto"] == "http"


def test_a_gateway_without_proxies_believes_no_address(gateway: Gateway) -> None:
    answer = ask(gateway, "/api/v1/actuator/health", "203.0.113.7")
    assert answer.headers["X-Seen-X-Forwarded-For"] != "203.0.113.7"


def test_clients_behind_one_proxy_have_a_limit_each(proxied: Gateway) -> None:
    flood = [ask(proxied, "/api/v1/parts", "203.0.113.9").status_code for _ in range(12)]
    assert 429 in flood
    assert ask(proxied, "/api/v1/parts", "203.0.113.10").status_code == 200


@pytest.mark.parametrize("path", ["/zipkin/", "/api/v1/actuator/metrics", "/api/v1/actuator/prometheus"])
def test_administration_asks_for_a_password(proxied: Gateway, path: str) -> None:
    refused = ask(proxied, path)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic ")
    assert refused.json()["code"] == "JIUCOM-A001"
    assert ask(proxied, path, auth=("operator", "wrong")).status_code == 401
    admitted = ask(proxied, path, auth=OPERATOR)
    assert admitted.status_code == 200
    assert admitted.headers["X-Seen-Authorization"] == "", "the password ends at the gateway"


def test_pages_whose_server_sends_no_policy_get_one(proxied: Gateway) -> None:
    (policy,) = ask(proxied, "/zipkin/", auth=OPERATOR).headers.get_list("Content-Security-Policy")
    assert {"default-src 'self'", "object-src 'none'", "frame-ancestors 'self'"} <= set(policy.split("; "))
    for path in ("/zipkin/", "/grafana/login", "/api/v1/actuator/health"):
        assert "Content-Security-Policy" not in ask(proxied, path).headers, path


def test_a_logger_is_changed_with_the_api_s_own_token(proxied: Gateway) -> None:
    answer = httpx.post(f"{proxied.url}/api/v1/actuator/loggers/x", headers={"Authorization": "Bearer token"})
    assert answer.headers["X-Seen-Authorization"] == "Bearer token"


@pytest.mark.parametrize("path", ["/api/v1/actuator/health", "/grafana/login", "/health"])
def test_other_paths_ask_for_no_password(proxied: Gateway, path: str) -> None:
    assert ask(proxied, path).status_code == 200
