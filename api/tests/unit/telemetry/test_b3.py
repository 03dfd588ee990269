"""B3 headers in both forms (E2)."""

import pytest

from jiucom.telemetry.b3 import Incoming, extract

TRACE, SPAN = "463ac35c9f6413ad48485a3953bb6124", "a2fb4a1d1a96d312"
IDS = (int(TRACE, 16), int(SPAN, 16))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, Incoming()),
        ({"b3": "0"}, Incoming(sampled=False)),
        ({"b3": "1"}, Incoming(sampled=True)),
        ({"b3": "d"}, Incoming(sampled=True)),
        ({"b3": f"{TRACE}-{SPAN}"}, Incoming(*IDS)),
        ({"b3": f"{TRACE}-{SPAN}-0"}, Incoming(*IDS, sampled=False)),
        ({"b3": f"{TRACE.upper()}-{SPAN}-1-{SPAN}"}, Incoming(*IDS, sampled=True)),
        ({"x-b3-traceid": TRACE, "x-b3-spanid": SPAN}, Incoming(*IDS)),
        ({"x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-sampled": "0"}, Incoming(*IDS, sampled=False)),
        ({"x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-sampled": "true"}, Incoming(*IDS, sampled=True)),
        ({"x-b3-sampled": "0", "x-b3-flags": "1"}, Incoming(sampled=True)),
        ({"x-b3-sampled": "0"}, Incoming(sampled=False)),
        ({"x-b3-traceid": TRACE}, Incoming(IDS[0], int(TRACE[16:], 16))),
        ({"x-b3-traceid": SPAN, "x-b3-spanid": SPAN}, Incoming(IDS[1], IDS[1])),
        ({"b3": f"{TRACE}-{SPAN}-1", "x-b3-sampled": "0"}, Incoming(*IDS, sampled=True)),
        ({"x-b3-traceid": "0" * 32, "x-b3-spanid": SPAN, "x-b3-sampled": "1"}, Incoming(sampled=True)),
        ({"x-b3-traceid": "xyz", "x-b3-sampled": "1"}, Incoming(sampled=True)),
        ({"b3": f"{TRACE[:20]}-{SPAN}-1"}, Incoming(sampled=True)),
        ({"b3": "garbage"}, Incoming()),
    ],
)
def test_extract(headers: dict[str, str], expected: Incoming) -> None:
    assert extract([(name.encode(), value.encode()) for name, value in headers.items()]) == expected
