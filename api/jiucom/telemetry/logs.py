"""Logs: one JSON object per line. Levels change at run time through the standard logging module."""

import logging
import sys
from datetime import datetime
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import msgspec

from jiucom.telemetry import tracing

_encode = msgspec.json.Encoder(enc_hook=str).encode


class JsonFormatter(logging.Formatter):
    """`time level logger message`, what the record's `fields` hold, the trace id, and the traceback."""

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__()
        self._zone = zone

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, self._zone),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields = getattr(record, "fields", None)
        if fields:
            line |= fields
        elif (trace := tracing.current()) is not None:
            line["traceId"] = trace.hex_id
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return _encode(line).decode()


def configure(level: str, zone: str, stream: TextIO | None = None) -> None:
    """Log to `stream` (default: standard output), from `level` on."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonFormatter(ZoneInfo(zone)))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # MySQL's warnings quote values of rows.
    logging.getLogger("asyncmy").setLevel(logging.ERROR)
    logging.getLogger("databases").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
