"""Each panel of `jiucom-main` beside an independent count (D5): `python -m tools.dashboards.compare [MINUTES]`.

Sends traffic to the platform that runs on this machine (8 requests per second, five minutes unless told otherwise) and prints
a table: what the panel's own query says, what the load generator, nginx's log, SHOW STATUS, INFO and the cgroup say. Ends
with 1 when a value is further away than 10 %. Run it as root where the platform runs, and on a quiet platform.
"""

import json
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
GATEWAY, PROMETHEUS = "http://127.0.0.1", "http://127.0.0.1:9090"
PATHS = ("/parts?page=0", "/part?category=CPU", "/parts/categories", "/parts/1", "/parts/99999", "/parts?minPrice={}")
RATE = 8


def run(*command: str, stdin: str = "") -> str:
    """Run a command and return its output."""
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True, timeout=60).stdout


def container(service: str) -> str:
    """Return the id of a service's container."""
    labels = ["label=com.docker.compose.project=jiucom", f"label=com.docker.compose.service={service}"]
    return run("docker", "ps", "-q", "--no-trunc", "--filter", labels[0], "--filter", labels[1]).split()[0]


def mysql_status() -> dict[str, float]:
    """SHOW GLOBAL STATUS, as the exporter's account."""
    options = Path("/opt/jiucom/mysql-exporter/secrets/my.cnf").read_text()
    command = ["mysql", "--defaults-extra-file=/dev/stdin", "-h", "127.0.0.1", "-N", "-e", "SHOW GLOBAL STATUS"]
    rows = run("docker", "exec", "-i", container("mysql"), *command, stdin=options).splitlines()
    return {name: float(value) for name, value in (row.split("\t") for row in rows) if value.replace(".", "").isdigit()}


def redis_info() -> dict[str, str]:
    """INFO, as the exporter's account."""
    (secret,) = json.loads(Path("/opt/jiucom/redis-exporter/secrets/passwords.json").read_text()).values()
    login = f"AUTH exporter {secret}\nINFO\n"
    rows = run("docker", "exec", "-i", container("redis"), "redis-cli", stdin=login).splitlines()
    return dict(row.split(":", 1) for row in rows if ":" in row)


def memory() -> float:
    """What the kernel counts for app's container against its limit, without the file cache that it can drop."""
    directory = next(Path("/sys/fs/cgroup").glob(f"**/*{container('app')}*/memory.usage_in_bytes")).parent
    stat = dict(row.split() for row in (directory / "memory.stat").read_text().splitlines())
    return float((directory / "memory.usage_in_bytes").read_text()) - float(stat["total_inactive_file"])


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


def upstream_seconds(since: float) -> list[float]:
    """The latencies of app that nginx logged."""
    lines = run("docker", "logs", "--since", str(int(since)), container("nginx")).splitlines()
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    return [float(e["upstream_seconds"]) for e in entries if e["uri"].startswith("/api/v1/") and e["upstream_seconds"]]


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
    begun, before, seconds = time.time(), mysql_status(), minutes * 60
    statuses = traffic(seconds)
    ended, after, info, used = time.time(), mysql_status(), redis_info(), memory()
    lasted, window = ended - begun, int(seconds) - 30  # the first and the last scrape are never quite at the ends
    shown = panels(window)
    logged = upstream_seconds(begun)
    rest = 1 / 15 + 1 / 10  # Prometheus's scrapes and the container's health check
    percent = statistics.quantiles(logged, n=100)
    process = run("docker", "exec", container("app"), "cat", "/proc/1/status")
    counted: dict[tuple[str, str], float] = {
        ("API status", "API status"): float(httpx.get(f"{GATEWAY}/api/v1/actuator/health").status_code == 200),
        ("Memory used", "Memory used"): 100 * used / 2**30,
        ("Request rate", "Request rate"): statuses.total() / lasted + rest,
        ("5xx share", "5xx share"): 100 * sum(n for status, n in statuses.items() if status >= 500) / statuses.total(),
        ("Mean latency", "mean"): statistics.fmean(logged),
        ("Requests by status", "200"): statuses[200] / lasted + rest,
        ("Requests by status", "404"): statuses[404] / lasted,
        ("Latency percentiles", "p50"): percent[49],
        ("Latency percentiles", "p99"): percent[98],
        ("Memory", "used"): used,
        ("Memory", "process RSS"): 1024 * float(process.split("VmRSS:")[1].split()[0]),
        ("Threads", "Threads"): float(process.split("Threads:")[1].split()[0]),
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
        f"\n{statuses.total()} requests in {lasted:.0f} s; {far} values further than 10 % apart; not shown: {list(counted)}"
    )
    return int(far > 0 or bool(counted))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 5))
