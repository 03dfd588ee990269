"""The week by mail: `python3 -m board.report`, once now, or with REPORT_AT (such as `mon 09:00`) every week."""

import asyncio
import os
import smtplib
import ssl
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2
import resvg_py
import yaml

from . import render
from .prometheus import Prometheus, QueryError
from .provisioning import Boards, datasources
from .timerange import TimeRange, seconds
from .units import format_value
from .variables import fill

_HERE = Path(__file__).parent
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# When the next mail is due, in seconds since the epoch: in the past, a mail is missing. Health checks read it.
_DUE = Path(tempfile.gettempdir(), "report.due")
_FIRED = 'sort_desc(sum by (alertname, severity) (count_over_time(ALERTS{alertstate="firing"}[7d])))'


async def compose(env: Mapping[str, str]) -> EmailMessage:
    """Write the mail: the week's figures beside the last one's, the alerts that fired, the main dashboard's graphs."""
    provisioning = Path(env.get("GF_PATHS_PROVISIONING", "/etc/grafana/provisioning"))
    source = next(item for item in datasources(provisioning) if item["type"] == "prometheus")
    zone = ZoneInfo(env.get("TZ", "UTC"))
    prometheus = Prometheus(source["url"], patience=120)
    span = TimeRange.parse("now-7d", "now", seconds(source.get("jsonData", {}).get("timeInterval", "15s")))
    # One after the other: a report is in no hurry, and Prometheus has half a core.
    figures: dict[str, list[str]] = {}
    for figure in yaml.safe_load((_HERE / "report.yml").read_text()):
        for past in ("", "offset 7d"):
            found = await prometheus.instant(fill(figure["expr"], {"past": past}), span.last)
            text = format_value(found[0].points[-1][1], figure["unit"], figure.get("decimals")) if found else "–"
            figures.setdefault(figure["name"], []).append(text)
    fired = [
        (line.labels["alertname"], line.labels["severity"], f"{line.points[-1][1] * span.scrape / 60:.0f}")
        for line in await prometheus.instant(_FIRED, span.last)
    ]
    _, views = await render.dashboard(Boards(provisioning).all()["jiucom-main"].model, {}, prometheus, span, zone)
    graphs = [(view, make_msgid()) for view in views if view.panel.type == "timeseries" and view.svg]

    until = datetime.fromtimestamp(span.last, zone)
    mail = EmailMessage()
    mail["Subject"] = f"JIUCOM 주간 보고 {until - timedelta(7):%m/%d} - {until:%m/%d}"
    mail["From"], mail["To"] = env["REPORT_FROM"], env["REPORT_TO"]
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid()
    mail.set_content("\n".join(f"{name}: {now} (지난주 {past})" for name, (now, past) in figures.items()))
    templates = jinja2.Environment(loader=jinja2.FileSystemLoader(_HERE / "templates"), autoescape=True)
    url = f"{env.get('GF_SERVER_ROOT_URL', '').rstrip('/')}/d/jiucom-main"
    page = templates.get_template("report.html")
    mail.add_alternative(page.render(mail=mail, figures=figures, fired=fired, graphs=graphs, url=url), subtype="html")
    html = list(mail.iter_parts())[-1]
    for view, cid in graphs:
        image = resvg_py.svg_to_bytes(svg_string=view.svg, background="#ffffff", zoom=2)
        html.add_related(bytes(image), "image", "png", cid=cid)
    return mail


def send(mail: EmailMessage, env: Mapping[str, str]) -> None:
    """Hand the mail to the server of SMTP_HOST. Raises OSError or SMTPException when it does not take it."""
    with smtplib.SMTP(env["SMTP_HOST"], int(env.get("SMTP_PORT", "25")), timeout=30) as server:
        if env.get("SMTP_STARTTLS", "false").lower() == "true":
            server.starttls(context=ssl.create_default_context())
        if user := env.get("SMTP_USERNAME"):
            server.login(user, Path(env["SMTP_PASSWORD_FILE"]).read_text().strip())
        server.send_message(mail)


def next_time(schedule: str, now: datetime) -> datetime:
    """Return the first `mon 09:00` after `now`, in its zone. Raises ValueError for another form."""
    day, _, clock = schedule.lower().partition(" ")
    at = datetime.strptime(clock, "%H:%M").time()
    first = datetime.combine(now.date() + timedelta((_DAYS.index(day) - now.weekday()) % 7), at, now.tzinfo)
    return first if first > now else first + timedelta(7)


def deliver(env: Mapping[str, str], attempts: int) -> None:
    """Compose and send, after ten minutes again where that failed; ends the process when `attempts` are used up."""
    for left in reversed(range(attempts)):
        try:
            send(asyncio.run(compose(env)), env)
            return
        except (OSError, smtplib.SMTPException, QueryError) as fault:
            print(f"board.report: {fault!r}, {left} attempts left", file=sys.stderr, flush=True)
            time.sleep(600 if left else 0)
    sys.exit(1)


def main(env: Mapping[str, str] = os.environ) -> None:
    """Send now, or at each REPORT_AT for as long as the process lives."""
    if not env.get("REPORT_AT"):
        deliver(env, 1)
        return
    while True:
        now = datetime.now(ZoneInfo(env.get("TZ", "UTC")))
        due = next_time(env["REPORT_AT"], now)
        print(f"board.report: next at {due.isoformat()}", flush=True)
        _DUE.write_text(f"{due.timestamp():.0f}")
        time.sleep((due - now).total_seconds())
        deliver(env, 6)


if __name__ == "__main__":
    main()
