"""Seeds for an empty database: `none`, `dev` (five parts) or `demo` (the whole catalogue)."""

import logging
from datetime import datetime
from zoneinfo import ZoneInfo

import asyncmy

from jiucom.seed.demo import DEMO
from jiucom.seed.dev import DEV
from jiucom.seed.load import load
from jiucom.seed.model import Seed
from jiucom.settings import Settings

log = logging.getLogger(__name__)

SEEDS: dict[str, Seed | None] = {"none": None, "dev": DEV, "demo": DEMO}

# A seed takes under a second.
LOCK_TIMEOUT = 60


async def run(settings: Settings, name: str) -> bool:
    """Fill the database with the seed `name` if it is empty. True when rows were written.

    One transaction: a seed that fails leaves nothing behind. Replicas that start together wait for each other, and all
    but the first find the database filled. Raises ValueError for an unknown name, TimeoutError when another process
    holds the lock too long, and what the driver raises.
    """
    if name not in SEEDS:
        raise ValueError(f"unknown seed {name!r}: one of {', '.join(SEEDS)}")
    seed = SEEDS[name]
    if seed is None:
        return False
    connection = await asyncmy.connect(
        host=settings.db_host,
        port=settings.db_port,
        db=settings.db_name,
        user=settings.db_username,
        password=settings.db_password,
        charset="utf8mb4",
        init_command="SET time_zone = '+00:00'",
        autocommit=False,
    )
    # Closing the connection rolls back what is not committed, and frees the lock.
    async with connection, connection.cursor() as cursor:
        await cursor.execute("SELECT GET_LOCK(%s, %s)", (f"jiucom.seed.{settings.db_name}"[:64], LOCK_TIMEOUT))
        if await cursor.fetchone() != (1,):
            raise TimeoutError(f"another process has been seeding for {LOCK_TIMEOUT} s")
        await cursor.execute(
            "SELECT EXISTS(SELECT 1 FROM users), EXISTS(SELECT 1 FROM parts), EXISTS(SELECT 1 FROM sellers)"
        )
        if any(await cursor.fetchone()):
            log.info("database is not empty: seed %s not loaded", name)
            return False
        await load(cursor, seed, datetime.now(ZoneInfo(settings.time_zone)).replace(microsecond=0))
        await connection.commit()
    log.info("database seeded with %s: %d users, %d parts", name, len(seed.users), len(seed.parts))
    return True
