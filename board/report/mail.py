"""The mail: composed from what Prometheus knows, drawn as board draws it, handed to a mail server."""

import smtplib
import ssl
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2
import resvg_py
import yaml

from board import render
from board.prometheus import Prometheus
from board.provisioning import Boards, datasources
from board.timerange import TimeRange, seconds
from board.units import format_value
from board.variables import fill

_HERE = Path(__file__).parent
_IMPLICIT_TLS = 465  # the port whose connections are encrypted from the start
_FIRED = 'sort_desc(sum by (alertname, severity) (count_over_time(ALERTS{alertstate="firing"}[7d])))'


async def compose(env: Mapping[str, str]) -> EmailMessage:
    """Write the mail: the week's figures beside the last one's, the alerts that fired, the main dashboard's graphs.

    Raises QueryError where a figure cannot be had; a graph that cannot says so in its place.
    """
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
    graphs = [(view, make_msgid()) for view in views if view.panel.type == "timeseries"]

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
        if view.svg:  # without one, the page says what is wrong
            image = resvg_py.svg_to_bytes(svg_string=view.svg, background="#ffffff", zoom=2)
            html.add_related(bytes(image), "image", "png", cid=cid)
    return mail


def send(mail: EmailMessage, env: Mapping[str, str]) -> None:
    """Hand the mail to the server of SMTP_HOST. Raises OSError or SMTPException when it does not take it."""
    host, port, tls = env["SMTP_HOST"], int(env.get("SMTP_PORT", "25")), ssl.create_default_context()
    encrypted = port == _IMPLICIT_TLS
    server = (
        smtplib.SMTP_SSL(host, port, timeout=30, context=tls) if encrypted else smtplib.SMTP(host, port, timeout=30)
    )
    with server:
        if not encrypted and env.get("SMTP_STARTTLS", "false").lower() == "true":
            server.starttls(context=tls)
        if user := env.get("SMTP_USERNAME"):
            server.login(user, Path(env["SMTP_PASSWORD_FILE"]).read_text().strip())
        server.send_message(mail)
