"""The run of an operation: each field that a function resolves is run as a page of one source.

All of them share the clients of the request and one idle detector, so that loads leave as one call for all
objects at one level of the response.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from time import perf_counter
from typing import Any, cast

import msgspec
from graphql.pyutils import Path
from msgspec.structs import replace

from frontispiece.aio.inline_task import InlineTask
from frontispiece.graphql import errors
from frontispiece.graphql.fields import CompiledField, camel
from frontispiece.http.problems import Problem
from frontispiece.pages.executor import NO_INPUTS, Run, SourceFailed
from frontispiece.pages.idle_detector import IdleDetector, current_detector
from frontispiece.pages.request import PageRequest, Provider
from frontispiece.pages.source_run import BatchRecord, SourceRun
from frontispiece.upstream import CallCount, UpstreamError


@dataclass(slots=True)
class Place:
    """The calls for one field at one place of a response, whichever objects of a list they are for."""

    field: CompiledField
    own_calls: int = 0
    batches: dict[int, BatchRecord] = dataclass_field(default_factory=dict)

    def take(self, run: SourceRun) -> None:
        """Add the calls of the field of one object."""
        self.own_calls += len(run.recorded_calls or ())
        self.batches |= {id(batch): batch for batch in run.batches}

    @property
    def calls(self) -> int:
        """Calls to upstreams."""
        return self.own_calls + sum(len(batch.calls) for batch in self.batches.values())


class OperationRun:
    """One run of an operation; the context of its resolvers.

    Args:
        deadline: when every field must have ended, in the event loop's time, seconds.
        skip_optional: whether fields with a fallback are not run.
    """

    def __init__(
        self,
        request: PageRequest,
        providers: Mapping[Any, Provider],
        deadline: float,
        *,
        skip_optional: bool = False,
    ) -> None:
        self._providers = providers
        self._count = CallCount()
        context = replace(request.context, calls=self._count)
        self._skip_optional = skip_optional
        self._loop = asyncio.get_running_loop()
        self._tasks: set[InlineTask[Any]] = set()
        self._serve(replace(request, context=context), deadline)
        self.degraded: dict[str, str] = {}
        """The reason of every fallback, by its place in the response."""
        self.began = perf_counter()

    def _serve(self, request: PageRequest, deadline: float) -> None:
        """Use this request from now on, with new clients and counts of calls."""
        self._request = request
        self._anonymous = None if request.identity is None else request.without_credentials()
        self._deadline = deadline
        self._clients: dict[tuple[Any, bool], Any] = {}
        self._detector = IdleDetector(self._loop, {}, [])
        self.places: dict[str, Place] = {}

    @property
    def calls(self) -> int:
        """Calls to upstreams so far, those of a subscription itself included."""
        return self._count.total

    def resolve(self, field: CompiledField, parent: Any, path: Path, arguments: Mapping[str, Any]) -> Any:
        """A field's value, or an awaitable of it."""
        task = InlineTask(self._resolve(field, parent, _place(path), arguments), self._loop)
        if task.done():
            return task.result()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._detector.track(task)
        return task

    async def subscribe(
        self, field: CompiledField, path: Path, arguments: Mapping[str, Any]
    ) -> AsyncIterator[Any]:
        """The events of a subscription: each has the time of a request of its own."""
        timeout = self._deadline - self._loop.time()
        place = _place(path)
        try:
            values = self._values(field, arguments, anonymous=False)
            async with aclosing(cast(AsyncGenerator[Any, None], field.function(**values))) as events:
                async for event in events:
                    self._end()
                    deadline = self._loop.time() + timeout
                    self._serve(self._request.until(deadline), deadline)
                    yield event
        except UpstreamError as failure:
            raise errors.of_problem(failure.problem(place)) from failure
        except Problem as problem:
            raise errors.of_problem(problem) from problem

    async def within(self, work: Callable[[], Any]) -> Any:
        """The result of work, which may be awaitable: batches wait for it, too."""

        async def awaited() -> Any:
            result = work()
            return await result if isinstance(result, Awaitable) else result

        token = current_detector.set(self._detector)
        try:
            task = InlineTask(awaited(), self._loop)
            if not task.done():
                self._detector.track(task)
            return await task
        finally:
            current_detector.reset(token)

    async def close(self) -> None:
        """Cancel what still runs."""
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._end()

    def _end(self) -> None:
        """Cancel batches without waiters, and take over the measured calls of each field."""
        self._detector.close()
        measured: dict[CompiledField, int] = defaultdict(int)
        for place in self.places.values():
            measured[place.field] = max(measured[place.field], place.calls)
        for each, calls in measured.items():
            each.measure(calls)

    async def _resolve(
        self, field: CompiledField, parent: Any, place: str, arguments: Mapping[str, Any]
    ) -> Any:
        try:
            source = field.page.sources[0]
            values = self._values(field, arguments, anonymous=False)
            anonymous: Mapping[str, Any] = NO_INPUTS
            if not source.per_caller and self._anonymous is not None:
                anonymous = self._values(field, arguments, anonymous=True)
            if field.parent is not None:
                values[field.parent] = parent
        except Problem as problem:
            raise errors.of_problem(problem) from problem
        run = Run(
            field.page,
            values,
            self._deadline,
            anonymous_inputs=anonymous,
            tracing_enabled=True,
            skip_optional=self._skip_optional,
            part_of=self._detector,
        )
        try:
            await run.finish()
        except SourceFailed as failed:
            raise errors.of_problem(failed.failure.problem(place)) from failed
        except Problem as problem:
            raise errors.of_problem(problem) from problem
        finally:
            if (source_run := run.source_runs.get(field.name)) is not None:
                self.places.setdefault(place, Place(field)).take(source_run)
        if run.degraded:
            self.degraded[place] = run.degraded[field.name]
        return run.values[field.name]

    def _values(
        self, field: CompiledField, arguments: Mapping[str, Any], *, anonymous: bool
    ) -> dict[str, Any]:
        """The values of all parameters but the object.

        Raises:
            Problem: 401, the caller is not known; 422, an argument does not fit.
        """
        values = {name: self._client(kind, anonymous=anonymous) for name, kind in field.provided.items()}
        for name, i in field.arguments.items():
            if arguments.get(name) is None:
                values[name] = None if i.required else i.default
                continue
            try:
                values[name] = msgspec.convert(arguments[name], i.type, strict=False)
            except msgspec.ValidationError as error:
                raise Problem(422, "invalid-request", f"{camel(name)}: {error}") from error
        return values

    def _client(self, kind: Any, *, anonymous: bool) -> Any:
        key = kind, anonymous
        if key not in self._clients:
            request = self._anonymous if anonymous and self._anonymous is not None else self._request
            self._clients[key] = request if kind is PageRequest else self._providers[kind](request)
        return self._clients[key]


def _place(path: Path) -> str:
    """A field's place in the response, such as `product.related.stock`: without the indices of lists."""
    return ".".join(str(each) for each in path.as_list() if isinstance(each, str))
