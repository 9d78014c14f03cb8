"""A resource that several holders share: the first one opens it, the last one closes it."""

import asyncio
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Generic, Self, TypeVar

from frontispiece.aio.inline_task import InlineTask

Resource = TypeVar("Resource", bound=AbstractAsyncContextManager[Any])


class RefCounted(Generic[Resource]):
    """A reference-counted async context manager. Its holders must enter one after the other."""

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


def hold_while(task: "asyncio.Task[Any] | InlineTask[Any]", context: AbstractContextManager[object]) -> None:
    """Enter a context now and leave it when the task is done, even if the task never gets to run."""
    context.__enter__()
    task.add_done_callback(lambda _task: context.__exit__(None, None, None))
