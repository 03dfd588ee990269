"""What is refused in an operator's own certificate before a host is touched (H3.1)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.jiucom.platform.plugins.filter.certificates import certificate_faults

NAME = "shop.example.kr"


class Maker:
    """Makes certificates with openssl's own `ca`, which sets any time."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "index").touch()
        (home / "serial").write_text("01")
        (home / "ca.cnf").write_text(
            f"[ca]\ndefault_ca=own\n[own]\ndatabase={home}/index\nserial={home}/serial\nnew_certs_dir={home}\n"
            "default_md=sha256\npolicy=any\nunique_subject=no\ncopy_extensions=copy\n[any]\ncommonName=supplied\n"
        )
        self.root = self.make("root", "CN=root")

    def openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.home, check=True, capture_output=True)

    def key(self, name: str, kind: str = "ED25519") -> str:
        self.openssl("genpkey", "-algorithm", kind, "-out", f"{name}.key")
        return (self.home / f"{name}.key").read_text()

    def make(
        self,
        name: str,
        subject: str = "",
        names: str = f"DNS:{NAME}",
        start: str = "20200101",
        end: str = "20990101",
        by: str = "",
    ) -> tuple[str, str]:
        """Return a certificate and its key, both PEM; `by` another of the maker's, or itself."""
        key = self.key(name)
        self.openssl(
            "req", "-new", "-key", f"{name}.key", "-subj", f"/{subject or 'CN=' + name}", "-addext", f"subjectAltName={names}",
            "-out", f"{name}.csr",
        )  # fmt: skip
        signer = ["-cert", f"{by}.pem", "-keyfile", f"{by}.key"] if by else ["-selfsign", "-keyfile", f"{name}.key"]
        self.openssl(
            "ca", "-config", "ca.cnf", "-batch", "-notext", *signer, "-in", f"{name}.csr", "-out", f"{name}.pem",
            "-startdate", f"{start}000000Z", "-enddate", f"{end}000000Z",
        )  # fmt: skip
        return (self.home / f"{name}.pem").read_text(), key


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    return Maker(tmp_path_factory.mktemp("ca"))


def test_a_chain_and_its_key_are_right(maker: Maker) -> None:
    leaf, key = maker.make("leaf", by="root")
    assert certificate_faults(leaf + maker.root[0], key, [NAME]) == []


@pytest.mark.parametrize(
    ("names", "asked", "right"),
    [
        ("DNS:*.example.kr", NAME, True),
        ("DNS:*.example.kr", "a.shop.example.kr", False),
        ("DNS:SHOP.example.kr", "Shop.Example.kr", True),
        ("IP:192.0.2.7", "192.0.2.7", True),
        ("DNS:192.0.2.7", "192.0.2.7", False),
        ("IP:2001:db8::7", "2001:db8:0::7", True),
        ("DNS:other.example.kr", NAME, False),
    ],
)
def test_names(maker: Maker, names: str, asked: str, right: bool) -> None:
    leaf, key = maker.make("named", names=names)
    faults = certificate_faults(leaf, key, [asked])
    assert [f"not for {asked}" in fault for fault in faults] == ([] if right else [True])


def test_wrong_keys(maker: Maker) -> None:
    leaf, key = maker.make("keyed")
    [other] = certificate_faults(leaf, maker.key("another"), [NAME])
    assert "gateway_tls_key_file is not the key" in other
    [none] = certificate_faults(leaf, "nothing", [NAME])
    assert "gateway_tls_key_file cannot be read" in none
    (maker.home / "plain").write_text(key)
    maker.openssl("pkey", "-in", "plain", "-aes256", "-passout", "pass:secret", "-out", "locked")
    [locked] = certificate_faults(leaf, (maker.home / "locked").read_text(), [NAME])
    assert "passphrase" in locked
    assert not any(line in other + none + locked for line in key.splitlines()[1:-1]), "a key is never shown"


def test_times(maker: Maker) -> None:
    [ended] = certificate_faults(*maker.make("ended", end="20240229"), [NAME])
    assert "has ended on 2024-02-29" in ended
    [early] = certificate_faults(*maker.make("early", start="20980101"), [NAME])
    assert "is not valid before 2098-01-01" in early


def test_a_chain_out_of_order(maker: Maker) -> None:
    leaf, key = maker.make("ordered", by="root")
    stranger, _ = maker.make("stranger")
    [wrong] = certificate_faults(leaf + stranger, key, [NAME])
    assert "did not issue" in wrong
    # The root first: then the key is not the first one's, either.
    assert len(certificate_faults(maker.root[0] + leaf, key, [NAME])) >= 2


@pytest.mark.parametrize("text", ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_malformed_certificates_are_refused(maker: Maker, text: str) -> None:
    [fault] = certificate_faults(text, maker.root[1], [NAME])
    assert "gateway_tls_certificate_file" in fault
