"""Who is told what: alerts by mail and webhook (H3.4), the report on demand (H3.5), the optional exporters' figures.

Needs a host whose inventory has turned these services on, with a mail server and a webhook at addresses of this machine.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from hosts import Host, wait_for

from testing.mailbox import Mailbox, mailbox, text_of

# The rule's patience, two evaluations, and some for the container to end and the mail to be delivered.
TOLD = 15 + 2 * 15 + 15


@dataclass
class Post:
    """What whoever is told has got: mails, and the webhook's messages."""

    box: Mailbox
    messages: list[dict[str, Any]] = field(default_factory=list)

    def said(self, start: str) -> tuple[bool, bool]:
        """Say whether a mail and a message came whose titles start so."""
        titles = [message["attachments"][0]["title"] for message in self.messages]
        mails = [str(mail["Subject"]) for mail in self.box.messages]
        return any(t.startswith(start) for t in mails), any(t.startswith(start) for t in titles)


@pytest.fixture(scope="module")
def post(host: Host) -> Iterator[Post]:
    """A mail server and a webhook where the host's own configuration looks for them."""
    config = yaml.safe_load(host.run("cat alertmanager/conf/alertmanager.yml"))
    address, _, port = config["global"]["smtp_smarthost"].partition(":")
    hook = urlsplit(host.run("cat alertmanager/secrets/slack_url"))
    messages: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == hook.path:
                messages.append(message)
            self.send_response(200 if self.path == hook.path else 404)
            self.end_headers()
            self.wfile.write(b"ok")  # what Slack says

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((hook.hostname or "", hook.port or 80), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with mailbox(address=address, port=int(port)) as box:
            yield Post(box, messages)
    finally:
        server.shutdown()
        server.server_close()


def ask(host: Host, expr: str) -> list[float]:
    """Evaluate an expression of Prometheus now."""
    query = f"docker compose exec -T prometheus promtool query instant -o json http://127.0.0.1:9090 '{expr}'"
    return [float(item["value"][1]) for item in json.loads(host.run(query))]


def test_optional_exporters_tell_the_host_s_and_the_gateway_s_figures(host: Host) -> None:
    memory = int(host.run("grep -oP '^MemTotal: +\\K[0-9]+' /proc/meminfo")) * 1024
    assert ask(host, "node_memory_MemTotal_bytes") == [memory]
    assert ask(host, "nginx_up") == [1]
    before = ask(host, "nginx_http_requests_total")[0]
    for _ in range(50):
        host.get("/health")
    wait_for(lambda: ask(host, "nginx_http_requests_total")[0] >= before + 50, 40, "the requests counted")
    # Where they are counted is open to no one outside.
    assert host.get("/stub_status")[0] == 404
    assert host.get("/stub_status", port=8081)[0] == 0


def test_a_stopped_api_is_told_and_so_is_its_return(host: Host, post: Post) -> None:
    host.run("docker compose stop app")
    try:
        start = time.monotonic()
        wait_for(lambda: all(post.said("[경보 1] ApiDown")), TOLD, "a mail and a message")
        print(f"told after {time.monotonic() - start:.0f} s")
        # What the API's own metrics say is no news now; another's alert is.
        add = "docker compose exec -T alertmanager amtool alert add --alertmanager.url=http://127.0.0.1:9093"
        host.run(f"{add} alertname=LatencyHigh job=jiucom-api severity=critical --annotation=summary=inhibited")
        host.run(f"{add} alertname=StoreDown job=mysql-exporter severity=critical --annotation=summary=told")
        wait_for(lambda: all(post.said("[경보 1] StoreDown")), 30, "the other alert")
        assert not any(post.said("[경보 1] LatencyHigh"))
    finally:
        host.run("docker compose up -d --wait app")
    start = time.monotonic()
    wait_for(lambda: all(post.said("[해소] ApiDown")), 75, "the resolution")
    print(f"resolution told after {time.monotonic() - start:.0f} s")
    first = next(mail for mail in post.box.messages if "ApiDown" in mail["Subject"])
    assert "No replica of the API answers" in text_of(first)
    assert "#apidown" in text_of(first)
    assert " KST " in text_of(first), "times are the operators'"


def test_the_report_comes_on_demand(host: Host, post: Post) -> None:
    host.run("docker compose run --rm -T -e REPORT_AT= report", seconds=120)
    (mail,) = post.box.to("owners@jiucom.example")
    html = mail.get_body(("html",))
    assert html is not None
    page = html.get_content()
    assert re.search("지표.*이번 주.*지난주", page, re.DOTALL)
    requests = re.search(r"<td>요청 수</td><td [^>]*>([\d.]+)", page)
    assert requests
    assert float(requests[1]) > 0
    # The story above stopped it: the week's alerts are those that fired.
    assert "<td>ApiDown</td>" in page
    images = [part.get_content() for part in mail.walk() if part.get_content_type() == "image/png"]
    assert len(images) == len(re.findall("cid:", page)) >= 8
    assert all(image.startswith(b"\x89PNG") and len(image) > 3000 for image in images)
