"""Send the report: `python3 -m report`, once now, or with REPORT_AT (such as `mon 09:00`) every week."""

import asyncio
import os
import smtplib
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from board.prometheus import QueryError

from .mail import compose, send
from .schedule import next_time, seconds_until

# When the next mail is due, in seconds since the epoch: in the past, a mail is missing. Health checks read it, and so does a
# container that starts again, after a host's power cut too; only a container that is made anew knows of no missing mail.
_DUE = Path(tempfile.gettempdir(), "report.due")
_PAUSE = 600  # seconds between two attempts
_LOOK = 30  # seconds between two looks at the clock: it may be set, and a host may sleep


def deliver(env: Mapping[str, str]) -> bool:
    """Compose and send; says whether that was done, and on standard error what was in the way."""
    try:
        send(asyncio.run(compose(env)), env)
    except (OSError, smtplib.SMTPException, QueryError) as fault:
        print(f"report: not sent: {fault!r}", file=sys.stderr, flush=True)
        return False
    return True


def remembered(zone: ZoneInfo) -> datetime | None:
    """Return when the mail was due that this container waited for when it ended."""
    try:
        return datetime.fromtimestamp(int(_DUE.read_text()), zone)
    except (OSError, ValueError):  # none, or half-written
        return None


def main(env: Mapping[str, str] = os.environ) -> None:
    """Send now, or at each REPORT_AT for as long as the process lives, again and again until it is sent."""
    if not env.get("REPORT_AT"):
        sys.exit(not deliver(env))
    zone = ZoneInfo(env.get("TZ", "UTC"))
    due = remembered(zone)
    while True:
        due = due or next_time(env["REPORT_AT"], datetime.now(zone))
        print(f"report: next at {due.isoformat()}", flush=True)
        _DUE.write_text(f"{due.timestamp():.0f}")
        while (left := seconds_until(due, datetime.now(UTC))) > 0:
            time.sleep(min(left, _LOOK))
        while not deliver(env):
            time.sleep(_PAUSE)
        due = None


if __name__ == "__main__":
    main()
