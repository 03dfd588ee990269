"""Which of the host's apt sources are the distribution's own."""

from __future__ import annotations

import pytest
from ansible_collections.jiucom.platform.plugins.module_utils.apt_sources import mirrors

# Each source as apt names it, and its list once it has been fetched.
DEBIAN = ("http://mirror.example/debian", "bookworm", "bookworm main Debian")
BY_STATUS = ("http://mirror.example/debian", "stable", "bookworm main Debian")
UPDATES = ("http://mirror.example/debian", "bookworm-updates", "bookworm-updates main Debian")
SECURITY = ("http://security.example/debian", "bookworm-security", "bookworm-security main Debian")
NEXT = ("http://next.example/debian", "trixie", "trixie main Debian")
VENDOR = ("https://vendor.example/apt", "bookworm", "bookworm main Some Vendor")
EXTRA = ("http://extra.example/debian", "bookworm", "bookworm contrib Debian")


def choose(sources: list[tuple[str, str, str]], fetched: bool) -> list[str]:
    """Choose among sources whose lists have been fetched, or not."""
    uris = [f"'{address}/dists/{suite}/InRelease' some_file 0 " for address, suite, _ in sources]
    targets = [f"{address}/ {suite} {rest}" for address, suite, rest in sources if fetched]
    return list(mirrors("\n".join(uris), "\n".join(targets), "debian", "bookworm"))


@pytest.mark.parametrize(
    "sources", [[VENDOR, EXTRA, SECURITY, UPDATES, DEBIAN], [NEXT, VENDOR, BY_STATUS], [DEBIAN, DEBIAN]]
)
def test_fetched_lists_say_whose_they_are(sources: list[tuple[str, str, str]]) -> None:
    assert choose(sources, fetched=True) == ["http://mirror.example/debian"]


def test_unfetched_sources_are_known_by_their_suite() -> None:
    assert choose([SECURITY, NEXT, UPDATES, DEBIAN], fetched=False) == ["http://mirror.example/debian"]


def test_no_source_of_the_release_is_no_mirror() -> None:
    assert choose([SECURITY, NEXT, VENDOR, EXTRA], fetched=True) == []
