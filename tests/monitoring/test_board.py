"""board behaves as Grafana does where the platform relies on it: provisioning, login, API, pages (D4, D5, C8, H1)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import httpx
import pytest

from .conftest import PASSWORD, ROOT, Board, eventually
from .exporters import ALL, CHECKS, COMMANDS, MEMORY, MEMORY_LIMIT, RATES

NOTE = "Grafana가 아닙니다: JIUCOM의 읽기 전용 뷰어"  # in both languages on every page


def panel(html: str, title: str) -> str:
    """Cut a panel out of a page."""
    sections: list[str] = re.findall(r"<section.*?</section>", html, re.DOTALL)
    return next(section for section in sections if f">{title}\n" in section)


def shown(html: str, title: str) -> str:
    """Return a stat's value as it is drawn."""
    (text,) = re.findall(r"<text[^>]*>([^<]*)</text>", panel(html, title))
    return str(text)


def legend(html: str, title: str) -> dict[str, str]:
    """Return a graph's last values by their names."""
    return dict(re.findall(r"</svg> ([^<]*)</th><td>([^<]*)</td>", panel(html, title)))


def test_health_needs_no_login(board: Board) -> None:
    answer = httpx.get(f"{board.url}/api/health")
    assert answer.status_code == 200
    assert answer.json()["database"] == "ok"
    assert answer.json()["product"] == "board"


def test_health_fails_without_dashboards(board: Board) -> None:
    for file in (board.home / "dashboards").iterdir():
        file.unlink()
    answer = httpx.get(f"{board.url}/api/health")
    assert (answer.status_code, answer.json()["database"]) == (503, "failing")


def test_login_page_says_that_it_is_board(board: Board) -> None:
    answer = httpx.get(f"{board.url}/login")
    assert answer.status_code == 200
    assert "this is board, not Grafana" in answer.text


@pytest.mark.parametrize("path", ["/", "/d/jiucom-main", "/d/jiucom-main/any?from=now-5m&to=now"])
def test_pages_send_strangers_to_the_login_and_back(board: Board, path: str) -> None:
    away = httpx.get(board.url + path)
    assert away.status_code == 302
    login = httpx.post(
        f"http://127.0.0.1:{board.port}{away.headers['location']}", data={"user": "admin", "password": PASSWORD}
    )
    assert (login.status_code, login.headers["location"]) == (303, f"/grafana{path}")


@pytest.mark.parametrize("path", ["/api/datasources", "/api/search", "/api/dashboards/uid/jiucom-main"])
def test_api_refuses_strangers(board: Board, path: str) -> None:
    assert httpx.get(board.url + path).status_code == 401
    assert httpx.get(board.url + path, auth=("admin", "wrong")).status_code == 401
    assert httpx.get(board.url + path, auth=("admin", PASSWORD)).status_code == 200


@pytest.mark.parametrize("sent", [b"Basic \xe9", b"Basic !", b"Basic /w==", b"Basic", b"Bearer x", b"\xff"])
def test_malformed_authorizations_are_refused(board: Board, sent: bytes) -> None:
    assert httpx.get(f"{board.url}/api/search", headers={b"Authorization": sent}).status_code == 401


def test_json_login_as_grafana_s_own_page_sends_it(board: Board) -> None:
    with httpx.Client(base_url=board.url) as client:
        wrong = client.post("/login", json={"user": "admin", "password": "wrong"})
        right = client.post("/login", json={"user": "admin", "password": PASSWORD})
        assert (wrong.status_code, right.status_code) == (401, 200)
        assert client.get("/api/search").status_code == 200
        assert client.get("/logout").status_code == 302
        assert client.get("/api/search").status_code == 401


@pytest.mark.parametrize("body", ['"text"', "[1]", "{", "[" * 8000, '{"user": "admin"}', ""])
def test_malformed_logins_are_refused(board: Board, body: str) -> None:
    answer = httpx.post(f"{board.url}/login", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 401


def test_cookie_is_for_this_path_and_not_for_scripts(board: Board) -> None:
    answer = httpx.post(f"{board.url}/login", data={"user": "admin", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/grafana", "max-age=604800"))


@pytest.mark.parametrize(
    "change", [lambda c: "9" + c, lambda c: c[:-1] + ("0" if c[-1] != "0" else "1"), lambda c: "x.y"]
)
def test_forged_cookies_are_refused(board: Board, admin: httpx.Client, change: object) -> None:
    assert callable(change)
    forged = change(admin.cookies["grafana_session"])
    answer = httpx.get(f"{board.url}/api/search", headers={"Cookie": f"grafana_session={forged}"})
    assert answer.status_code == 401


def test_login_outlives_a_restart_and_ends_with_the_password(new_board: Board) -> None:
    def look(**environment: str) -> int:
        process = new_board.start(**environment)
        try:
            eventually(lambda: httpx.get(f"{new_board.url}/api/health").status_code == 200)
            if not client.cookies:
                client.post("/login", data={"user": "admin", "password": PASSWORD})
            return client.get("/api/search").status_code
        finally:
            process.terminate()
            process.wait(10)

    with httpx.Client(base_url=new_board.url) as client:
        assert [look(), look()] == [200, 200]
        new_board.write("admin_password", "another one")
        assert look() == 401


def test_sixth_attempt_is_refused_even_with_the_right_password(board: Board) -> None:
    answers = [httpx.get(f"{board.url}/api/search", auth=("admin", word)) for word in ["wrong"] * 5 + [PASSWORD]]
    assert [answer.status_code for answer in answers] == [401] * 6


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_login_redirects_to_this_host_only(board: Board, target: str) -> None:
    answer = httpx.post(f"{board.url}/login", params={"redirect": target}, data={"user": "admin", "password": PASSWORD})
    assert urlsplit(answer.headers["location"]).netloc == ""
    assert answer.headers["location"] == "/grafana/"


def test_no_start_without_a_password(new_board: Board) -> None:
    new_board.write("admin_password", "")
    process = new_board.start()
    assert process.wait(10) == 1
    assert "GF_SECURITY_ADMIN_PASSWORD" in (process.stderr.read() if process.stderr else "")


def test_datasources_without_their_secrets(board: Board, admin: httpx.Client, prometheus: str) -> None:
    (source,) = admin.get("/api/datasources").json()
    assert (source["type"], source["url"], source["uid"]) == ("prometheus", prometheus, "prometheus")
    assert "never shown" not in str(source)


def test_search_and_dashboard_of_the_api(admin: httpx.Client) -> None:
    found = {item["uid"]: item for item in admin.get("/api/search").json()}
    assert set(found) == {"jiucom-main", "jiucom-endpoint"}
    assert found["jiucom-main"]["url"].startswith("/grafana/d/jiucom-main/")
    answer = admin.get("/api/dashboards/uid/jiucom-main").json()
    assert len([p for p in answer["dashboard"]["panels"] if p["type"] != "row"]) == 16
    assert answer["meta"]["canSave"] is False
    assert admin.get("/api/dashboards/uid/none").status_code == 404


def test_main_page_draws_all_sixteen_panels(admin: httpx.Client) -> None:
    html = admin.get("/d/jiucom-main").text
    assert html.count("<section") == 16
    assert html.count('<svg xmlns="http://www.w3.org/2000/svg"') == 16
    assert html.count("<h2") == 4
    assert "No data" not in html
    assert 'class="fault"' not in html


def test_stats_are_right(admin: httpx.Client) -> None:
    html = admin.get("/d/jiucom-main").text
    assert shown(html, "API 상태") == "UP"
    assert shown(html, "메모리 사용률") == f"{100 * MEMORY / MEMORY_LIMIT:.1f}%"
    assert float(shown(html, "초당 요청 수").removesuffix(" req/s")) == pytest.approx(ALL + CHECKS, rel=0.05)
    share = 100 * RATES["GET", "/parts", "500"] / ALL
    assert float(shown(html, "5xx 오류 비율").removesuffix("%")) == pytest.approx(share, rel=0.05)


def test_thresholds_colour_the_stats(admin: httpx.Client) -> None:
    html = admin.get("/d/jiucom-main").text
    red, green = "#d0384b", "#3f9c4b"
    assert f'fill="{red}"' in panel(html, "5xx 오류 비율")  # 2 %, the warning sign is 1 %
    assert f'fill="{green}"' in panel(html, "메모리 사용률")
    assert f'stroke="{red}" stroke-dasharray' not in panel(html, "평균 응답 시간")  # 1 s is far above what is drawn


def test_graphs_have_legends_with_units(admin: httpx.Client) -> None:
    html = admin.get("/d/jiucom-main").text
    assert legend(html, "메모리 추이")["사용"] == "256 MiB"
    assert set(legend(html, "상태코드별 요청 수")) == {"200", "201", "500"}
    commands = legend(html, "MySQL 초당 쿼리")
    assert float(commands["select"].removesuffix(" ops/s")) == pytest.approx(COMMANDS["select"], rel=0.05)
    assert legend(html, "평균 응답 시간")["평균"].endswith(" ms")


def test_red_series_are_red_in_legends(admin: httpx.Client) -> None:
    colors = re.findall(r'fill="(#\w+)"/></svg> (\w+)<', admin.get("/d/jiucom-main").text)
    assert {name for color, name in colors if color == "#d0384b"} == {"500", "한도", "대기"}


def test_pages_speak_the_language_of_the_dashboards(new_board: Board) -> None:
    for name in ("jiucom-main", "jiucom-endpoint"):
        english = (ROOT / f"files/dashboards/{name}.en.json").read_text()
        new_board.write(f"dashboards/{name}.json", english)
    process = new_board.start(GF_USERS_DEFAULT_LANGUAGE="en-US")
    try:
        eventually(lambda: httpx.get(f"{new_board.url}/api/health").status_code == 200)
        with httpx.Client(base_url=new_board.url, auth=("admin", PASSWORD)) as client:
            for path in ("/", "/d/jiucom-main", "/d/jiucom-endpoint"):
                html = client.get(path).text.replace(NOTE, "")
                assert '<html lang="en">' in html
                assert re.findall("[가-힣]+", html) == []
            for path in ("/nothing", "/d/nothing", "/d/jiucom-main?from=yesterday", "/d/jiucom-main?refresh=0s"):
                fault = client.get(path)
                assert fault.status_code in (400, 404)
                assert re.findall("[가-힣]+", fault.text.replace(NOTE, "")) == []
            refused = httpx.post(f"{new_board.url}/login", data={"user": "admin", "password": "wrong"})
            assert "Wrong name or password" in refused.text
    finally:
        process.terminate()
        process.wait(10)


def test_variables_choose_and_narrow(admin: httpx.Client) -> None:
    html = admin.get("/d/jiucom-endpoint", params={"var-uri": "/builds"}).text
    assert re.findall(r'<option value="(/[a-z/]+)"', html) == ["/actuator/health", "/builds", "/parts"]
    assert re.findall(r'<option value="(\$__all|GET|POST)"', html) == ["$__all", "POST"]
    assert float(shown(html, "초당 요청 수").removesuffix(" req/s")) == pytest.approx(9, rel=0.05)
    assert "<td>201</td>" in panel(html, "상태코드와 예외")


@pytest.mark.parametrize("value", ['/none"} or up{job=~".+', ".*", "$__all"])
def test_variables_take_their_own_options_alone(admin: httpx.Client, value: str) -> None:
    """No visitor writes into a query: what is no option is the first option."""
    html = admin.get("/d/jiucom-endpoint", params={"var-uri": value}).text
    assert '<option value="/actuator/health" selected>' in html
    assert float(shown(html, "초당 요청 수").removesuffix(" req/s")) == pytest.approx(CHECKS, rel=0.05)


def test_time_range_moves_the_axis(admin: httpx.Client) -> None:
    five, hour = (admin.get("/d/jiucom-main", params={"from": start}).text for start in ("now-5m", "now-1h"))
    times = [re.findall(r">(\d\d:\d\d)<", panel(html, "메모리 추이")) for html in (five, hour)]
    assert times[0] != times[1]
    assert all(len(labels) >= 3 for labels in times)


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "yesterday"},
        {"from": "now", "to": "now-1h"},
        {"from": "now-99d"},
        {"from": "now-9999999d"},
        {"to": "-1"},
        {"refresh": "0s"},  # without a pause
        {"refresh": "4s"},
        {"refresh": "999999h"},  # more than a browser's clock holds
        {"refresh": "often"},
    ],
)
def test_bad_times_are_refused_in_the_reader_s_language(admin: httpx.Client, asked: dict[str, str]) -> None:
    answer = admin.get("/d/jiucom-main", params=asked)
    assert answer.status_code == 400
    assert re.search("<p>[^<]*[가-힣][^<]*</p>", answer.text)


def test_fragment_is_the_panels_alone(admin: httpx.Client) -> None:
    html = admin.get("/d/jiucom-main", params={"fragment": "1"}).text
    assert html.count("<section") == 16
    assert "<html" not in html


@pytest.mark.parametrize(
    "path", ["/api/datasources/proxy/1/api/v1/query", "/api/ds/query", "/api/v1/query", "/api/admin"]
)
def test_no_way_to_prometheus_but_the_dashboards(admin: httpx.Client, path: str) -> None:
    assert admin.get(path, params={"query": "up"}).status_code == 404
    assert admin.post(path, data={"query": "up"}).status_code == 404


@pytest.mark.parametrize("path", ["/d/jiucom-main", "/api/search", "/api/dashboards/uid/jiucom-main"])
def test_writing_methods_are_refused(admin: httpx.Client, path: str) -> None:
    assert {admin.request(method, path).status_code for method in ("POST", "PUT", "PATCH", "DELETE")} == {405}


def test_changed_dashboard_shows_without_a_restart_and_a_broken_one_keeps_the_last(
    board: Board, admin: httpx.Client
) -> None:
    file = "dashboards/jiucom-main.json"
    text = (ROOT / "files" / file).read_text()
    board.write(file, text.replace("JIUCOM 통합 모니터링", "바뀐 제목"))
    assert "바뀐 제목" in admin.get("/d/jiucom-main").text
    board.write(file, text[: len(text) // 2])
    assert "바뀐 제목" in admin.get("/d/jiucom-main").text
    assert admin.get("/d/jiucom-endpoint").status_code == 200


@pytest.mark.parametrize(
    ("language", "said"), [("ko-KR", "Prometheus에 연결할 수 없습니다"), ("en-US", "Prometheus cannot be reached")]
)
def test_page_says_when_prometheus_is_gone(new_board: Board, language: str, said: str) -> None:
    source = new_board.home / "provisioning/datasources/datasource.yml"
    source.write_text(re.sub(r"url: \S+", "url: http://127.0.0.1:9", source.read_text()))
    process = new_board.start(GF_USERS_DEFAULT_LANGUAGE=language)
    try:
        eventually(lambda: httpx.get(f"{new_board.url}/api/health").status_code == 200)
        answer = httpx.get(f"{new_board.url}/d/jiucom-main", auth=("admin", PASSWORD))
        assert answer.status_code == 200
        assert answer.text.count(said) == 16
    finally:
        process.terminate()
        process.wait(10)


def test_titles_are_escaped(board: Board, admin: httpx.Client) -> None:
    file = "dashboards/jiucom-main.json"
    text = (ROOT / "files" / file).read_text()
    board.write(file, text.replace("JIUCOM 통합 모니터링", "<script>alert(1)</script>").replace("API 상태", "<i>x</i>"))
    html = admin.get("/d/jiucom-main").text
    assert "<script>alert" not in html
    assert "<i>" not in html


def test_page_allows_no_foreign_code(admin: httpx.Client) -> None:
    policy = admin.get("/d/jiucom-main").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert not re.search(r'\s(style|on\w+)="', admin.get("/d/jiucom-main").text)
