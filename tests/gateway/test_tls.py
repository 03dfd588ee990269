"""H3.1: TLS as a client sees it, on a gateway that made its certificate itself."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from .conftest import VARIABLES, running_gateway
from .network import Gateway

NAME = "shop.example.kr"
HSTS = "max-age=31536000"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    variables = VARIABLES | {
        "gateway_tls": "selfsigned",
        "platform_public_url": f"https://{NAME}",
        "gateway_tls_names": ["192.0.2.7"],
        # certificate.py must not take another gateway of this machine for this one.
        "platform_gateway_bind": "192.0.2.1",
        "gateway_admin_networks": [],
    }
    with running_gateway(tmp_path_factory.mktemp("secured"), **variables) as running:
        yield running


@pytest.fixture
def trust(secured: Gateway) -> ssl.SSLContext:
    """Trust what the gateway itself holds, for its names and no others."""
    context = ssl.create_default_context(cafile=secured.home / "tls/served/gateway.pem")
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the leaf is its own root
    return context


@pytest.fixture
def client(secured: Gateway, trust: ssl.SSLContext) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"https://{secured.address}", verify=trust) as opened:
        yield opened


def ask(client: httpx.Client, path: str, method: str = "GET", **options: object) -> httpx.Response:
    return client.request(method, path, extensions={"sni_hostname": NAME}, **options)  # type: ignore[arg-type]


def offer(
    gateway: Gateway, *, ciphers: str = "", version: ssl.TLSVersion | None = None, **options: object
) -> ssl.SSLSocket:
    """Shake hands as a client that has no other protocol or cipher, and takes anything from the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers(f"{ciphers or 'ALL'}:@SECLEVEL=0")
    if version:
        context.minimum_version = context.maximum_version = version
    if "alpn" in options:
        context.set_alpn_protocols(options["alpn"])  # type: ignore[arg-type]
    return context.wrap_socket(socket.create_connection((gateway.address, 443), timeout=10), server_hostname=NAME)


def test_the_certificate_is_for_its_names_alone(secured: Gateway, trust: ssl.SSLContext) -> None:
    with httpx.Client(base_url=f"https://{secured.address}", verify=trust) as first:
        assert ask(first, "/health").text == "OK"
    with (
        httpx.Client(base_url=f"https://{secured.address}", verify=trust) as second,
        pytest.raises(httpx.ConnectError, match="IP address mismatch"),
    ):
        second.get("/health")


@pytest.mark.parametrize("path", ["/api/v1/parts?category=CPU", "/", "/grafana/", "/.well-known/acme-challenge/x"])
def test_http_redirects_to_the_public_name(secured: Gateway, path: str) -> None:
    answer = httpx.get(secured.url + path, headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["Location"]) == (301, f"https://{NAME}{path}")
    assert "Strict-Transport-Security" not in answer.headers


def test_health_answers_without_tls_too(secured: Gateway) -> None:
    assert httpx.get(f"{secured.url}/health").text == "OK"


@pytest.mark.parametrize("path", ["/health", "/nothing", "/api/v1/parts", "/api/v1/missing", "/grafana/"])
def test_hsts_is_sent(client: httpx.Client, path: str) -> None:
    assert ask(client, path).headers.get_list("Strict-Transport-Security") == [HSTS]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_protocols_that_are_spoken(secured: Gateway, version: ssl.TLSVersion) -> None:
    with offer(secured, version=version) as connection:
        assert connection.version() == version.name.replace("_", ".")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_protocols_that_are_refused(secured: Gateway, version: ssl.TLSVersion) -> None:
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        offer(secured, version=version)


@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-CCM"])
def test_ciphers_that_are_refused(secured: Gateway, cipher: str) -> None:
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        offer(secured, ciphers=cipher, version=ssl.TLSVersion.TLSv1_2)


def test_http_2_is_chosen_where_the_client_has_it(secured: Gateway) -> None:
    with offer(secured, alpn=["h2", "http/1.1"]) as connection:
        assert connection.selected_alpn_protocol() == "h2"
    with offer(secured, alpn=["http/1.1"]) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"


def test_the_api_is_told_that_the_client_came_by_https(client: httpx.Client) -> None:
    answer = ask(client, "/api/v1/actuator/health", headers={"X-Forwarded-Proto": "http"})
    assert answer.headers["X-Seen-X-Forwarded-Proto"] == "https"


def test_http_on_the_port_of_https_is_an_error_in_the_api_s_shape(secured: Gateway) -> None:
    answer = httpx.get(f"http://{secured.address}:443/api/v1/parts")
    assert (answer.status_code, answer.json()["code"]) == (400, "JIUCOM-400")


def test_the_key_is_for_nginx_alone(secured: Gateway) -> None:
    status = (secured.home / "tls/served/gateway.pem").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (101, 101, 0o400)


def test_http_2_is_spoken(secured: Gateway) -> None:
    """curl, because it names the host as HTTP/2 does."""
    curl = ["curl", "-sk", "--http2", "--resolve", f"{NAME}:443:{secured.address}", "-o", "/dev/null"]
    told = ["-w", "%{http_version} %{http_code}", f"https://{NAME}/api/v1/actuator/health?q=1"]
    assert subprocess.run([*curl, *told], capture_output=True, text=True, check=True).stdout == "2 200"
