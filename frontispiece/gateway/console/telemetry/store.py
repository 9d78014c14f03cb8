"""Traces and logs in a SQLite file, bounded: the oldest go first. For one thread."""

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from frontispiece.gateway.console.telemetry.records import ERROR, LogRecord, SpanRecord

log = logging.getLogger(__name__)

SCHEMA_VERSION: Final = 1
SCHEMA: Final = """
CREATE TABLE traces (
    trace_id TEXT PRIMARY KEY, began INTEGER NOT NULL, is_part INTEGER NOT NULL, ms REAL NOT NULL,
    root TEXT NOT NULL, service TEXT NOT NULL, status INTEGER, route TEXT, page TEXT,
    errors INTEGER NOT NULL, spans INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX traces_began ON traces (began);
CREATE INDEX traces_ms ON traces (ms);
CREATE TABLE spans (
    trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_id TEXT NOT NULL, service TEXT NOT NULL,
    name TEXT NOT NULL, kind TEXT NOT NULL, began INTEGER NOT NULL, ended INTEGER NOT NULL,
    status TEXT NOT NULL, attributes TEXT NOT NULL,
    PRIMARY KEY (trace_id, span_id)
) WITHOUT ROWID;
CREATE TABLE logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, service TEXT NOT NULL,
    level INTEGER NOT NULL, logger TEXT NOT NULL, text TEXT NOT NULL, trace_id TEXT NOT NULL,
    span_id TEXT NOT NULL, attributes TEXT NOT NULL
);
CREATE INDEX logs_trace ON logs (trace_id);
"""

COUNTS: Final = "SELECT (SELECT count(*) FROM spans), (SELECT count(*) FROM logs)"
ADD_SPAN: Final = "INSERT OR IGNORE INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
ADD_LOG: Final = (
    "INSERT INTO logs (time, service, level, logger, text, trace_id, span_id, attributes)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
ROOT: Final = ("began", "is_part", "ms", "root", "service", "status", "route")
IS_ROOT: Final = "(excluded.is_part, excluded.began) < (is_part, began)"
ADD_TRACE: Final = f"""
INSERT INTO traces ({", ".join(ROOT)}, trace_id, page, errors, spans) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    {", ".join(f"{name} = CASE WHEN {IS_ROOT} THEN excluded.{name} ELSE {name} END" for name in ROOT)},
    page = coalesce(page, excluded.page), errors = errors + excluded.errors, spans = spans + excluded.spans
"""  # noqa: S608 (of constants)

TRIMMED_SHARE: Final = 0.9
"""The share of a bound that is left once it has been passed."""


class StoreUnavailable(Exception):
    """The file cannot be read or written; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """How much a store has at most."""

    spans: int = 60_000
    trace_spans: int = 2_000
    """Spans of one trace."""
    logs: int = 20_000
    bytes: int = 64 << 20


class TelemetryStore:
    """The traces and logs in a file, which is made when it is missing and begun anew when it is broken."""

    def __init__(self, path: Path, bounds: Bounds | None = None) -> None:
        self._path = path
        self._bounds = bounds or Bounds()
        self._connection: sqlite3.Connection | None = None
        self._spans = self._logs = 0

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def add_spans(self, spans: Sequence[SpanRecord]) -> int:
        """Add these; returns how many are rejected, because their trace has too many.

        Raises:
            StoreUnavailable: the file cannot be written; none is added.
        """
        return self._write(lambda database: self._add_spans(database, spans))

    def add_logs(self, logs: Sequence[LogRecord]) -> int:
        """Add these; returns 0, for none is rejected.

        Raises:
            StoreUnavailable: the file cannot be written; none is added.
        """
        return self._write(lambda database: self._add_logs(database, logs))

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> list[sqlite3.Row]:
        """The rows of a query.

        Raises:
            StoreUnavailable: the file cannot be read.
        """
        with self._database() as database:
            return database.execute(statement, parameters).fetchall()

    def _write(self, work: Callable[[sqlite3.Connection], int]) -> int:
        try:
            return self._attempt(work)
        except StoreUnavailable as failure:
            if getattr(failure.__cause__, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL:
                raise
        with self._database() as database, database:  # make room, once
            self._remove_oldest(database, spans=self._spans // 2, logs=self._logs // 2)
        return self._attempt(work)

    def _attempt(self, work: Callable[[sqlite3.Connection], int]) -> int:
        counts = self._spans, self._logs
        try:
            with self._database() as database, database:
                result = work(database)
                self._bound(database)
        except BaseException:
            self._spans, self._logs = counts
            raise
        return result

    def _add_spans(self, database: sqlite3.Connection, spans: Sequence[SpanRecord]) -> int:
        traces: dict[str, list[SpanRecord]] = {}
        for span in spans:
            traces.setdefault(span.trace_id, []).append(span)
        rejected = 0
        for trace_id, of_trace in traces.items():
            known = database.execute("SELECT spans FROM traces WHERE trace_id = ?", (trace_id,)).fetchone()
            room = max(0, self._bounds.trace_spans - (known[0] if known else 0))
            rejected += len(of_trace[room:])
            added = [s for s in of_trace[:room] if database.execute(ADD_SPAN, _row(s)).rowcount]
            if added:  # others have come before, and are sent again
                self._spans += len(added)
                database.execute(ADD_TRACE, _trace_row(added))
        return rejected

    def _add_logs(self, database: sqlite3.Connection, logs: Sequence[LogRecord]) -> int:
        database.executemany(ADD_LOG, map(_row, logs))
        self._logs += len(logs)
        return 0

    def _bound(self, database: sqlite3.Connection) -> None:
        bounds = self._bounds
        if self._spans > bounds.spans or self._logs > bounds.logs:
            self._remove_oldest(
                database,
                spans=self._spans - int(bounds.spans * TRIMMED_SHARE) if self._spans > bounds.spans else 0,
                logs=self._logs - int(bounds.logs * TRIMMED_SHARE) if self._logs > bounds.logs else 0,
            )
        while self._spans + self._logs and _used(database) > bounds.bytes * TRIMMED_SHARE:
            self._remove_oldest(database, spans=self._spans // 10 + 1, logs=self._logs // 10 + 1)

    def _remove_oldest(self, database: sqlite3.Connection, *, spans: int, logs: int) -> None:
        """Remove at least so many spans, of whole traces, and so many logs."""
        for trace_id, count in database.execute(
            "SELECT trace_id, spans FROM traces ORDER BY began"
        ).fetchall():
            if spans <= 0:
                break
            for table in ("spans", "traces"):
                database.execute(f"DELETE FROM {table} WHERE trace_id = ?", (trace_id,))  # noqa: S608 (of constants)
            spans -= count
            self._spans -= count
        if logs > 0:
            oldest = "SELECT id FROM logs ORDER BY id LIMIT ?"
            self._logs -= database.execute(f"DELETE FROM logs WHERE id IN ({oldest})", (logs,)).rowcount  # noqa: S608

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        try:
            if self._connection is None:
                self._connection = self._opened()
            yield self._connection
        except (sqlite3.OperationalError, OSError) as error:  # no space, no rights
            self.close()
            raise StoreUnavailable(f"{self._path}: {error}") from error
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:  # others are bugs
                raise
            self.close()
            self._put_aside(str(error))
            raise StoreUnavailable(f"{self._path} was broken ({error}), and is begun anew") from None

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            self._put_aside(str(error))
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        database = sqlite3.connect(self._path, check_same_thread=False)
        try:
            database.row_factory = sqlite3.Row
            version = _version(database)
            for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -4096"):
                database.execute(f"PRAGMA {pragma}")
            page = database.execute("PRAGMA page_size").fetchone()[0]
            database.execute(f"PRAGMA max_page_count = {self._bounds.bytes // page}")
            database.execute(f"PRAGMA journal_size_limit = {self._bounds.bytes // 8}")
            if version == 0:
                database.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
            self._spans, self._logs = database.execute(COUNTS).fetchone()
        except BaseException:
            database.close()
            raise
        return database

    def _put_aside(self, reason: str) -> None:
        aside = self._path.with_name(f"{self._path.name}.broken")
        log.warning(
            "%s cannot be read (%s): it is put aside as %s, and begun anew", self._path, reason, aside.name
        )
        with suppress(FileNotFoundError):
            self._path.replace(aside)
        for end in ("-wal", "-shm"):
            self._path.with_name(self._path.name + end).unlink(missing_ok=True)


def _version(database: sqlite3.Connection) -> int:
    version = int(database.execute("PRAGMA user_version").fetchone()[0])
    if version not in {0, SCHEMA_VERSION}:
        raise sqlite3.DatabaseError(f"its version is {version}")
    return version


def _used(database: sqlite3.Connection) -> int:
    """Bytes of the file that are in use."""
    pages, free, size = (
        database.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _row(record: SpanRecord | LogRecord) -> tuple[object, ...]:
    """The columns of a record: its attributes, which come last, as JSON."""
    return (*record[:-1], msgspec.json.encode(record.attributes).decode())


def _trace_row(spans: Sequence[SpanRecord]) -> tuple[object, ...]:
    """The row of a trace with these spans: its root is the one without a parent, else the first."""
    root = min(spans, key=lambda span: (span.parent_id != "", span.began))
    status: Any = root.attributes.get("http.response.status_code")
    pages = (_page(span) for span in spans if "frontispiece.page" in span.attributes)
    return (
        root.began,
        root.parent_id != "",
        (root.ended - root.began) / 1e6,
        root.name,
        root.service,
        status if isinstance(status, int) else None,
        str(root.attributes["http.route"]) if "http.route" in root.attributes else None,
        root.trace_id,
        next(pages, None),
        sum(span.status == ERROR for span in spans),
        len(spans),
    )


def _page(span: SpanRecord) -> str:
    """The page that a span is of, as its graph is called: `GET app:/path`."""
    of = span.attributes
    return f"{of.get('http.request.method')} {span.service}:{of['frontispiece.page']}"
