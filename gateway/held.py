"""What several hold at a time: it is open from the first who does to the last."""

import asyncio
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Generic, Self, TypeVar

Resource = TypeVar("Resource", bound=AbstractAsyncContextManager[Any])


class Held(Generic[Resource]):
    """Something that its first holder opens and its last one closes; one at a time begins to hold it."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self._holders = 0

    async def __aenter__(self) -> Self:
        if self._holders == 0:
            await self.resource.__aenter__()
        self._holders += 1
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._holders -= 1
        if self._holders == 0:
            await self.resource.__aexit__(None, None, None)


def until_done(task: "asyncio.Task[Any]", held: AbstractContextManager[object]) -> None:
    """Hold something from now on until a task is done, also one that never gets to run."""
    held.__enter__()
    task.add_done_callback(lambda _task: held.__exit__(None, None, None))
