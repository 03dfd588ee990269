"""The weekly report (H3.5): composed from a real Prometheus, taken by a real SMTP server."""

from __future__ import annotations

import email
import os
import re
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

from board.report import next_time

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
        "PYTHONPATH": str(ROOT / "files/images/grafana"),
        "PATH": os.environ["PATH"],
        "REPORT_FROM": "board@jiucom.example",
        "REPORT_TO": "a@jiucom.example, b@jiucom.example",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(smtp_port),
        "TZ": "Asia/Seoul",
    }


def run(board: Board, smtp_port: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "board.report"]
    return subprocess.run(
        command, env=settings(board, smtp_port), capture_output=True, text=True, timeout=120, check=False
    )


def test_mail_has_the_figures_the_alerts_and_the_graphs(new_board: Board, smtp: tuple[int, Inbox]) -> None:
    port, inbox = smtp
    done = run(new_board, port)
    assert done.returncode == 0, done.stderr
    (mail,) = inbox.mails
    assert re.fullmatch(r"JIUCOM 주간 보고 \d\d/\d\d - \d\d/\d\d", mail["Subject"])
    assert mail["To"] == "a@jiucom.example, b@jiucom.example"

    html = mail.get_body(("html",))
    assert html is not None
    text = html.get_content()
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


def test_when_the_next_mail_is_due_can_be_read(new_board: Board, tmp_path: Path) -> None:
    """The health check compares it with now: a mail that is due and not sent makes the service ill."""
    environment = settings(new_board, free_port()) | {"REPORT_AT": "mon 09:00", "TMPDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-m", "board.report"], env=environment, stdout=subprocess.DEVNULL)
    try:
        due = eventually(lambda: (tmp_path / "report.due").is_file() and (tmp_path / "report.due").read_text())
        assert datetime.fromtimestamp(int(due), SEOUL) == next_time("mon 09:00", datetime.now(SEOUL))
    finally:
        process.terminate()
        process.wait(10)


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
