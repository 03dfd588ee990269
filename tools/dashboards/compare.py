"""Each panel of `jiucom-main` beside an independent count (D5): `python -m tools.dashboards.compare [MINUTES]`.

Sends traffic to the platform that runs on this machine (8 requests per second, five minutes unless told otherwise) and prints
a table: what the panel's own query says, what nginx's log, SHOW STATUS, INFO, /proc and the cgroups say. nginx's log counts
requests, because others may be there; it must have ours. Latencies are those of the API's own log lines: nginx also measures
how long a busy machine takes to get to a request, and its mean is printed below. Ends with 1 when a value is further away
than 10 %. Run it as root where the platform runs, and on a quiet platform.
"""

import json
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
GATEWAY, PROMETHEUS = "http://127.0.0.1", "http://127.0.0.1:9090"
# Half of them from the database: nginx logs whole milliseconds, which is no measure of answers from a cache.
PATHS = ("/parts?page=0", "/parts/1", "/parts/99999", "/parts?minPrice={}", "/parts?maxPrice={}", "/posts?keyword={}")
RATE = 8
BUCKETS = (0.005, 0.025, 0.1, 0.5, 2.5)  # s, as jiucom.telemetry.http_metrics has them


def run(*command: str, stdin: str = "") -> str:
    """Run a command and return its output."""
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True, timeout=60).stdout


def containers(service: str) -> list[str]:
    """Return the ids of a service's containers."""
    labels = ["label=com.docker.compose.project=jiucom", f"label=com.docker.compose.service={service}"]
    return run("docker", "ps", "-q", "--no-trunc", "--filter", labels[0], "--filter", labels[1]).split()


def mysql_status() -> dict[str, float]:
    """SHOW GLOBAL STATUS, as the exporter's account."""
    options = Path("/opt/jiucom/mysql-exporter/secrets/my.cnf").read_text()
    command = ["mysql", "--defaults-extra-file=/dev/stdin", "-h", "127.0.0.1", "-N", "-e", "SHOW GLOBAL STATUS"]
    rows = run("docker", "exec", "-i", *containers("mysql"), *command, stdin=options).splitlines()
    return {name: float(value) for name, value in (row.split("\t") for row in rows) if value.replace(".", "").isdigit()}


def redis_info() -> dict[str, str]:
    """INFO, as the exporter's account."""
    (secret,) = json.loads(Path("/opt/jiucom/redis-exporter/secrets/passwords.json").read_text()).values()
    login = f"AUTH exporter {secret}\nINFO\n"
    rows = run("docker", "exec", "-i", *containers("redis"), "redis-cli", stdin=login).splitlines()
    return dict(row.split(":", 1) for row in rows if ":" in row)


def memory(replica: str) -> float:
    """What the kernel counts for a container against its limit (cgroup v2 or v1), without file cache that it can drop."""
    for name, reclaimable in (("memory.current", "inactive_file"), ("memory.usage_in_bytes", "total_inactive_file")):
        for file in Path("/sys/fs/cgroup").glob(f"**/*{replica}*/{name}"):
            stat = dict(row.split() for row in (file.parent / "memory.stat").read_text().splitlines())
            return float(file.read_text()) - float(stat[reclaimable])
    raise LookupError(f"no cgroup of {replica}")


def process(replica: str, field: str) -> float:
    """A number of a replica's own process, from /proc."""
    status = run("docker", "exec", replica, "cat", "/proc/1/status")
    return float(status.split(f"{field}:")[1].split()[0])


def traffic(seconds: float) -> Counter[int]:
    """Send requests at an even pace and count the answers by status."""
    statuses: Counter[int] = Counter()
    begun = time.monotonic()
    with httpx.Client(base_url=f"{GATEWAY}/api/v1", timeout=10) as client:
        while time.monotonic() - begun < seconds:
            path = random.choice(PATHS).format(random.randrange(10**6))  # noqa: S311 - traffic, not secrets
            statuses[client.get(path).status_code] += 1
            time.sleep(max(0.0, begun + statuses.total() / RATE - time.monotonic()))
    return statuses


def answers(since: float) -> list[dict[str, Any]]:
    """The API's answers in nginx's log."""
    entries = log_of("nginx", since)
    return [each for each in entries if each["uri"].startswith("/api/v1/") and each["upstream_seconds"]]


def log_of(service: str, since: float) -> list[dict[str, Any]]:
    """The JSON lines that a service's containers wrote."""
    found = []
    for replica in containers(service):
        lines = run("docker", "logs", "--since", str(int(since)), replica).splitlines()
        found += [json.loads(line) for line in lines if line.startswith("{")]
    return found


def percentile(latencies: list[float], quantile: float) -> float:
    """A percentile as a histogram of the API's buckets shows it, so that counts are compared and not the resolution."""
    wanted, low, below = quantile * len(latencies), 0.0, 0
    for high in BUCKETS:
        inside = sum(low < latency <= high for latency in latencies) + (low == 0) * latencies.count(0)
        if below + inside >= wanted:
            return low + (high - low) * (wanted - below) / inside
        low, below = high, below + inside
    return low


def panels(window: int) -> dict[str, dict[str, float]]:
    """Answer every query of the English board over the last `window` seconds: title, then legend, then value."""
    model = json.loads((ROOT / "files/dashboards/jiucom-main.en.json").read_text())
    found: dict[str, dict[str, float]] = {}
    for panel in (panel for panel in model["panels"] if panel["type"] != "row"):
        for target in panel["targets"]:
            expr = target["expr"].replace("$__rate_interval", f"{window}s").replace("[5m]", f"[{window}s]")
            answer = httpx.post(f"{PROMETHEUS}/api/v1/query", data={"query": expr}).json()
            for item in answer["data"]["result"]:
                name = target["legendFormat"]
                for label, value in item["metric"].items():
                    name = name.replace("{{" + label + "}}", value)
                found.setdefault(panel["title"], {})[name] = float(item["value"][1])
    return found


def main(minutes: float) -> int:
    """Measure, print the table, and return the exit code."""
    replicas = containers("app")
    begun, before, seconds = time.time(), mysql_status(), minutes * 60
    sent = traffic(seconds)
    ended, after, info = time.time(), mysql_status(), redis_info()
    used = [memory(replica) for replica in replicas]
    lasted, window = ended - begun, int(seconds) - 30  # the first and the last scrape are never quite at the ends
    shown = panels(window)
    logged = answers(begun)
    statuses = Counter(int(each["status"]) for each in logged)
    proxied = [float(each["upstream_seconds"].split(",")[-1]) for each in logged]  # the last of several tries
    latencies = [each["ms"] / 1000 for each in log_of("app", begun) if each["message"] == "request"]
    rest = len(replicas) * (1 / 15 + 1 / 10)  # Prometheus's scrapes and the containers' health checks
    counted: dict[tuple[str, str], float] = {
        ("API status", "API status"): float(httpx.get(f"{GATEWAY}/api/v1/actuator/health").status_code == 200),
        ("Memory used", "Memory used"): 100 * max(used) / 2**30,
        ("Request rate", "Request rate"): statuses.total() / lasted + rest,
        ("5xx share", "5xx share"): 100 * sum(n for status, n in statuses.items() if status >= 500) / statuses.total(),
        ("Mean latency", "mean"): statistics.fmean(latencies),
        ("Requests by status", "200"): statuses[200] / lasted + rest,
        ("Requests by status", "404"): statuses[404] / lasted,
        ("Latency percentiles", "p50"): percentile(latencies, 0.5),
        ("Latency percentiles", "p95"): percentile(latencies, 0.95),
        ("Latency percentiles", "p99"): percentile(latencies, 0.99),
        ("Memory", "used"): sum(used),
        ("Memory", "process RSS"): 1024 * sum(process(replica, "VmRSS") for replica in replicas),
        ("Threads", "Threads"): sum(process(replica, "Threads") for replica in replicas),
        ("Redis clients", "connected"): float(info["connected_clients"]),
        ("Redis memory", "used"): float(info["used_memory"]),
        ("Redis memory", "limit"): float(info["maxmemory"]),
        ("MySQL queries", "all"): (after["Queries"] - before["Queries"]) / lasted,
        ("MySQL queries", "select"): (after["Com_select"] - before["Com_select"]) / lasted,
        ("MySQL threads", "connected"): after["Threads_connected"],
        ("MySQL slow queries", "in 5 min"): (after["Slow_queries"] - before["Slow_queries"]) * window / lasted,
    }
    print("| panel | series | panel says | independent count | apart |\n|---|---|---|---|---|")
    far = 0
    for title, values in shown.items():
        for name, value in values.items():
            other = counted.pop((title, name), None)
            apart = "–" if other is None else f"{abs(value - other) / (abs(other) or 1):.1%}"
            far += other is not None and abs(value - other) > 0.1 * abs(other)
            print(f"| {title} | {name} | {value:,.4g} | {'–' if other is None else f'{other:,.4g}'} | {apart} |")
    print(
        f"\n{sent.total()} requests sent in {lasted:.0f} s, {statuses.total()} answers logged by nginx; "
        f"with a mean of {statistics.fmean(proxied):.4f} s; {far} values further than 10 % apart; not shown: {list(counted)}"
    )
    return int(far > 0 or bool(counted) or statuses.total() < sent.total())


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 5))
