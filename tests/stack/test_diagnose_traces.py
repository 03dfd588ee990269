"""What the jobs of the traces show is told by the doctor, with what to type (H2, H3.3)."""

from __future__ import annotations

import subprocess
import time

from ansible_collections.jiucom.platform.plugins.module_utils.diagnosis import healthy

from testing.images import image

from .conftest import Start
from .diagnose import diagnose, told

# A file that passes for what the jobs show, with the page's address as any.
SERVE = "mkdir /tmp/page && cd /tmp/page && exec python -c '{}'"
SERVER = """
from http.server import *
class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(open("/tmp/page/figures", "rb").read())
    def log_message(self, *_): pass
print("retention: the store said no", flush=True)
ThreadingHTTPServer(("", 9412), Page).serve_forever()
"""
SOUND = {
    "store_up": 1,
    "store_status": 1,
    "read_only_indices": 0,
    "disk_available_bytes": 3 * 2**30,
    "disk_total_bytes": 9 * 2**30,
    'job_failed{job_name="retention"}': 0,
}


def show(container: str, **changes: float) -> None:
    text = "".join(f"jiucom_traces_{name} {value}\n" for name, value in (SOUND | changes).items())
    command = ["docker", "exec", "-i", container, "sh", "-c", "cat > /tmp/page/figures"]
    subprocess.run(command, input=text, text=True, check=True)


def test_the_store_of_the_traces(start: Start, name: str) -> None:
    health = ("--health-interval", "1s", "--health-cmd", "test -s /tmp/page/figures")
    container = start(
        "trace-jobs", image("python"), "-c", SERVE.format(SERVER), options=("--entrypoint", "sh", *health)
    )
    ports = {"trace-jobs": 9412, "opensearch": 9200}

    def seen() -> set[tuple[str, str]]:
        return told(diagnose("tracing", project=name, ports=ports))

    show(container)
    end = time.monotonic() + 60
    while not healthy(name, "trace-jobs"):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert seen() == set()
    show(container, store_up=0)
    assert seen() == {("trace-jobs", "trace store not reached")}
    show(container, read_only_indices=4)
    assert seen() == {("trace-jobs", "trace store full")}
    assert "4 indices are read-only, 3.0 of 9.0 GB" in diagnose("tracing", project=name, ports=ports)[0]["seen"]
    show(container, store_status=2)
    assert seen() == {("trace-jobs", "trace store red")}
    show(container, **{'job_failed{job_name="retention"}': 1})
    assert seen() == {("trace-jobs", "trace job failed")}
    assert "the store said no" in diagnose("tracing", project=name, ports=ports)[0]["seen"]
