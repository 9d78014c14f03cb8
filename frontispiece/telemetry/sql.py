"""Spans of SQL statements, without their parameters."""

from typing import Any, Final

import sqlalchemy as sa

from frontispiece.telemetry.span import Span, child_span

_SPANS: Final = "spans"
MAX_STATEMENT: Final = 1000
"""Characters of a statement in its span."""


def instrument(engine: sa.Engine) -> None:
    """Make a span for every statement that is executed for a traced request."""
    system = engine.dialect.name

    def begin(connection: sa.Connection, _cursor: Any, statement: str, *_more: Any) -> None:
        operation = statement.lstrip().partition(" ")[0].upper()
        about = {
            "db.system.name": system,
            "db.operation.name": operation,
            "db.query.text": statement[:MAX_STATEMENT],
        }
        connection.info.setdefault(_SPANS, []).append(child_span(operation, about))

    def end(connection: sa.Connection, *_more: Any) -> None:
        span: Span | None = connection.info[_SPANS].pop()
        if span is not None:
            span.end()

    def fail(context: sa.engine.ExceptionContext) -> None:
        connection = context.connection
        if connection is None or not connection.info.get(_SPANS):
            return  # the failure came before a statement
        span: Span | None = connection.info[_SPANS].pop()
        if span is not None:
            span.set_error(type(context.original_exception).__name__)
            span.end()

    sa.event.listen(engine, "before_cursor_execute", begin)
    sa.event.listen(engine, "after_cursor_execute", end)
    sa.event.listen(engine, "handle_error", fail)
