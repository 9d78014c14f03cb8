"""Spans of Valkey commands, without keys and values."""

from typing import Any

import valkey.asyncio
from valkey.asyncio.client import Pipeline

from frontispiece.telemetry.span import child_span


class TracedValkey(valkey.asyncio.Valkey):
    """A client with a span for each command for a traced request."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send a command."""
        command = str(args[0])
        span = child_span(command, {"db.system.name": "valkey", "db.operation.name": command})
        if span is None:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        with span:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: FBT001, FBT002 (the client's own signature)
        """Commands that are sent together."""
        return TracedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class TracedPipeline(Pipeline):
    """Commands that are sent together, with one span."""

    async def execute(self, raise_on_error: bool = True) -> Any:  # noqa: FBT001, FBT002 (the same)
        """Send all."""
        span = child_span("PIPELINE", {"db.system.name": "valkey", "db.operation.name": "PIPELINE"})
        if span is None:
            return await super().execute(raise_on_error)
        with span:
            return await super().execute(raise_on_error)
