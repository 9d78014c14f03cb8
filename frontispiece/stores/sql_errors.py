"""Failures of a database as problems: a 503 with a name, or a bug."""

import sqlite3
from typing import Final

from frontispiece.extras import extra
from frontispiece.http.problems import Problem

with extra("sql"):
    from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
    from sqlalchemy.exc import TimeoutError as PoolTimeoutError

UNAVAILABLE: Final = "store-unavailable"
FULL: Final = "store-full"
READ_ONLY: Final = "store-read-only"
CORRUPT: Final = "store-corrupt"

DETAILS: Final = {
    UNAVAILABLE: "The database is unavailable",
    FULL: "The database has no space left",
    READ_ONLY: "The database cannot be written",
    CORRUPT: "The database is corrupt",
}

RETRY_AFTER: Final = {UNAVAILABLE: 1, FULL: 30, READ_ONLY: 30, CORRUPT: 300}
"""Seconds; the latter three need an operator."""

SQLITE: Final = {
    sqlite3.SQLITE_PERM: READ_ONLY,
    sqlite3.SQLITE_BUSY: UNAVAILABLE,
    sqlite3.SQLITE_LOCKED: UNAVAILABLE,
    sqlite3.SQLITE_NOMEM: UNAVAILABLE,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_INTERRUPT: UNAVAILABLE,
    sqlite3.SQLITE_IOERR: UNAVAILABLE,
    sqlite3.SQLITE_CORRUPT: CORRUPT,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_CANTOPEN: UNAVAILABLE,
    sqlite3.SQLITE_PROTOCOL: UNAVAILABLE,
    sqlite3.SQLITE_NOTADB: CORRUPT,
}
"""The kinds by primary result code; any other, such as that of an unknown table, is a bug."""

POSTGRESQL: Final = {
    "25006": READ_ONLY,
    "25P03": UNAVAILABLE,
    "53100": FULL,
    "58030": UNAVAILABLE,
    "XX001": CORRUPT,
    "XX002": CORRUPT,
}
"""The kinds by SQLSTATE; of the others, operational errors are an unavailable database."""


def kind_of(error: SQLAlchemyError) -> str | None:
    """The kind of the problem that an error is; None for a bug."""
    if isinstance(error, PoolTimeoutError):
        return UNAVAILABLE
    if not isinstance(error, DBAPIError):
        return None
    if (code := getattr(error.orig, "sqlite_errorcode", None)) is not None:
        return SQLITE.get(code & 0xFF)
    kind = POSTGRESQL.get(str(getattr(error.orig, "sqlstate", None)))
    if kind is None and isinstance(error, OperationalError | InterfaceError):
        return UNAVAILABLE
    return kind


def problem(kind: str) -> Problem:
    """The 503 for who asked."""
    return Problem(503, kind, f"{DETAILS[kind]}.", headers={"Retry-After": str(RETRY_AFTER[kind])})
