"""MySQL: pool, sessions, errors. Domains import from here."""

from jiucom.db.database import Database
from jiucom.db.errors import BadValueError, DeadlockError, DuplicateKeyError, MissingReferenceError
from jiucom.db.session import ReadSession, WriteSession

__all__ = [
    "BadValueError",
    "Database",
    "DeadlockError",
    "DuplicateKeyError",
    "MissingReferenceError",
    "ReadSession",
    "WriteSession",
]
