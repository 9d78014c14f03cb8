"""The spans of what is asked of Valkey: commands by their names, without keys and values."""

from typing import Any

import valkey.asyncio
from valkey.asyncio.client import Pipeline

from kit.tracing.core import within


class TracedValkey(valkey.asyncio.Valkey):
    """A client whose commands have spans where a traced request is served."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send a command and return what is answered."""
        command = str(args[0])
        span = within(command, {"db.system.name": "valkey", "db.operation.name": command})
        if span is None:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        with span:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: FBT001, FBT002 (the client's own signature)
        """Several commands that are sent together."""
        return TracedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class TracedPipeline(Pipeline):
    """Commands that are sent together, and have one span."""

    async def execute(self, raise_on_error: bool = True) -> Any:  # noqa: FBT001, FBT002 (the same)
        """Send all and return what is answered."""
        span = within("PIPELINE", {"db.system.name": "valkey", "db.operation.name": "PIPELINE"})
        if span is None:
            return await super().execute(raise_on_error)
        with span:
            return await super().execute(raise_on_error)
