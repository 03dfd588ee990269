"""Metrics of the process."""

import asyncio
import gc
import threading
import time

import pytest

from jiucom.telemetry import runtime
from jiucom.telemetry.runtime import Runtime

pytestmark = pytest.mark.anyio


def read(watched: Runtime) -> dict[str, float]:
    """Samples by name, those of collections by name and generation."""
    return {
        sample.name + sample.labels.get("generation", ""): sample.value
        for family in watched.collect()
        for sample in family.samples
    }


async def test_collections_are_counted_by_generation_until_the_end() -> None:
    watched = Runtime()
    watched.start()
    gc.disable()  # none but ours
    try:
        gc.collect(0)
        gc.collect(2)
        gc.collect(2)
        seen = read(watched)
    finally:
        gc.enable()
        await watched.stop()
    assert [seen[f"jiucom_gc_pause_seconds_count{n}"] for n in range(3)] == [1, 0, 2]
    assert seen["jiucom_gc_pause_seconds_sum2"] >= seen["jiucom_gc_pause_seconds_max"] > 0
    gc.collect()
    assert read(watched)["jiucom_gc_pause_seconds_count2"] == 2


async def test_a_blocked_loop_is_seen_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_LAG_INTERVAL", 0.01)
    watched = Runtime()
    watched.start()
    try:
        await asyncio.sleep(0.02)
        time.sleep(0.3)  # noqa: ASYNC251 - this is the fault that is looked for
        await asyncio.sleep(0.02)
        blocked = read(watched)["jiucom_event_loop_lag_seconds"]
        await asyncio.sleep(0.3)
        later = read(watched)["jiucom_event_loop_lag_seconds"]
    finally:
        await watched.stop()
    assert blocked > 0.2
    assert later < blocked / 2


async def test_threads_are_the_kernel_s() -> None:
    before = read(Runtime())["jiucom_threads"]
    done = threading.Event()
    threads = [threading.Thread(target=done.wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        assert read(Runtime())["jiucom_threads"] == before + 3
    finally:
        done.set()
        for thread in threads:
            thread.join()
