"""Metrics of the process: memory and its limit, threads, pauses of the garbage collector, lag of the event loop."""

import asyncio
import gc
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.metrics_core import GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from jiucom.worker import Worker

_LAG_INTERVAL = 0.5
_CGROUP = Path("/sys/fs/cgroup")

# cgroup v1 says "no limit" with a number near 2^63.
_UNLIMITED = 1 << 60


class Runtime(Worker, Collector):
    """Measures from `start`, on the running loop, until `stop`."""

    def __init__(self) -> None:
        self._pauses = {str(generation): [0, 0.0] for generation in range(3)}
        self._longest: list[tuple[float, float]] = []
        self._collecting = 0.0
        self._lag = 0.0

    def start(self) -> None:
        """Begin to watch garbage collections and the loop."""
        gc.callbacks.append(self._on_collection)
        super().start()

    async def stop(self) -> None:
        """Stop measuring."""
        gc.callbacks.remove(self._on_collection)
        await super().stop()

    def _on_collection(self, phase: str, info: dict[str, int]) -> None:
        now = time.perf_counter()
        if phase == "start":
            self._collecting = now
            return
        pause = now - self._collecting
        slot = self._pauses[str(info["generation"])]
        slot[0] += 1
        slot[1] += pause
        # The maximum of the last three minutes, as the HTTP maxima have it.
        self._longest = [(at, p) for at, p in self._longest if at > now - 180 and p > pause]
        self._longest.append((now, pause))

    async def _run(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_LAG_INTERVAL)
            late = max(0.0, time.perf_counter() - before - _LAG_INTERVAL)
            # Rises at once and falls slowly, so that a scrape every 15 s sees a spike.
            self._lag = max(late, self._lag * 0.9)

    def collect(self) -> Iterator[Metric]:
        now = time.perf_counter()
        used, limit = container_memory()
        pauses = SummaryMetricFamily(
            "jiucom_gc_pause_seconds", "Pauses of the garbage collector", labels=["generation"]
        )
        for generation, (count, total) in self._pauses.items():
            pauses.add_metric([generation], int(count), total)
        yield pauses
        longest = max((pause for at, pause in self._longest if at > now - 180), default=0.0)
        yield GaugeMetricFamily("jiucom_gc_pause_seconds_max", "Longest pause of the last 3 minutes", longest)
        yield GaugeMetricFamily("jiucom_threads", "Threads of the process", _threads())
        yield GaugeMetricFamily("jiucom_event_loop_lag_seconds", "How late the event loop runs timers", self._lag)
        yield GaugeMetricFamily("jiucom_memory_used_bytes", "Memory of the container, as its limit counts it", used)
        yield GaugeMetricFamily("jiucom_memory_limit_bytes", "Memory limit of the container, or of the host", limit)


def container_memory(root: Path = _CGROUP) -> tuple[int, int]:
    """Used and allowed bytes: of the container (cgroup v2 or v1), or of the host where there is no limit.

    Page cache that the kernel would give back is not counted as used, as `docker stats` does.
    """
    v2 = (root / "memory.current").exists()
    base = root if v2 else root / "memory"
    used = _number(base / ("memory.current" if v2 else "memory.usage_in_bytes"))
    limit = _number(base / ("memory.max" if v2 else "memory.limit_in_bytes"))
    reclaimable = _stat(base / "memory.stat", "inactive_file" if v2 else "total_inactive_file")
    if used is None:
        used, reclaimable = _resident(), 0
    if limit is None or limit > _UNLIMITED:
        limit = _host_memory()
    return max(used - reclaimable, 0), limit


def _number(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None


def _stat(path: Path, name: str) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name} ")), 0)


def _resident() -> int:
    return _proc_field("/proc/self/status", "VmRSS") * 1024


def _host_memory() -> int:
    return _proc_field("/proc/meminfo", "MemTotal") * 1024


def _proc_field(path: str, name: str) -> int:
    lines = Path(path).read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _threads() -> int:
    """The kernel's count, which has the driver's and the loop's threads too; Python's own where there is no /proc."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()
