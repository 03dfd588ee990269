"""Whether the time of an answer tells which addresses exist. Long: `make bench-login`."""

import os
import statistics
import time

import bcrypt
import httpx
import pytest

from jiucom.state import AppState
from testing.accounts import PASSWORD, login, signup

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not os.environ.get("JIUCOM_TEST_LONG"), reason="600 logins: make bench-login"),
]

TRIES = 200


async def test_refusals_take_the_same_time(client: httpx.AsyncClient, state: AppState) -> None:
    old, new = await signup(client), await signup(client)
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10, prefix=b"2a")).decode()
    async with state.db.transaction() as tx:
        await tx.execute("UPDATE users SET password = %s WHERE living_email = %s", (hashed, old.email))
    addresses = {"unknown": "unknown@example.com", "old hash": old.email, "new hash": new.email}
    spent: dict[str, list[float]] = {name: [] for name in addresses}
    for _ in range(TRIES):
        for name, address in addresses.items():
            begun = time.perf_counter()
            assert (await login(client, address, "wrong-password")).status_code == 401
            spent[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(times) for name, times in spent.items()}
    assert max(medians.values()) < 1.1 * min(medians.values()), medians
