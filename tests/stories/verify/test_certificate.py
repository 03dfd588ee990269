"""H3.1: a real ACME authority gives and renews the gateway's certificate; whatever fails, the gateway goes on serving.

The authority is pebble, on the host itself (molecule/gateway/prepare.yml).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hosts import ROOT, Host, wait_for

NAME = "gateway.jiucom.test"
LINEAGE = "tls/acme/https-localhost-14000-dir/live/gateway"
RENEW = "tls/certificate.py renew"


def served(host: Host) -> dict[str, str]:
    """Return serial and issuer of what is served now, by a handshake."""
    command = f"openssl s_client -connect 127.0.0.1:443 -servername {NAME} < /dev/null 2> /dev/null"
    shown = host.run(f"{command} | openssl x509 -noout -serial -issuer")
    return dict(line.split("=", 1) for line in shown.splitlines())


def healthy(host: Host) -> bool:
    """Return whether the gateway answers by HTTPS."""
    ask = "docker compose exec -T nginx wget -q -O - --no-check-certificate https://127.0.0.1/health"
    return "OK" in host.run(ask, check=False)


def metrics(host: Host) -> dict[str, float]:
    """Return what Prometheus would scrape."""
    text = host.run("docker compose exec -T nginx wget -q -O - http://127.0.0.1:8081/certificate")
    return {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if not line.startswith("#")}


def left(host: Host) -> float:
    """Return what the alert CertificateEnding computes."""
    seen = metrics(host)
    end, start = seen["jiucom_certificate_not_after_seconds"], seen["jiucom_certificate_not_before_seconds"]
    return (end - float(host.run("date +%s"))) / (end - start)


def orders(host: Host) -> int:
    """Return how often the authority was asked for a certificate."""
    return host.run("journalctl -u pebble --no-pager").count("POST /order-plz")


def age(host: Host) -> str:
    """Serve a certificate that has 10 of its 90 days left, as if the authority had given it; returns its serial."""
    host.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=old -addext subjectAltName=DNS:" + NAME
        + " -not_before $(date -ud '-80 days' +%Y%m%d%H%M%SZ) -not_after $(date -ud '10 days' +%Y%m%d%H%M%SZ)"
        f" -keyout {LINEAGE}/privkey.pem -out {LINEAGE}/fullchain.pem 2>&1 && cp {LINEAGE}/fullchain.pem {LINEAGE}/cert.pem"
    )  # fmt: skip
    host.run("tls/certificate.py prepare")
    return served(host)["serial"]


@contextmanager
def hosts_file(host: Host, *lines: str) -> Iterator[None]:
    """Let the public name lead elsewhere: every address of it is replaced by these lines."""
    host.run(f"cp /etc/hosts /root/hosts && sed '/{NAME}/d' /root/hosts > /etc/hosts")
    for line in lines:
        host.run(f"echo '{line}' >> /etc/hosts")
    try:
        yield
    finally:
        host.run("cat /root/hosts > /etc/hosts")


@contextmanager
def without_authority(host: Host) -> Iterator[None]:
    """Cut the authority off; one that is stopped would forget its accounts."""
    rule = "OUTPUT -p tcp --dport 14000 -j REJECT --reject-with tcp-reset"
    host.run(f"iptables -I {rule}")
    try:
        yield
    finally:
        host.run(f"iptables -D {rule}")


def test_the_authority_s_certificate_is_served_and_trusted(host: Host) -> None:
    host.run(
        "python3 -c \"import ssl,urllib.request as r; print(r.urlopen('https://localhost:15000/roots/0', "
        'context=ssl._create_unverified_context()).read().decode())" > /tmp/root.pem'
    )
    said = host.run(
        f"openssl s_client -connect 127.0.0.1:443 -servername {NAME} -verify_hostname {NAME} -CAfile /tmp/root.pem "
        "-verify_return_error < /dev/null"
    )
    assert "Verify return code: 0 (ok)" in said
    assert "Pebble" in served(host)["issuer"]
    assert metrics(host)["jiucom_certificate_failed"] == 0


def test_a_run_before_it_is_due_asks_the_authority_nothing(host: Host) -> None:
    before, asked = served(host), orders(host)
    host.run("systemctl start jiucom-certificate.service")
    assert served(host) == before
    assert orders(host) == asked


def test_a_certificate_that_is_due_is_renewed_and_loaded(host: Host) -> None:
    old = age(host)
    nginx = host.inspect()["nginx"][0]["State"]["StartedAt"]
    assert left(host) < 0.25
    host.run("systemctl start jiucom-certificate.service")
    seen = served(host)
    assert seen["serial"] != old
    assert "Pebble" in seen["issuer"]
    assert left(host) > 0.9
    assert host.inspect()["nginx"][0]["State"]["StartedAt"] == nginx, "reloaded, not restarted"


def test_an_authority_that_is_down(host: Host) -> None:
    """The old certificate is served on; the unit, the metrics and the verification say what is wrong."""
    old = age(host)
    with without_authority(host):
        assert "localhost" in host.run(f"{RENEW} 2>&1; test $? = 1")
        assert "failed" in host.run("systemctl start jiucom-certificate.service 2>&1", check=False)
        assert (served(host)["serial"], healthy(host)) == (old, True)
        assert metrics(host)["jiucom_certificate_failed"] == 1
        code, output = host.playbook(playbook=str(Path(__file__).with_name("certificate.yml")))
        assert code == 0
        said = " ".join(output.split())
        assert "certbot: " in said
        assert re.search(r"1\d% of its lifetime are left", said), said[-2000:]
    host.run(RENEW)
    assert served(host)["serial"] != old
    assert metrics(host)["jiucom_certificate_failed"] == 0


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([f"::1 {NAME}"], f"{NAME} leads to ::1"),
        ([], f"{NAME} has no address"),
    ],
)
def test_a_name_that_leads_elsewhere(host: Host, lines: list[str], said: str) -> None:
    """An authority counts refusals: it is not asked."""
    old, asked = age(host), orders(host)
    with hosts_file(host, *lines):
        assert said in host.run(f"{RENEW} 2>&1; test $? = 1")
        assert (served(host)["serial"], healthy(host)) == (old, True)
        assert said in host.run("cat tls/state.json")
    assert orders(host) == asked


def test_one_of_two_addresses_leads_elsewhere(host: Host) -> None:
    """An authority takes IPv6 where there is a record: a forgotten one spoils the certificate."""
    age(host)
    with hosts_file(host, f"{host.address} {NAME}", f"::1 {NAME}"):
        assert f"{NAME} leads to ::1" in host.run(f"{RENEW} 2>&1; test $? = 1")


def test_until_the_first_certificate_the_gateway_serves_its_own(host: Host) -> None:
    """As on a new host whose name is not there yet: it starts, and the first certificate is loaded when it comes."""
    with hosts_file(host):
        host.run(
            "rm -rf tls/acme tls/served/* tls/state.json && tls/certificate.py prepare && docker compose restart nginx"
        )
        wait_for(lambda: healthy(host), 30, "the gateway")
        first = served(host)
        assert first["issuer"] == "CN=gateway"
        host.run(f"{RENEW}; test $? = 1")
        assert served(host) == first
    host.run(RENEW)
    assert "Pebble" in served(host)["issuer"]


def test_a_key_that_is_not_the_certificate_s_is_never_loaded(host: Host) -> None:
    before = served(host)
    host.run(f"openssl ecparam -name prime256v1 -genkey -noout -out /tmp/key && cp {LINEAGE}/privkey.pem /tmp/right")
    host.run(f"cat /tmp/key > {LINEAGE}/privkey.pem")
    try:
        assert "the key is not the one of certificate" in host.run(f"{RENEW} 2>&1; test $? = 1")
        assert served(host) == before
        host.run("docker compose restart nginx")
        wait_for(lambda: healthy(host), 30, "the gateway")
        assert served(host) == before
    finally:
        host.run(f"cat /tmp/right > {LINEAGE}/privkey.pem && {RENEW}")


def test_alerts_and_metrics_have_the_same_names(host: Host) -> None:
    rules = (ROOT / "files/rules/alerts.yml").read_text()
    asked = set(re.findall(r"jiucom_certificate_\w+", rules))
    assert len(asked) >= 5
    assert asked <= set(metrics(host))
