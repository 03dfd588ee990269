"""The weekly report (H3.5): composed from a real Prometheus, taken by a real SMTP server."""

from __future__ import annotations

import email
import json
import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import docker
import pytest
from aiosmtpd.controller import Controller

from report.schedule import next_time, seconds_until
from testing.mailbox import mailbox

from .conftest import ROOT, Board, eventually, free_port
from .exporters import ALL, LAST_WEEK, LAST_WEEK_SECONDS, RATES, STARTED

DRAW = """
import resvg_py
from board.draw import _svg
for text in "", '<text x="5" y="20">12:30 MiB</text>':
    print(len(resvg_py.svg_to_bytes(svg_string=_svg(100, 40, text, ""))))
"""
SEOUL = ZoneInfo("Asia/Seoul")


class Inbox:
    """What the SMTP server has taken."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        mail = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"


@pytest.fixture
def smtp() -> Iterator[tuple[int, Inbox]]:
    inbox, port = Inbox(), free_port()
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    yield port, inbox
    server.stop()


def settings(board: Board, smtp_port: int) -> dict[str, str]:
    """The environment of a report that is sent at once."""
    return {
        "GF_PATHS_PROVISIONING": str(board.home / "provisioning"),
        "GF_SERVER_ROOT_URL": "http://localhost/grafana/",
        "PYTHONPATH": str(ROOT / "board"),
        "PATH": os.environ["PATH"],
        "REPORT_FROM": "board@jiucom.example",
        "REPORT_TO": "a@jiucom.example, b@jiucom.example",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(smtp_port),
        "TZ": "Asia/Seoul",
    }


def run(board: Board, smtp_port: int, **changed: str) -> subprocess.CompletedProcess[str]:
    environment = settings(board, smtp_port) | changed
    command = [sys.executable, "-m", "report"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def html_of(mail: EmailMessage) -> str:
    page = mail.get_body(("html",))
    assert page is not None
    return str(page.get_content())


def test_mail_has_the_figures_the_alerts_and_the_graphs(new_board: Board, smtp: tuple[int, Inbox]) -> None:
    port, inbox = smtp
    done = run(new_board, port)
    assert done.returncode == 0, done.stderr
    (mail,) = inbox.mails
    assert re.fullmatch(r"JIUCOM 주간 보고 \d\d/\d\d - \d\d/\d\d", mail["Subject"])
    assert mail["To"] == "a@jiucom.example, b@jiucom.example"

    text = html_of(mail)
    figure = r"<tr><td>([^<]*)</td><td align=\"right\">([^<]*)</td><td align=\"right\">([^<]*)</td>"
    rows, before = ({line[0]: line[n] for line in re.findall(figure, text)} for n in (1, 2))
    share = 100 * RATES["GET", "/parts", "500"] / ALL
    assert set(rows) == {"가동률", "요청 수", "평균 응답 시간", "5xx 오류 비율", "최대 메모리 사용률", "슬로우 쿼리"}
    assert rows["가동률"] == "100.00%"
    assert float(rows["요청 수"].removesuffix(" K")) == pytest.approx(ALL * (time.time() - STARTED) / 1000, rel=0.05)
    assert rows["평균 응답 시간"] == "50.0 ms"
    assert float(rows["5xx 오류 비율"].removesuffix("%")) == pytest.approx(share, rel=0.05)
    assert rows["최대 메모리 사용률"] == "25.0%"
    assert float(before["요청 수"].removesuffix(" K")) == pytest.approx(LAST_WEEK / 1000, rel=0.05)
    assert before["평균 응답 시간"] == f"{1000 * LAST_WEEK_SECONDS:.1f} ms"
    assert before["5xx 오류 비율"] == "0.00%"
    assert {name for name, value in before.items() if value == "–"} == {"가동률", "최대 메모리 사용률", "슬로우 쿼리"}
    (minutes,) = re.findall(r"<td>PoolExhausted</td><td>critical</td><td align=\"right\">(\d+)</td>", text)
    assert 15 <= int(minutes) <= (time.time() - STARTED) / 60 + 1

    images = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert len(images) == 11  # all graphs of jiucom-main
    assert sorted(part["Content-ID"][1:-1] for part in images) == sorted(re.findall(r'src="cid:([^"]*)"', text))
    for part in images:
        content = part.get_content()
        assert content.startswith(b"\x89PNG")
        assert int.from_bytes(content[16:20]) >= 960  # twice the 480 pixels of the narrowest


def test_the_image_has_letters_for_its_graphs() -> None:
    """The drawing library brings none, and leaves texts out without a word where it finds none."""
    client = docker.from_env()
    built = client.images.list(filters={"label": "io.jiucom.product=board"})
    assert built, "no image of board on this machine: run `make images`"
    newest = max(built, key=lambda image: str(image.attrs["Created"]))
    drawn = client.containers.run(newest, ["python", "-c", DRAW], remove=True, network_mode="none")
    client.close()
    empty, lettered = map(int, drawn.split())
    assert lettered > empty + 200


def test_a_server_that_refuses_is_said(new_board: Board) -> None:
    done = run(new_board, free_port())
    assert done.returncode == 1
    assert "ConnectionRefusedError" in done.stderr


def test_a_panel_s_fault_stands_in_its_place(new_board: Board) -> None:
    file = new_board.home / "dashboards/jiucom-main.json"
    model = json.loads(file.read_text())
    broken = next(panel for panel in model["panels"] if panel["type"] == "timeseries")
    broken["targets"][0]["expr"] = "sum("
    file.write_text(json.dumps(model))
    with mailbox() as box:
        assert run(new_board, box.port).returncode == 0
    (mail,) = box.messages
    text = html_of(mail)
    assert re.search(f"{re.escape(broken['title'])}</h2>\\s*<p [^>]*>Prometheus: [^<]*parse error", text)
    assert len([part for part in mail.walk() if part.get_content_type() == "image/png"]) == 10
    assert text.count("cid:") == 10


def test_port_465_is_encrypted_from_the_start(new_board: Board, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=mail"]
    make += ["-addext", "subjectAltName=IP:127.0.0.5", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(make, check=True, capture_output=True)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    # An address of its own: the port is the point.
    with mailbox(address="127.0.0.5", port=465, implicit_tls=tls) as box:
        server = {"SMTP_HOST": "127.0.0.5", "SMTP_STARTTLS": "true"}
        refused = run(new_board, box.port, **server)
        assert "CERTIFICATE_VERIFY_FAILED" in refused.stderr
        done = run(new_board, box.port, **server, SSL_CERT_FILE=str(certificate))
    assert done.returncode == 0, done.stderr
    assert len(box.messages) == 1


class Weekly:
    """A report that waits for its time: `due` is what its health check reads (seconds since the epoch, 0 for nothing)."""

    def __init__(self, board: Board, smtp_port: int, home: Path) -> None:
        self.file = home / "report.due"
        environment = settings(board, smtp_port) | {"REPORT_AT": "mon 09:00", "TMPDIR": str(home)}
        # Ten minutes between two attempts are long for a test.
        start = "from report import __main__ as report; report._PAUSE = 1; report.main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", start], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    @property
    def due(self) -> int:
        return int(self.file.read_text() or 0) if self.file.exists() else 0

    def __enter__(self) -> Weekly:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(10)


def next_monday() -> int:
    return int(next_time("mon 09:00", datetime.now(SEOUL)).timestamp())


def test_when_the_next_mail_is_due_can_be_read(new_board: Board, tmp_path: Path) -> None:
    """The health check compares it with now: a mail that is due and not sent makes the service ill."""
    with mailbox() as box, Weekly(new_board, box.port, tmp_path) as report:
        eventually(lambda: report.due == next_monday())
    assert box.messages == []


def test_a_mail_that_fell_due_while_the_host_was_down_is_sent_once(new_board: Board, tmp_path: Path) -> None:
    (tmp_path / "report.due").write_text(f"{time.time() - 3 * 86400:.0f}")
    with mailbox() as box, Weekly(new_board, box.port, tmp_path) as report:
        eventually(lambda: report.due == next_monday(), 60)
    assert len(box.messages) == 1


def test_a_half_written_time_is_no_reason_not_to_start(new_board: Board, tmp_path: Path) -> None:
    (tmp_path / "report.due").write_text("")
    with mailbox() as box, Weekly(new_board, box.port, tmp_path) as report:
        eventually(lambda: report.due == next_monday())


def test_a_refused_mail_is_tried_until_it_is_taken_and_is_due_meanwhile(new_board: Board, tmp_path: Path) -> None:
    missed = int(time.time()) - 60
    (tmp_path / "report.due").write_text(str(missed))
    with mailbox() as box, Weekly(new_board, box.port, tmp_path) as report:
        box.answers += ["451 later"] * 8  # more often than anybody would count
        seen = set()

        def taken() -> bool:
            due = report.due
            if not box.messages:
                seen.add(due)
            return bool(box.messages)

        eventually(taken, 120)
        eventually(lambda: report.due == next_monday())
    assert seen == {missed}
    assert box.answers == []
    assert len(box.messages) == 1
    said = report.process.stderr.read() if report.process.stderr else ""
    assert said.count("451, b'later'") == 8


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-23 08:59", "2026-11-23 09:00"),  # a Monday
        ("2026-11-23 09:00", "2026-11-30 09:00"),
        ("2026-11-25 12:00", "2026-11-30 09:00"),
        ("2026-11-29 23:59", "2026-11-30 09:00"),
    ],
)
def test_next_time_is_the_first_after_now(now: str, due: str) -> None:
    read = [datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=SEOUL) for text in (now, due)]
    assert next_time("Mon 09:00", read[0]) == read[1]


@pytest.mark.parametrize("schedule", ["monday 09:00", "mon", "mon 25:00", "09:00"])
def test_malformed_schedules_are_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        next_time(schedule, datetime.now(SEOUL))


@pytest.mark.parametrize(
    ("now", "due", "hours"),
    [
        ("2026-03-28 09:00", "2026-03-29 09:00", 23),  # clocks go forward in between
        ("2026-10-24 09:00", "2026-10-25 09:00", 25),
        ("2026-11-23 09:00", "2026-11-30 09:00", 168),
    ],
)
def test_a_change_of_the_clocks_moves_no_mail(now: str, due: str, hours: int) -> None:
    begin, end = (datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")) for text in (now, due))
    assert seconds_until(end, begin) == hours * 3600
