"""Waits for the database at the start."""

import asyncio
import logging
import time

import asyncmy
from asyncmy import errors as driver

from jiucom.settings import Settings

log = logging.getLogger(__name__)

DEADLINE = 120.0  # s
_INTERVAL = 0.5
_ACCESS_DENIED = (1044, 1045, 1049)


async def wait_for_database(settings: Settings, *, migrating: bool) -> None:
    """Return once the database lets the account in. Raises what the driver raised last when DEADLINE has passed."""
    username = settings.db_migrate_username if migrating else settings.db_username
    password = settings.db_migrate_password if migrating else settings.db_password
    started = logged = time.monotonic()
    while True:
        try:
            connection = await asyncmy.connect(
                host=settings.db_host,
                port=settings.db_port,
                db=settings.db_name,
                user=username,
                password=password,
                connect_timeout=2,
            )
        except (OSError, driver.MySQLError) as error:
            waited = time.monotonic() - started
            if waited > DEADLINE:
                raise
            if time.monotonic() - logged > 5 or waited < _INTERVAL:
                logged = time.monotonic()
                _log(settings, username, error, waited)
            await asyncio.sleep(_INTERVAL)
        else:
            await connection.ensure_closed()
            return


def _log(settings: Settings, username: str, error: Exception, waited: float) -> None:
    number = error.args[0] if error.args else None
    hint = "check DB_USERNAME and its password" if number in _ACCESS_DENIED else "check DB_HOST and that MySQL runs"
    log.warning(
        "waiting for MySQL at %s:%d as %s, %.0f s of %.0f (%s): %s",
        settings.db_host, settings.db_port, username, waited, DEADLINE, hint, error,
    )  # fmt: skip
