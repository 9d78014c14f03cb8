"""Running a page: every source starts the moment its inputs exist."""

import asyncio
from collections.abc import Mapping
from typing import Any

from gateway.page.graph import Input, Plan, Step
from gateway.upstream import TimedOut, UpstreamError


class SourceFailed(Exception):
    """A required source has no result, and so the page has none."""

    def __init__(self, source: str, failure: UpstreamError) -> None:
        super().__init__(f"{source}: {failure}")
        self.source = source
        self.failure = failure


class Run:
    """One run of a page: `given` are the values of all inputs that are no sources, by name."""

    def __init__(self, plan: Plan, given: Mapping[str, Any], deadline: float) -> None:
        self._plan = plan
        self._given = given
        self._deadline = deadline
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self.degraded: dict[str, str] = {}
        """Reasons by optional source that is replaced by its fallback."""

    async def view(self) -> Any:
        """What the client sees.

        Raises:
            SourceFailed: a required source failed; all others have been cancelled.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for step in self._plan.steps:
                    self._tasks[step.source.name] = group.create_task(
                        self._source(step), name=step.source.name
                    )
        except BaseExceptionGroup as failures:
            raise _gravest(failures) from None
        values = {**self._given, **{name: task.result() for name, task in self._tasks.items()}}
        return self._plan.view(**_arguments(self._plan.view_inputs, values))

    async def _source(self, step: Step) -> Any:
        values = dict(self._given)
        for name in step.needs:
            values[name] = await self._tasks[name]
        source = step.source
        try:
            return await self._work(step, _arguments(step.inputs, values))
        except UpstreamError as failure:
            if source.fallback is None:
                raise SourceFailed(source.name, failure) from failure
            self.degraded[source.name] = failure.reason
            return source.fallback()

    async def _work(self, step: Step, arguments: dict[str, Any]) -> Any:
        """The source's own work, within its timeout and the page's deadline."""
        until = self._deadline
        if step.source.timeout is not None:
            until = min(until, asyncio.get_running_loop().time() + step.source.timeout)
        timeout = asyncio.timeout_at(until)
        try:
            async with timeout:
                return await step.source.function(**arguments)
        except TimeoutError:
            if not timeout.expired():
                raise
            raise TimedOut("it took too long") from None


def _arguments(inputs: tuple[Input, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    return {i.name: values[i.name] for i in inputs}


def _gravest(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """A bug before a failed upstream: several sources may fail in the same moment."""
    told = [failure for failure in failures.exceptions if isinstance(failure, SourceFailed)]
    bugs = [failure for failure in failures.exceptions if failure not in told]
    return (bugs or told)[0]
