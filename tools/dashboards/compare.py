"""Each panel of `jiucom-main` beside an independent count (D5): `python -m tools.dashboards.compare [MINUTES]`.

Sends traffic to the platform that runs on this machine (12 requests per second, five minutes unless told otherwise) and prints
a table: what the panel's own query says, what logs, SHOW STATUS, INFO, /proc and the cgroups say. nginx's log counts
requests, because others may be there; it must have ours. Latencies are those of the API's own log lines: nginx also measures
how long a busy machine takes to get to a request, and its mean is printed below.

While it runs, the table `builds` is locked, so that one request after the other for `/builds` ends in a 503 at its deadline:
without errors the panel of errors would be compared with nothing. They are less than the 1 % that an alert tells.

Ends with 1 when a value is further away than 10 %, a percentile is not in its bucket, or a value has no count and no reason.
Run it as root where the platform runs, on a quiet platform that nobody needs meanwhile.
"""

import json
import random
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tools.dashboards import counts
from tools.dashboards.judge import Count, Key, in_bucket, near, percentile, table

ROOT = Path(__file__).resolve().parents[2]
GATEWAY, PROMETHEUS = "http://127.0.0.1", "http://127.0.0.1:9090"
# Half of them from the database: nginx logs whole milliseconds, which is no measure of answers from a cache.
PATHS = ("/parts?page=0", "/parts/1", "/parts/99999", "/parts?minPrice={}", "/parts?maxPrice={}", "/posts?keyword={}")
RATE = 12
SCRAPE = 15.0  # s
UNCOUNTED = {
    "GC pauses": "seen by nobody but the process itself",
    "Database pool: waiting": "who waits for the pool has not reached MySQL",
}


def fail(client: httpx.Client) -> None:
    """Ask for what is locked. Raises RuntimeError when the answer is no 5xx."""
    status = client.get(f"/builds?size={random.randrange(1, 50)}").status_code  # noqa: S311
    if status < 500:
        raise RuntimeError(f"/builds answers {status} though its table is locked")


@contextmanager
def failing(client: httpx.Client, failed: list[float]) -> Iterator[None]:
    """Let requests fail one after the other meanwhile, and write into `failed` when."""
    over = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            fail(client)
            failed.append(time.time())

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


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


def panels(window: int) -> dict[Key, float]:
    """Answer every query of the English board over the last `window` seconds, by title and legend."""
    model = json.loads((ROOT / "files/dashboards/jiucom-main.en.json").read_text())
    found: dict[Key, float] = {}
    for panel in (panel for panel in model["panels"] if panel["type"] != "row"):
        for target in panel["targets"]:
            expr = target["expr"].replace("$__rate_interval", f"{window}s").replace("[5m]", f"[{window}s]")
            answer = httpx.post(f"{PROMETHEUS}/api/v1/query", data={"query": expr}).json()
            for item in answer["data"]["result"]:
                name = target["legendFormat"]
                for label, value in item["metric"].items():
                    name = name.replace("{{" + label + "}}", value)
                found[panel["title"], name] = float(item["value"][1])
    return found


def counted_requests(begun: float, ended: float, replicas: int, known: set[int]) -> dict[Key, Count]:
    """The overview's and HTTP's panels, from the logs since `begun`; `known` statuses that nobody was answered are none."""
    lasted = ended - begun
    logged = counts.answers(begun)
    statuses = Counter(int(each["status"]) for each in logged)
    traffic = Counter(int(each["status"]) for each in logged if not each["uri"].startswith("/api/v1/actuator"))
    errors = sum(n for status, n in traffic.items() if status >= 500)
    took = counts.latencies(begun)
    machines = replicas * (1 / SCRAPE + 1 / 10)  # Prometheus's scrapes and the containers' health checks
    return {
        ("API status", "API status"): near(httpx.get(f"{GATEWAY}/api/v1/actuator/health").status_code == 200),
        ("Request rate", "Request rate"): near(statuses.total() / lasted + machines),
        ("5xx share", "5xx share"): near(100 * errors / traffic.total()),
        ("Mean latency", "mean"): near(statistics.fmean(took)),
        # It forgets after two to three minutes.
        ("Mean latency", "max"): near(max(counts.latencies(ended - 120))),
        **{
            ("Requests by status", str(status)): near(
                statuses[status] / lasted + (status == 200) * machines, slack=0.02
            )
            for status in known | statuses.keys()
        },
        **{
            ("Latency percentiles", f"p{quantile}"): in_bucket(percentile(took, quantile / 100))
            for quantile in (50, 95, 99)
        },
    }


def counted_runtime(replicas: list[str]) -> dict[Key, Count]:
    """The processes' panels, from the kernel and Docker, and the pool as MySQL sees it."""
    used, limits = [[of(each) for each in replicas] for of in (counts.memory, counts.memory_limit)]
    settings = [counts.environment(each) for each in replicas]
    open_now = counts.connections(settings[0]["DB_USERNAME"])
    return {
        ("Memory used", "Memory used"): near(100 * max(u / limit for u, limit in zip(used, limits, strict=True))),
        ("Threads", "Threads"): near(max(counts.process(each, "Threads") for each in replicas)),
        ("Memory", "used"): near(sum(used)),
        ("Memory", "process RSS"): near(1024 * sum(counts.process(each, "VmRSS") for each in replicas)),
        ("Memory", "limit"): near(sum(limits)),
        # At the end nobody asks: a statement of a job may be under way.
        ("Database pool", "used"): near(open_now["used"], slack=1),
        ("Database pool", "idle"): near(open_now["idle"], slack=1),
        ("Database pool", "size"): near(sum(int(each["DB_POOL_SIZE"]) for each in settings)),
    }


def counted_stores(before: dict[str, float], after: dict[str, float], lasted: float, window: int) -> dict[Key, Count]:
    """MySQL's and Redis's panels, from SHOW STATUS before and after and from INFO."""
    info = counts.redis_info()
    rates = {name: (after[name] - before[name]) / lasted for name in after if name in before}
    return {
        ("Redis clients", "connected"): near(float(info["connected_clients"])),
        ("Redis clients", "blocked"): near(float(info["blocked_clients"])),
        ("Redis memory", "used"): near(float(info["used_memory"])),
        ("Redis memory", "limit"): near(float(info["maxmemory"])),
        ("MySQL queries", "all"): near(rates["Queries"]),
        **{
            # Jobs write a few rows now and then.
            ("MySQL queries", command): near(rates[f"Com_{command}"], slack=0.1)
            for command in ("select", "insert", "update", "delete")
        },
        ("MySQL threads", "connected"): near(after["Threads_connected"]),
        # Who asks is one of them, and jobs come and go.
        ("MySQL threads", "running"): near(after["Threads_running"], slack=2),
        ("MySQL slow queries", "in 5 min"): near(rates["Slow_queries"] * window, slack=1),
    }


def main(minutes: float) -> int:
    """Measure, print the table, and return the exit code."""
    replicas, failed = counts.containers("app"), list[float]()
    database = counts.environment(replicas[0])["DB_NAME"]
    with counts.locked(database, "builds"), httpx.Client(base_url=f"{GATEWAY}/api/v1", timeout=60) as client:
        fail(client)  # makes the series, whose first value no rate() sees
        time.sleep(2 * SCRAPE)
        begun, before = time.time(), counts.mysql_status()
        with failing(client, failed):
            sent = traffic(minutes * 60)
            ended, after = time.time(), counts.mysql_status()
            window = int(ended - begun) - 30  # the first and the last scrape are never quite at the ends
            shown = panels(window)
            counted = counted_stores(before, after, ended - begun, window)
            known = {int(status) for title, status in shown if title == "Requests by status"}
            counted |= counted_requests(begun, ended, len(replicas), known)
    time.sleep(2 * SCRAPE)
    runtime = counted_runtime(replicas)
    shown |= {key: value for key, value in panels(window).items() if key in runtime}
    rows, faults = table(shown, counted | runtime, UNCOUNTED)
    logged = counts.answers(begun)
    proxied = [float(each["upstream_seconds"].split(",")[-1]) for each in logged]  # the last of several tries
    if len(logged) < sent.total() + len(failed):
        faults.append(f"nginx logged {len(logged)} answers, sent were {sent.total() + len(failed)}")
    print("\n".join(rows))
    print(
        f"\n{sent.total()} requests sent in {ended - begun:.0f} s, and {len(failed)} that had to fail; {len(logged)} answers "
        f"logged by nginx, with a mean of {statistics.fmean(proxied):.4f} s; {len(faults)} faults"
    )
    print("".join(f"- {fault}\n" for fault in faults), end="")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 5))
