#!/usr/bin/python3
"""The gateway's certificate on this host: made or obtained, put in place, and compared with what is served.

    certificate.py prepare   puts something in place that nginx can start with; no certificate authority is asked
    certificate.py renew     renews what is due, has nginx load it, and writes what Prometheus reads

Written by Ansible (roles/gateway/files/certificate.py), with settings.json beside it. `renew` is run by a timer twice a day. What
is served is served/gateway.pem, key and chain in one file: a reader sees the old pair or the new one, never half of each.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import re
import secrets
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SERVED = HERE / "served/gateway.pem"
METRICS = HERE / "served/metrics"
STATE = HERE / "state.json"
GIVEN = HERE / "given.pem"
CHALLENGES = HERE / "challenges"
# A certificate is renewed when this share of its lifetime is left, as certbot does since 4.0: lifetimes shrink.
RENEW_AT = 1 / 3
SELF_SIGNED_DAYS = 90
NGINX = ("nginx", "-c", "/etc/nginx/jiucom/nginx.conf")

# Lines of certbot's output that do not name the reason.
NOISE = ("Saving debug log", "Ask for help", "An unexpected error occurred")


class Fault(Exception):  # noqa: N818 - an operator's word
    """An error, with what to do about it."""


@dataclass(frozen=True)
class Certificate:
    """The fields of a certificate."""

    der: bytes
    serial: str
    not_before: int
    not_after: int
    self_signed: bool
    names: frozenset[str]

    @property
    def left(self) -> float:
        """Return the share of its lifetime that is left; below 0 once it has ended."""
        return (self.not_after - time.time()) / (self.not_after - self.not_before)

    @property
    def due(self) -> bool:
        """Return whether it is to be renewed."""
        return self.left <= RENEW_AT


def run(*command: str, seconds: int = 60, **environment: str) -> str:
    """Run a command and return what it prints; a Fault with its last words when it fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, check=False, env=os.environ | environment
        )
    except FileNotFoundError:
        raise Fault(f"{command[0]} is not installed: apt-get install {command[0]}") from None
    except subprocess.TimeoutExpired:
        raise Fault(f"{command[0]} did not end within {seconds} s") from None
    if done.returncode:
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        said = [line for line in said if not line.startswith(NOISE)]
        raise Fault(f"{command[0]}: {' '.join(said[-8:])[-400:] or f'ended with {done.returncode}'}")
    return done.stdout


def read(path: Path) -> Certificate:
    """Read the first certificate of a PEM file."""
    found = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", path.read_text(), re.DOTALL)
    if not found:
        raise Fault(f"{path} holds no certificate")
    shown = run("openssl", "x509", "-in", str(path), "-noout", "-serial", "-dates", "-subject", "-issuer")
    said = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    names = run("openssl", "x509", "-in", str(path), "-noout", "-ext", "subjectAltName")
    return Certificate(
        der=ssl.PEM_cert_to_DER_cert(found[0]),
        serial=said["serial"],
        not_before=ssl.cert_time_to_seconds(said["notBefore"]),
        not_after=ssl.cert_time_to_seconds(said["notAfter"]),
        self_signed=said["subject"] == said["issuer"],
        names=frozenset(name.strip() for name in re.findall(r"(?:DNS|IP Address):([^,\n]+)", names)),
    )


def require_pair(pair: str) -> Certificate:
    """Return the certificate of a pair whose key belongs to it; nothing else may get where nginx looks."""
    with tempfile.NamedTemporaryFile("w", dir=HERE, prefix=".pair.") as file:
        file.write(pair)
        file.flush()
        certificate = read(Path(file.name))
        own = run("openssl", "x509", "-in", file.name, "-noout", "-pubkey")
        if run("openssl", "pkey", "-in", file.name, "-pubout") != own:
            raise Fault(f"the key is not the one of certificate {certificate.serial}")
    return certificate


class Gateway:
    """The gateway of one installation, and what its certificate is to be."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.names: list[str] = settings["names"]

    def served(self) -> bytes:
        """Return the certificate that the gateway serves now; empty where it serves none."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with (
                socket.create_connection((self.settings["address"], self.settings["https_port"]), timeout=5) as plain,
                context.wrap_socket(plain, server_hostname=self.names[0]) as wrapped,
            ):
                return wrapped.getpeercert(binary_form=True) or b""
        except OSError:
            return b""

    def nginx(self, *arguments: str) -> None:
        """Run nginx in its container."""
        compose = ("docker", "compose", "--project-directory", self.settings["installation"])
        run(*compose, "exec", "-T", "nginx", *NGINX, *arguments)

    def put(self, pair: str) -> bool:
        """Put a pair in place and have a gateway that runs serve it; returns whether anything changed."""
        before = SERVED.read_text() if SERVED.is_file() else None
        new = require_pair(pair)
        if before != pair:
            self.write(pair)
        serves = self.served() if self.settings["reloads"] else b""
        if serves and serves != new.der:
            try:
                self.nginx("-t", "-q")
            except Fault:
                if before:
                    self.write(before)
                raise
            self.nginx("-s", "reload")
            self.await_served(new)
        return before != pair

    def await_served(self, new: Certificate) -> None:
        """Return once the gateway serves it: a reload is a signal, and new connections reach the old processes for a moment."""
        end = time.monotonic() + 30
        while self.served() != new.der:
            if time.monotonic() > end:
                raise Fault(f"the gateway was told to load certificate {new.serial}, and still serves another")
            time.sleep(0.2)

    def write(self, pair: str) -> None:
        """Replace what nginx reads."""
        replace(SERVED, pair, self.settings["uid"], self.settings["gid"], 0o400)

    def self_signed(self) -> str:
        """Return the pair that was made here, made anew when it is due or names others."""
        if SERVED.is_file():
            current = read(SERVED)
            if current.self_signed and not current.due and current.names == set(self.names):
                return SERVED.read_text()
        kinds = [f"{'IP' if is_address(name) else 'DNS'}:{name}" for name in self.names]
        with tempfile.TemporaryDirectory(dir=HERE) as aside:
            run(
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", str(SELF_SIGNED_DAYS), "-subj", "/CN=gateway", "-addext", f"subjectAltName={','.join(kinds)}",
                "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", f"{aside}/key", "-out", f"{aside}/certificate",
            )  # fmt: skip
            return Path(aside, "certificate").read_text() + Path(aside, "key").read_text()

    @property
    def authority(self) -> Path:
        """Return where certbot keeps what belongs to the authority: each has its own account and certificates."""
        staging = "staging" if self.settings["staging"] else "default"
        name = re.sub(r"[^a-z0-9.]+", "-", self.settings["directory"].lower()) or staging
        return HERE / "acme" / name

    def obtained(self) -> str:
        """Return the pair that the authority has given; empty before the first."""
        live = self.authority / "live/gateway"
        if not (live / "fullchain.pem").is_file():
            return ""
        return (live / "fullchain.pem").read_text() + (live / "privkey.pem").read_text()

    def obtain(self) -> str:
        """Have certbot get or renew the certificate where that is due, and return the pair."""
        live = self.authority / "live/gateway/fullchain.pem"
        current = read(live) if live.is_file() else None
        due = not current or current.due or current.names != set(self.names)
        # certbot itself asks the authority when to renew (ARI) since 4.1; before that only the share that is left counts.
        if not due and certbot_version() < (4, 1):
            return self.obtained()
        if self.settings["self_test"]:
            for name in self.names:
                self.require_reachable(name)
        command = [
            "certbot", "certonly", "--non-interactive", "--agree-tos", "--webroot", "--webroot-path", str(CHALLENGES),
            "--cert-name", "gateway", "--renew-with-new-domains", "--force-renewal" if due else "--keep-until-expiring",
        ]  # fmt: skip
        for directory in ("config", "work", "logs"):
            place = self.authority if directory == "config" else self.authority / directory
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            command += [f"--{directory}-dir", str(place)]
        email = self.settings["email"]
        command += ["--email", email] if email else ["--register-unsafely-without-email"]
        if self.settings["directory"]:
            command += ["--server", self.settings["directory"]]
        elif self.settings["staging"]:
            command += ["--test-cert"]
        for name in self.names:
            command += ["--domain", name]
        ca = self.settings["ca_file"]
        run(*command, seconds=300, **({"REQUESTS_CA_BUNDLE": ca} if ca else {}))
        return self.obtained()

    def require_reachable(self, name: str) -> None:
        """Fetch a word through the public name at every address that it has, as the authority will.

        A refusal by the authority counts against its limit (five an hour); one of our own costs nothing.
        """
        try:
            addresses = sorted({str(found[4][0]) for found in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)})
        except OSError as fault:
            raise Fault(f"{name} has no address ({fault}): make a DNS record that leads to this host") from None
        word = secrets.token_hex(16)
        folder = CHALLENGES / ".well-known/acme-challenge"
        for directory in (folder.parent, folder):
            directory.mkdir(exist_ok=True)
            directory.chmod(0o755)  # nginx's user reads it
        file = folder / f"self-test-{word}"
        try:
            file.write_text(word)
            file.chmod(0o644)
            for address in addresses:
                seen = fetch(address, name, f"/.well-known/acme-challenge/{file.name}")
                if seen != word:
                    raise Fault(
                        f"{name} leads to {address}, and port 80 there is not this gateway ({seen}): correct the DNS record, "
                        "or what stands in front of this host; gateway_acme_self_test: false where only this host cannot see it"
                    )
        finally:
            file.unlink(missing_ok=True)

    def wanted(self) -> str:
        """Return the pair that is to be served, renewed where it is due."""
        mode = self.settings["mode"]
        if mode == "files":
            return GIVEN.read_text()
        return self.obtain() if mode == "acme" else self.self_signed()

    def prepare(self) -> bool:
        """Put something in place that nginx can start with; returns whether anything changed."""
        mode = self.settings["mode"]
        if mode == "files":
            pair = GIVEN.read_text()
        elif mode == "acme" and self.obtained():
            pair = self.obtained()
        elif mode == "acme" and self.usable():
            return False
        else:
            pair = self.self_signed()
        changed = self.put(pair)
        if changed or not METRICS.is_file():
            self.report("")
        return changed

    def usable(self) -> bool:
        """Return whether what is in place may stay until the authority gives a certificate."""
        if not SERVED.is_file():
            return False
        current = read(SERVED)
        return current.left > 0 and current.names >= set(self.names)

    def renew(self) -> bool:
        """Bring everything up to date; returns whether anything changed. What was served goes on being served on a Fault."""
        changed, fault = False, ""
        try:
            if not SERVED.is_file():
                self.prepare()
            changed = self.put(self.wanted())
        except Fault as raised:
            fault = str(raised)
        self.report(fault)
        if fault:
            raise Fault(fault)
        return changed

    def report(self, fault: str) -> None:
        """Write what Prometheus and the verification read."""
        certificate = read(SERVED)
        figures = {
            "not_before_seconds": certificate.not_before,
            "not_after_seconds": certificate.not_after,
            "self_signed": int(certificate.self_signed),
            "failed": int(bool(fault)),
        }
        # Where gateways are replaced for another certificate, this program runs before that, and only then.
        if self.settings["reloads"]:
            figures |= {"served": int(self.served() in (b"", certificate.der)), "checked_seconds": int(time.time())}
        names = {name: f"jiucom_certificate_{name}" for name in figures}
        lines = [f"# TYPE {names[name]} gauge\n{names[name]} {value}\n" for name, value in figures.items()]
        replace(METRICS, "".join(lines), 0, self.settings["gid"], 0o640)
        replace(STATE, json.dumps({"fault": fault, "serial": certificate.serial} | figures) + "\n", 0, 0, 0o600)


def replace(path: Path, content: str, uid: int, gid: int, mode: int) -> None:
    """Write a file aside and move it in place."""
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".new.")
    with os.fdopen(handle, "w") as file:
        file.write(content)
    os.chown(aside, uid, gid)
    os.chmod(aside, mode)
    os.replace(aside, path)


def is_address(name: str) -> bool:
    """Return whether a name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def certbot_version() -> tuple[int, ...]:
    """Return certbot's version."""
    return tuple(map(int, re.findall(r"\d+", run("certbot", "--version"))[:2]))


def fetch(address: str, name: str, path: str) -> str:
    """GET a path of the name at one address; returns the body, or what went wrong in a few words."""
    connection = http.client.HTTPConnection(address, 80, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": name})
        answer = connection.getresponse()
        body = answer.read(200).decode(errors="replace")
    except (OSError, http.client.HTTPException) as fault:
        return f"no answer: {fault}"
    finally:
        connection.close()
    return body if answer.status == 200 else f"status {answer.status}"


def main() -> int:
    """Run one of the two commands; what changed is printed."""
    os.umask(0o077)
    gateway = Gateway(json.loads((HERE / "settings.json").read_text()))
    commands = {"prepare": gateway.prepare, "renew": gateway.renew}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        if commands[sys.argv[1]]():
            print(f"certificate {read(SERVED).serial} is in place")
    except Fault as fault:
        print(f"The gateway's certificate: {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
