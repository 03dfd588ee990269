"""The pages beneath the gateway work in Chromium under their Content-Security-Policy, without one violation (C3, C8)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest
from hosts import Host, wait_for
from playwright.sync_api import Page

from tests.browser import Watch, chromium


@pytest.fixture(scope="module")
def trace(host: Host) -> str:
    """The id of a trace that Zipkin has."""
    with httpx.Client(base_url=f"http://{host.address}") as http:
        found: list[list[dict[str, str]]] = []

        def seen() -> bool:
            http.get("/api/v1/parts", params={"minPrice": time.time_ns() % 10**6})
            found[:] = http.get("/zipkin/api/v2/traces", params={"limit": 1}).json()
            return bool(found)

        wait_for(seen, 60, "a trace")
        return found[0][0]["traceId"]


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(20_000)
        watch = Watch(page)
        page.add_init_script(
            "addEventListener('securitypolicyviolation', e => console.error(e.violatedDirective + ' of ' + e.blockedURI))"
        )
        yield page
        assert watch.errors == []
        assert len(watch.hosts) == 1


def opened(page: Page, url: str) -> None:
    """Open a page, which must have a policy."""
    answer = page.goto(url)
    assert answer
    assert "object-src 'none'" in (answer.header_value("content-security-policy") or "")


def test_swagger_ui_sends_a_request(page: Page, host: Host) -> None:
    opened(page, f"http://{host.address}/api/v1/swagger-ui/index.html")
    page.locator("#operations-tag-Parts, .opblock-tag").first.wait_for()
    page.locator(".opblock-get .opblock-summary-control").filter(has_text="/parts/categories").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.locator(".live-responses-table .response-col_status", has_text="200").wait_for()


def test_zipkin_finds_and_draws_a_trace(page: Page, host: Host, trace: str) -> None:
    opened(page, f"http://{host.address}/zipkin/")
    page.get_by_role("button", name="Run Query").click()
    page.get_by_text("jiucom-api", exact=False).first.wait_for()
    opened(page, f"http://{host.address}/zipkin/traces/{trace}")
    page.get_by_text("Total Spans").wait_for()
    opened(page, f"http://{host.address}/zipkin/dependency")
    page.get_by_role("button", name="Run Query").wait_for()
