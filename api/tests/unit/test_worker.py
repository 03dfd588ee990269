"""Workers end when they are stopped, even if the first cancellation is lost."""

import asyncio

import pytest

from jiucom.worker import Repeated, Worker, end

pytestmark = pytest.mark.anyio


class Deaf(Worker):
    """Loses the first cancellation, as redis-py does now and then."""

    def __init__(self) -> None:
        self.lost = 0

    async def _run(self) -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                self.lost += 1
                if self.lost > 1:
                    raise


async def begun(worker: Worker) -> None:
    worker.start()
    # The task is at its first await.
    await asyncio.sleep(0)


async def test_a_lost_cancellation_is_repeated() -> None:
    worker = Deaf()
    await begun(worker)
    async with asyncio.timeout(10):
        await worker.stop()
    assert worker.lost == 2


async def test_stopping_a_worker_that_was_not_started() -> None:
    async with asyncio.timeout(10):
        await Deaf().stop()
        await end(None)


async def test_a_failed_worker_is_logged_and_can_be_stopped(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Worker):
        async def _run(self) -> None:
            raise ZeroDivisionError

    worker = Broken()
    await begun(worker)
    async with asyncio.timeout(10):
        await worker.stop()
    assert "Broken ended" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_several_end_together() -> None:
    workers = [asyncio.create_task(asyncio.sleep(60)) for _ in range(3)]
    async with asyncio.timeout(10):
        await end(*workers)
    assert all(task.cancelled() for task in workers)


class Counting(Repeated):
    """Hangs in its first turn and fails in its second."""

    interval, retry, seconds = 0.01, 0.01, 0.05

    def __init__(self) -> None:
        self.turns = 0

    async def turn(self) -> None:
        self.turns += 1
        if self.turns == 1:
            await asyncio.sleep(3600)
        if self.turns == 2:
            raise ZeroDivisionError("no")


async def test_turns_go_on_after_one_that_hangs_or_fails(caplog: pytest.LogCaptureFixture) -> None:
    worker = Counting()
    worker.start()
    try:
        async with asyncio.timeout(10):
            while worker.turns < 4:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        await worker.stop()
    assert "Counting failed, and will be repeated: TimeoutError" in caplog.text
    assert "Counting failed, and will be repeated: ZeroDivisionError: no" in caplog.text
