"""What the console reads of a store: lists with filters and cursors, and one trace."""

import re
import sqlite3
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from frontispiece.gateway.console.telemetry.records import ERROR, MAX_TIME
from frontispiece.gateway.console.telemetry.store import TelemetryStore
from frontispiece.http.problems import Problem

MAX_DIGITS: Final = 15
MAX_LIMIT: Final = 200
DEFAULT_LIMIT: Final = 50
TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")
LEVELS: Final[dict[str, int]] = {"debug": 5, "info": 9, "warning": 13, "error": 17}
"""The least severity number of each level."""

Condition = tuple[str, tuple[object, ...]]
Row = dict[str, object]

_CURSOR: Final = re.compile(r"(\d{1,19}(?:\.\d{1,18})?(?:e[+-]?\d{1,3})?)-([0-9a-f]{32})")


def traces(store: TelemetryStore, query: Mapping[str, str]) -> list[Row]:
    """Traces, the latest first, or with `order=slowest` the slowest.

    Parameters are `route`, `page`, `service`, `min_ms`, `status` (`error`, `5xx` or `404`), `text`, `order`,
    `limit`, and `before`: the `cursor` of the last row of a page.

    Raises:
        Problem: 400 `query-invalid`.
        StoreUnavailable: the file cannot be read.
    """
    given = _given(query, {**_TRACE_FILTERS, "order": None, "limit": None, "before": None})
    key = {"": "began", "latest": "began", "slowest": "ms"}.get(given.get("order", ""))
    if key is None:
        raise _invalid("order", "latest or slowest")
    conditions = [make(given[name]) for name, make in _TRACE_FILTERS.items() if name in given]
    if before := given.get("before"):
        match = _CURSOR.fullmatch(before)
        if match is None:
            raise _invalid("before", "a cursor of a row")
        number = int(match[1]) if key == "began" and match[1].isdigit() else float(match[1])
        if number > MAX_TIME:
            raise _invalid("before", "a cursor of a row")
        conditions.append((f"({key}, trace_id) < (?, ?)", (number, match[2])))
    rows = _select(store, "traces", conditions, f"{key} DESC, trace_id DESC", given)
    return [
        {
            **{
                name: row[name] for name in ("trace_id", "ms", "root", "service", "status", "errors", "spans")
            },
            **{name: row[name] for name in ("route", "page") if row[name] is not None},
            "began": row["began"] / 1e9,
            "cursor": f"{row[key]}-{row['trace_id']}",
        }
        for row in rows
    ]


def trace(store: TelemetryStore, trace_id: str) -> Row:
    """A trace: its spans as they began, and its logs.

    Raises:
        Problem: 404 `no-trace`.
        StoreUnavailable: the file cannot be read.
    """
    spans = store.rows("SELECT * FROM spans WHERE trace_id = ? ORDER BY began, ended DESC", (trace_id,))
    found = store.rows("SELECT * FROM logs WHERE trace_id = ? ORDER BY time, id LIMIT 1000", (trace_id,))
    if not spans and not found:
        raise Problem(404, "no-trace", "There is no trace with this id; the oldest are removed.")
    return {
        "trace_id": trace_id,
        "spans": [
            {
                **{name: row[name] for name in ("span_id", "parent_id", "service", "name", "kind", "status")},
                "began": row["began"] / 1e9,
                "ms": (row["ended"] - row["began"]) / 1e6,
                "attributes": msgspec.json.decode(row["attributes"]),
            }
            for row in spans
        ],
        "logs": [_log(row) for row in found],
    }


def logs(store: TelemetryStore, query: Mapping[str, str]) -> list[Row]:
    """Logs, the latest first; with `after` those that came after this id, the first first.

    Parameters are `service`, `level` (the least), `text`, `trace_id`, `limit`, `before` and `after`: an `id`.

    Raises:
        Problem: 400 `query-invalid`.
        StoreUnavailable: the file cannot be read.
    """
    given = _given(query, {**_LOG_FILTERS, "limit": None})
    conditions = [make(given[name]) for name, make in _LOG_FILTERS.items() if name in given]
    order = "id ASC" if "after" in given else "id DESC"
    return [_log(row) for row in _select(store, "logs", conditions, order, given)]


def _log(row: sqlite3.Row) -> Row:
    return {
        **{name: row[name] for name in ("id", "service", "logger", "text", "trace_id", "span_id")},
        "time": row["time"] / 1e9,
        "level": next((name for name, least in reversed(LEVELS.items()) if row["level"] >= least), "debug"),
        "attributes": msgspec.json.decode(row["attributes"]),
    }


def _select(
    store: TelemetryStore, table: str, conditions: list[Condition], order: str, given: Mapping[str, str]
) -> list[sqlite3.Row]:
    limit = _number("limit", given.get("limit", str(DEFAULT_LIMIT)))
    where = " AND ".join(condition for condition, _ in conditions) or "1"
    parameters = [value for _, values in conditions for value in values]
    statement = f"SELECT * FROM {table} WHERE {where} ORDER BY {order} LIMIT ?"  # noqa: S608 (of constants)
    return store.rows(statement, (*parameters, min(limit, MAX_LIMIT)))


def _given(query: Mapping[str, str], known: Mapping[str, object]) -> dict[str, str]:
    """The parameters of a query that have a value."""
    for name in query.keys() - known.keys():
        raise _invalid(name, f"one of {', '.join(sorted(known))}")
    return {name: text for name, text in query.items() if text}


def _invalid(name: str, expected: str) -> Problem:
    return Problem(400, "query-invalid", f"{name[:40]}: expected is {expected}.")


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise _invalid(name, "a whole number")
    return int(text)


def _equal(column: str) -> Callable[[str], Condition]:
    return lambda text: (f"{column} = ?", (text,))


def _status(text: str) -> Condition:
    if text == ERROR:
        return "errors > 0", ()
    if re.fullmatch("[1-5]xx", text):
        return "status BETWEEN ? AND ?", (int(text[0]) * 100, int(text[0]) * 100 + 99)
    if re.fullmatch("[1-5][0-9][0-9]", text):
        return "status = ?", (int(text),)
    raise _invalid("status", "error, 5xx or 404")


def _level(text: str) -> Condition:
    if text not in LEVELS:
        raise _invalid("level", ", ".join(LEVELS))
    return "level >= ?", (LEVELS[text],)


def _like(text: str) -> str:
    return "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"


def _trace_text(text: str) -> Condition:
    if TRACE_ID.fullmatch(text):
        return "trace_id = ?", (text,)
    within = "name LIKE ? ESCAPE '\\' OR attributes LIKE ? ESCAPE '\\'"
    of_spans = f"SELECT trace_id FROM spans WHERE {within}"  # noqa: S608 (of constants)
    return f"trace_id IN ({of_spans})", (_like(text),) * 2


def _log_text(text: str) -> Condition:
    return "(text LIKE ? ESCAPE '\\' OR logger LIKE ? ESCAPE '\\')", (_like(text),) * 2


_TRACE_FILTERS: Final[Mapping[str, Callable[[str], Condition]]] = {
    "route": _equal("route"),
    "page": _equal("page"),
    "service": lambda text: (
        "trace_id IN (SELECT trace_id FROM spans WHERE service = ?)",
        (text,),
    ),
    "min_ms": lambda text: ("ms >= ?", (_number("min_ms", text),)),
    "status": _status,
    "text": _trace_text,
}
_LOG_FILTERS: Final[Mapping[str, Callable[[str], Condition]]] = {
    "service": _equal("service"),
    "level": _level,
    "text": _log_text,
    "trace_id": _equal("trace_id"),
    "before": lambda text: ("id < ?", (_number("before", text),)),
    "after": lambda text: ("id > ?", (_number("after", text),)),
}
