"""Filters for what Java reads."""

from __future__ import annotations

import base64
import hashlib
import re
import ssl
import struct
from typing import Any

from ansible.errors import AnsibleFilterError

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_PASSWORD = "changeit"  # noqa: S105 - Java's own default: it guards nothing, as there are no keys in it


def java_truststore(pem: str) -> str:
    """Make a key store of the certificates of a PEM file, in Java's own format (JKS), as base64.

    The same certificates give the same bytes, so that nothing changes where nothing did. Raises AnsibleFilterError where there
    are none.
    """
    found = _PEM.findall(pem)
    if not found:
        raise AnsibleFilterError("tracing_elasticsearch_ca: the file holds no certificate in PEM")

    def word(text: str) -> bytes:
        return struct.pack(">H", len(text)) + text.encode()

    body = struct.pack(">III", 0xFEEDFEED, 2, len(found))
    for number, certificate in enumerate(found):
        der = ssl.PEM_cert_to_DER_cert(certificate)
        body += struct.pack(">I", 2) + word(f"authority-{number}") + struct.pack(">Q", 0)
        body += word("X.509") + struct.pack(">I", len(der)) + der
    seal = hashlib.sha1(_PASSWORD.encode("utf-16-be") + b"Mighty Aphrodite" + body, usedforsecurity=False).digest()
    return base64.b64encode(body + seal).decode()


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Names under which templates find the filters."""
        return {"java_truststore": java_truststore}
