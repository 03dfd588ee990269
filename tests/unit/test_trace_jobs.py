"""The jobs of the traces: which indices end, which hours are counted, what becomes of a failed job."""

from __future__ import annotations

import base64
import struct
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.jiucom.platform.plugins.filter.java import java_truststore
from trace_jobs import __main__ as program
from trace_jobs.dependencies import hours
from trace_jobs.retention import ended
from trace_jobs.settings import Settings
from trace_jobs.store import StoreError

TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("days", "gone"),
    [
        (0, []),
        (
            1,
            [
                "zipkin-dependency-2026-02-27",
                "zipkin-span-2026-02-28",
                "zipkin-span-2026-03-01",
                "zipkin:span-2026-01-31",
            ],
        ),
        (2, ["zipkin-dependency-2026-02-27", "zipkin-span-2026-02-28", "zipkin:span-2026-01-31"]),
        (4, ["zipkin:span-2026-01-31"]),
        (400, []),
    ],
)
def test_the_last_days_stay_and_so_does_what_zipkin_did_not_name(days: int, gone: list[str]) -> None:
    ours = [
        "zipkin-span-2026-03-02",
        "zipkin-span-2026-03-01",
        "zipkin-span-2026-02-28",
        "zipkin-dependency-2026-02-27",
    ]
    others = [
        "zipkin-span-2026-02-30",
        "zipkin-span-2020-01-01-copy",
        "zipkin2-span-2020-01-01",
        "zipkin-autocomplete-2020-01-01",
    ]
    assert ended([*ours, *others, "zipkin:span-2026-01-31"], "zipkin", days, TODAY) == gone


def test_a_prefix_is_no_pattern() -> None:
    assert ended(["zipkin-span-2020-01-01"], "z.pkin", 1, TODAY) == []


def at(hour: int, minute: int = 0, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def test_hours_since_the_last_run_are_counted_the_last_two_again() -> None:
    assert hours(at(9), at(10, 5)) == [at(8), at(9), at(10)]
    assert hours(at(10), at(10, 59)) == [at(9), at(10)]
    first = hours(None, at(1, 30))
    assert (first[0], first[-1], len(first)) == (at(0, day=1), at(1), 26)
    # Away for days: older ones are not counted any more, as after a start.
    assert hours(at(9) - timedelta(days=5), at(1, 30)) == first


class Broken:
    def __init__(self, *_: object) -> None:
        """Without a store."""

    def ask(self, *_: object) -> Any:
        raise StoreError("nobody answers")

    indices = ask


def test_a_job_that_fails_is_tried_again_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "Store", Broken)
    jobs = program.Jobs(Settings(["http://127.0.0.1:1"], "zipkin", 3, 0))
    for _ in range(2):
        jobs.run()
        said = capsys.readouterr().err
        assert "retention: nobody answers" in said
        assert "figures: nobody answers" in said
        assert 'jiucom_traces_job_failed{job_name="retention"} 1\n' in jobs.page
        assert "jiucom_traces_store_up 0.0\n" in jobs.page
    assert "success" not in jobs.page


def test_java_reads_the_same_bytes_for_the_same_authorities() -> None:
    body = base64.b64encode(b"certificate").decode()
    pem = f"text\n-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    store = base64.b64decode(java_truststore(pem * 2))
    assert store[:12] == struct.pack(">III", 0xFEEDFEED, 2, 2)
    assert store.count(b"certificate") == 2
    assert java_truststore(pem) == java_truststore(pem)
    with pytest.raises(AnsibleFilterError, match="tracing_elasticsearch_ca"):
        java_truststore("no PEM")
