"""The filter that looks at an operator's own certificate before a host is touched."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

_CERTIFICATE = "gateway_tls_certificate_file"
_KEY = "gateway_tls_key_file"


def _names(certificate: x509.Certificate) -> tuple[set[str], set[str]]:
    """Return the names and the addresses that a certificate is good for."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set(), set()
    addresses = {str(address) for address in found.get_values_for_type(x509.IPAddress)}
    return {name.lower() for name in found.get_values_for_type(x509.DNSName)}, addresses


def covers(certificate: x509.Certificate, wanted: str) -> bool:
    """Return whether a certificate is good for a name or an address; a star stands for one label."""
    names, addresses = _names(certificate)
    try:
        return str(ipaddress.ip_address(wanted)) in addresses
    except ValueError:
        return wanted.lower() in names or f"*.{wanted.lower().partition('.')[2]}" in names


def certificate_faults(certificate: str, key: str, names: Iterable[str]) -> list[str]:
    """List what is wrong with a PEM chain and its key, which are to serve `names`; empty texts are files that cannot be read."""
    try:
        chain = x509.load_pem_x509_certificates(certificate.encode())
    except ValueError:
        return [
            f"{_CERTIFICATE} cannot be read, or holds no certificate in PEM: set the path of the chain on this machine"
        ]
    try:
        private = load_pem_private_key(key.encode(), password=None)
    except TypeError:
        return [f"{_KEY} is locked with a passphrase, which nginx cannot type: openssl pkey -in KEY -out KEY.plain"]
    except ValueError:
        return [f"{_KEY} cannot be read, or holds no key in PEM: set the path of the key on this machine"]
    leaf, now, faults = chain[0], datetime.now(UTC), []
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) != leaf.public_key().public_bytes(*form):
        faults.append(f"{_KEY} is not the key of the first certificate in {_CERTIFICATE}: the server's own comes first")
    if leaf.not_valid_after_utc <= now:
        faults.append(f"{_CERTIFICATE} has ended on {leaf.not_valid_after_utc:%Y-%m-%d}: set a new one")
    if leaf.not_valid_before_utc > now:
        faults.append(f"{_CERTIFICATE} is not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC")
    faults += [
        f"{_CERTIFICATE} is for {', '.join(sorted(set.union(*_names(leaf)))) or 'no name'}, not for {name}"
        for name in names
        if not covers(leaf, name)
    ]
    for lower, upper in itertools.pairwise(chain):
        if lower.issuer != upper.subject:
            faults.append(
                f"{_CERTIFICATE}: {upper.subject.rfc4514_string()} did not issue {lower.subject.rfc4514_string()}, after which "
                "it stands: order the chain from the server's own certificate upwards"
            )
    return faults


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Names under which templates find the filters."""
        return {"certificate_faults": certificate_faults}
