"""The distribution's mirrors in the host's own apt sources, and whether a mirror has a release."""

from __future__ import annotations

import email.utils
import re
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlsplit

WITHOUT_LOGIN = (
    "name a mirror that asks for none in images_packages_mirror, or take images from a registry or an archive"
)
TARGETS = "$(REPO_URI) $(RELEASE) $(CODENAME) $(COMPONENT) $(ORIGIN)"


def sources(uris: str) -> list[tuple[str, str]]:
    """List address and suite of every source, of what `apt-get update --print-uris` prints."""
    return re.findall(r"'(https?://\S+?)/+dists/(\S+)/InRelease'", uris)


def mirrors(uris: str, targets: str, distribution: str, codename: str) -> list[str]:
    """Choose the addresses that give main of the `distribution`'s release `codename`.

    `uris` is what `apt-get update --print-uris` prints: every source. `targets` has a line in the form of TARGETS for each list
    that was fetched, and may be empty: then the name of the suite alone decides.
    """
    fetched, own = set(), set()
    for line in targets.splitlines():
        address, suite, name, component, *origin = line.split(" ")
        source = (address.rstrip("/"), suite)
        fetched.add(source)
        if name == codename and component == "main" and " ".join(origin).lower() == distribution:
            own.add(source)
    chosen = [source for source in sources(uris) if source in own]
    chosen = chosen or [source for source in sources(uris) if source not in fetched and source[1] == codename]
    return list(dict.fromkeys(address for address, _ in chosen))


def apt(*arguments: str) -> str:
    """Run apt-get and return its output. Raises RuntimeError, with what it said."""
    run = subprocess.run(["apt-get", *arguments], capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"apt-get {' '.join(arguments)}: {run.stderr.strip()}")
    return run.stdout


def print_uris() -> str:
    """Return what apt prints of its sources, whatever their format. Raises RuntimeError."""
    return apt("update", "--print-uris")


def own_mirrors(distribution: str, codename: str) -> list[str]:
    """Return the mirrors of the host's own sources. Raises RuntimeError."""
    return mirrors(
        print_uris(), apt("indextargets", "--format", TARGETS, "Created-By: Packages"), distribution, codename
    )


@dataclass(frozen=True)
class Release:
    """A release on a mirror; `fault` says why it cannot be used."""

    mirror: str
    fault: str = ""


def look_up(mirror: str, suite: str, timeout: float, ca_bundle: str = "", expired_is_right: bool = False) -> Release:
    """Ask a mirror for a release. One past its date is refused as apt would refuse it, unless that is right: a snapshot.

    A mirror with a login is refused, and its password told nowhere: images would keep the address.
    """
    parts = urlsplit(mirror)
    if "@" in parts.netloc:
        shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        return Release("", f"{shown} is given with a login, which images would keep: {WITHOUT_LOGIN}")
    url = f"{mirror}/dists/{suite}/InRelease"
    context = ssl.create_default_context(cafile=ca_bundle or None)
    try:
        with urllib.request.urlopen(url, timeout=timeout, context=context) as answer:  # noqa: S310 - apt's own sources
            head = answer.read(8192).decode(errors="replace")
    except urllib.error.HTTPError as refusal:
        if refusal.code == 401:
            return Release(mirror, f"{mirror} wants a login, which builds do not have: {WITHOUT_LOGIN}")
        return Release(mirror, f"{mirror} has no Debian {suite} (status {refusal.code})")
    except (OSError, ValueError) as fault:
        return Release(mirror, f"{mirror} does not answer: {getattr(fault, 'reason', fault)}")
    until = re.search(r"^Valid-Until: (.+)$", head, re.MULTILINE)
    if until and not expired_is_right and email.utils.parsedate_to_datetime(until[1]).timestamp() < time.time():
        return Release(
            mirror,
            f"{mirror} has a Debian {suite} that was valid until {until[1]}: where it is a snapshot of a mirror, set "
            "images_packages_snapshot: true",
        )
    return Release(mirror)
