"""Errors of the driver, translated to errors of the API. Each has a status and code, so a domain catches only those that it can
explain better."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager

from asyncmy import errors as driver

from jiucom.errors import ApiError, ErrorCode, unavailable

_KEY = re.compile(r"for key '(?:[^'.]*\.)?([^']+)'")

_DUPLICATE = 1062
_LOCKED = {1205, 1213}
_BAD_VALUES = {1264, 1366, 1406, 3140, 3819}
_NO_PARENT = 1452
# The server is not available now: too many connections, shutdown, killed, idle too long, read only, ...
_UNAVAILABLE = {0, 1040, 1045, 1053, 1129, 1152, 1158, 1159, 1160, 1161, 1203, 1226, 1290, 1317, 1836, 1927, 3024, 4031}

# Lost and never-made connections; asyncmy has them beside the driver's own errors.
_CONNECTION_ERRORS = (OSError, EOFError, asyncio.IncompleteReadError)


class DuplicateKeyError(ApiError):
    """A unique key is taken; `key` is its name in the schema. 409 unless caught."""

    def __init__(self, key: str) -> None:
        super().__init__(ErrorCode.CONFLICT)
        self.key = key


class DeadlockError(ApiError):
    """A deadlock or a lock wait that took too long: worth another try. 503 unless one succeeds."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.SERVICE_UNAVAILABLE, headers={"Retry-After": "1"})


class BadValueError(ApiError):
    """A value that the column does not take; validation should have refused it. 400."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.INVALID_INPUT)


class MissingReferenceError(ApiError):
    """A foreign key to a row that does not exist. 404 unless caught."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.RESOURCE_NOT_FOUND)


@contextmanager
def translated() -> Iterator[None]:
    """Translates exceptions of the driver inside the block."""
    try:
        yield
    except (driver.MySQLError, *_CONNECTION_ERRORS) as error:
        raised = _translate(error)
        if raised is error:
            raise
        raise raised from error


def _translate(error: Exception) -> Exception:
    """The translated error; `error` itself if it has no translation (a 500)."""
    if isinstance(error, _CONNECTION_ERRORS):
        return unavailable()
    number = error.args[0] if error.args and isinstance(error.args[0], int) else None
    if number == _DUPLICATE:
        match = _KEY.search(str(error.args[1]))
        return DuplicateKeyError(match[1] if match else "")
    if number in _LOCKED:
        return DeadlockError()
    if number in _BAD_VALUES:
        return BadValueError()
    if number == _NO_PARENT:
        return MissingReferenceError()
    if (
        number in _UNAVAILABLE
        or (number is not None and 2000 <= number < 3000)
        or isinstance(error, driver.InterfaceError)
    ):
        return unavailable()
    return error
