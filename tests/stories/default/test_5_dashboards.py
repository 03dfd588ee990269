"""The dashboards in Chromium, through the gateway, as board shows them (D4, D5, C8). Pictures stay in .cache/screens."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hosts import ROOT, Host, wait_for
from playwright.sync_api import Browser, Page

from tests.browser import Watch, chromium

PICTURES = ROOT / ".cache/screens"
ROWS = ["개요", "HTTP", "런타임", "DB · 캐시"]
STATS = ["API 상태", "메모리 사용률", "스레드", "초당 요청 수", "5xx 오류 비율"]
GRAPHS = [
    "평균 응답 시간", "상태코드별 요청 수", "응답 시간 백분위", "메모리 추이", "GC 일시정지 빈도", "DB 커넥션 풀",
    "Redis 클라이언트", "Redis 메모리", "MySQL 초당 쿼리", "MySQL 스레드", "MySQL 슬로우 쿼리",
]  # fmt: skip

# Each panel as a reader sees it; `cut` are the texts that leave their picture, or lie on each other on an axis.
PANELS = """
() => [...document.querySelectorAll("section.panel")].map(panel => {
  const inside = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const picture = panel.querySelector(":scope > svg");
  const texts = picture ? [...picture.querySelectorAll("text")] : [];
  const box = each => each.getBoundingClientRect();
  return {
    title: panel.querySelector("h3").firstChild.textContent.trim(),
    texts: texts.map(each => each.textContent),
    lines: picture?.querySelectorAll("path[stroke-width]").length ?? 0,
    legend: Object.fromEntries([...panel.querySelectorAll(".legend tbody tr")].map(
      row => [row.cells[0].textContent.trim(), row.cells[1].textContent])),
    rows: [...panel.querySelectorAll(".data tbody tr")].map(row => [...row.cells].map(cell => cell.textContent)),
    cut: [
      ...texts.filter(each => !inside(box(each), box(picture))),
      ...texts.filter(each => texts.some(other => other !== each && meet(box(each), box(other)))),
      ...[...panel.querySelectorAll("h3, td, th")].filter(each => !inside(box(each), box(panel))),
    ].map(each => each.textContent),
  };
})
"""


@pytest.fixture(scope="module")
def traffic(host: Host) -> None:
    """What the panels are to show: answers of two kinds, seen by Prometheus twice, and that long enough ago to be drawn.

    Graphs are asked at round times: what is there for a moment is not yet at one of them.
    """
    with httpx.Client(base_url=f"http://{host.address}") as http:
        query = 'rate(http_server_requests_seconds_count{uri="/parts/{partId}",status="404"}[1m] offset 30s) > 0'
        prometheus = f"http://{host.address}:9090/api/v1/query"

        def seen() -> bool:
            # All the while: a series is born with what came before its first scrape, which has no rate.
            http.get(f"/api/v1/parts?minPrice={random.randrange(10**6)}")
            http.get("/api/v1/parts/999999999")
            return bool(http.get(prometheus, params={"query": query}).json()["data"]["result"])

        wait_for(seen, 150, "two scrapes")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser, host: Host, traffic: None) -> Iterator[Page]:
    """The main dashboard, come to through the login; nothing may be wrong until the end, nor come from elsewhere."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(15_000)
    watch = Watch(page)
    page.goto(f"http://{host.address}/grafana/d/jiucom-main?from=now-5m")
    assert "/grafana/login" in page.url
    assert page.get_by_text("this is board, not Grafana").is_visible()
    page.screenshot(path=PICTURES / "login.png")
    page.fill("[name=user]", "admin")
    page.fill("[name=password]", "admin")
    page.click("main button")
    page.wait_for_url("**/grafana/d/jiucom-main?from=now-5m")
    yield page
    assert watch.errors == []
    assert watch.hosts == {host.address}
    page.close()


def panels(page: Page) -> dict[str, dict[str, Any]]:
    """Read the panels by title; none has a fault, and no text is cut."""
    assert page.locator(".fault").all_inner_texts() == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = page.evaluate(PANELS)
    assert {panel["title"]: panel["cut"] for panel in found if panel["cut"]} == {}
    return {panel["title"]: panel for panel in found}


def test_main_dashboard_shows_sixteen_panels_with_data(page: Page) -> None:
    page.screenshot(path=PICTURES / "jiucom-main.png", full_page=True)
    assert page.locator("h1").inner_text() == "JIUCOM 통합 모니터링"
    assert page.get_by_text("this is board, not Grafana").is_visible()
    assert page.locator("h2").all_inner_texts() == ROWS
    shown = panels(page)
    assert list(shown) == STATS + GRAPHS
    for title in STATS:
        assert shown[title]["texts"] != ["No data"], title
    for title in GRAPHS:
        assert shown[title]["lines"] >= 1, title
        assert "–" not in shown[title]["legend"].values(), title
    assert shown["API 상태"]["texts"] == ["UP"]
    assert float(shown["초당 요청 수"]["texts"][0].removesuffix(" req/s")) > 0
    assert {"200", "404"} <= set(shown["상태코드별 요청 수"]["legend"])
    assert set(shown["응답 시간 백분위"]["legend"]) == {"p50", "p95", "p99"}


def test_range_and_refresh(page: Page) -> None:
    def clock() -> list[str]:
        return [text for text in panels(page)["메모리 추이"]["texts"] if re.fullmatch(r"\d\d:\d\d", text)]

    short = clock()
    page.select_option("[name=from]", "now-1h")
    page.wait_for_url(re.compile("from=now-1h"))
    assert clock() != short
    page.select_option("[name=refresh]", "5s")
    page.wait_for_url(re.compile("refresh=5s"))
    page.evaluate("document.querySelector('section').dataset.old = 'yes'")
    page.wait_for_selector("section[data-old]", state="detached")
    assert list(panels(page)) == STATS + GRAPHS
    assert page.locator("#panels.stale").count() == 0


def test_marks_in_the_corner_of_the_axes_stay_apart(page: Page) -> None:
    hour = int(time.time()) // 3600 * 3600
    page.goto(page.url.partition("?")[0] + f"?from={(hour - 3600) * 1000}&to={hour * 1000}")
    assert list(panels(page)) == STATS + GRAPHS


def test_endpoint_dashboard_follows_its_variable(page: Page) -> None:
    page.goto(page.url.replace("jiucom-main", "jiucom-endpoint"))
    assert page.locator("h1").inner_text() == "JIUCOM 엔드포인트"
    page.select_option("[name=var-uri]", "/parts/{partId}")
    page.wait_for_url(re.compile("var-uri=%2Fparts%2F%7BpartId%7D"))
    page.screenshot(path=PICTURES / "jiucom-endpoint.png", full_page=True)
    shown = panels(page)
    assert list(shown) == [
        "초당 요청 수", "평균 응답 시간", "5xx 오류 비율", "상태코드별 요청 수", "응답 시간 백분위", "상태코드와 예외",
    ]  # fmt: skip
    assert set(shown["상태코드별 요청 수"]["legend"]) >= {"404"}
    assert "404" in [row[1] for row in shown["상태코드와 예외"]["rows"]]
    assert page.locator("[name=var-method] option").all_inner_texts() == ["전체", "GET"]


def test_a_telephone_shows_everything_too(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=PICTURES / "telephone.png", full_page=True)
    assert list(panels(page)) == STATS + GRAPHS
