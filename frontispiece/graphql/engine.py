"""Carrying out operations, whatever they come over: HTTP, server-sent events or a WebSocket."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from time import perf_counter
from typing import Any, cast

from graphql import (
    ExecutionResult,
    ExperimentalIncrementalExecutionResults,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    experimental_execute_incrementally,
    subscribe,
)

from frontispiece.graphql import errors
from frontispiece.graphql.demand import demand_of, excesses
from frontispiece.graphql.documents import Document, Documents, budget_of
from frontispiece.graphql.errors import Refused
from frontispiece.graphql.fields import CompiledField
from frontispiece.graphql.graph import Graph
from frontispiece.graphql.persisted import UNPERSISTED, KnownDocuments, client_of
from frontispiece.graphql.request import GraphRequest
from frontispiece.graphql.run import OperationRun
from frontispiece.graphql.schema import schema_of
from frontispiece.pages.api import ApiParts
from frontispiece.pages.request import PageRequest
from frontispiece.pages.usage import Usage

log = logging.getLogger(__name__)

Payload = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """An operation that may be carried out; `clients` are those that send it, where it is persisted."""

    document: Document
    node: OperationDefinitionNode
    name: str
    clients: frozenset[str]
    variables: Mapping[str, Any]
    demand: float

    @property
    def is_mutation(self) -> bool:
        """Whether it changes something."""
        return self.node.operation is OperationType.MUTATION

    @property
    def is_subscription(self) -> bool:
        """Whether its response are events."""
        return self.node.operation is OperationType.SUBSCRIPTION


@dataclass(frozen=True, kw_only=True, slots=True)
class Single:
    """A response in one part, and the run that it comes from."""

    payload: Payload
    run: OperationRun


Stream = AsyncGenerator[Payload, None]
"""A response in several parts."""


class Engine:
    """Carries out the operations of a graph."""

    def __init__(self, graph: Graph, fields: list[CompiledField], parts: ApiParts, usage: Usage) -> None:
        self.schema: GraphQLSchema = schema_of(fields)
        self._graph = graph
        self._parts = parts
        self._usage = usage
        self._known = KnownDocuments(graph, accept_any=parts.accept_any_document)
        self._documents = Documents(self.schema, graph.limits, allow_introspection=parts.accept_any_document)

    def prepare(self, request: GraphRequest) -> Operation:
        """The operation that a request wants.

        Raises:
            Refused: it is unknown or not valid, or it demands too much.
            Problem: 400, the request is malformed.
        """
        text = self._known.text(request)
        document = self._documents.read(text)
        node = document.operation(request.operation_name)
        variables = request.variables or {}
        demand = demand_of(self.schema, document.parsed, node, variables)
        if found := list(excesses(demand, self._graph.limits)):
            mode = self._graph.limits.mode
            self._usage.count_excess(mode)
            if mode == "enforce":
                raise Refused(*found)
            log.warning("%s: %s", self._graph.path, "; ".join(error.message for error in found))
        persisted = self._known.persisted(text)
        return Operation(
            document=document,
            node=node,
            name=persisted.name if persisted else UNPERSISTED,
            clients=persisted.client_names if persisted else frozenset(),
            variables=variables,
            demand=demand.cost,
        )

    async def single(self, operation: Operation, request: PageRequest, *, skip_optional: bool) -> Single:
        """The response in one part to a query or a mutation."""
        run = self._run(request, skip_optional=skip_optional)
        try:
            result = await run.within(lambda: self._execute(operation, run, incremental=False))
        finally:
            await run.close()
            self._record(operation, request, run)
        assert isinstance(result, ExecutionResult), "it has no @defer and no @stream"
        return Single(payload=self._payload(result, operation, request, run), run=run)

    async def stream(
        self, operation: Operation, request: PageRequest, *, skip_optional: bool = False
    ) -> Stream:
        """The parts of a response: of a query with `@defer` or `@stream`, or the events of a subscription."""
        run = self._run(request, skip_optional=skip_optional)
        try:
            if operation.is_subscription:
                async with aclosing(self._events(operation, request, run)) as events:
                    async for event in events:
                        yield event
                return
            result = await run.within(lambda: self._execute(operation, run, incremental=True))
            if isinstance(result, ExecutionResult):
                yield self._payload(result, operation, request, run)
                return
            async with aclosing(self._parts_of(result, request)) as parts:
                async for part in parts:
                    yield part
        finally:
            await run.close()
            self._record(operation, request, run)

    def _run(self, request: PageRequest, *, skip_optional: bool) -> OperationRun:
        return OperationRun(
            request, self._parts.providers, request.context.deadline, skip_optional=skip_optional
        )

    def _execute(self, operation: Operation, run: OperationRun, *, incremental: bool) -> Any:
        document = operation.document
        parsed = document.parsed if incremental else document.plain
        return experimental_execute_incrementally(self.schema, parsed, **self._arguments(operation, run))

    def _arguments(self, operation: Operation, run: OperationRun) -> dict[str, Any]:
        return {
            "context_value": run,
            "variable_values": dict(operation.variables),
            "operation_name": operation.node.name.value if operation.node.name else None,
            "hide_suggestions": not self._parts.accept_any_document,
        }

    async def _events(self, operation: Operation, request: PageRequest, run: OperationRun) -> Stream:
        subscribed = subscribe(self.schema, operation.document.plain, **self._arguments(operation, run))
        result = await subscribed if isinstance(subscribed, Awaitable) else subscribed
        if isinstance(result, ExecutionResult):
            yield self._payload(result, operation, request, run)
            return
        try:
            async with aclosing(cast(AsyncGenerator[ExecutionResult, None], result)) as events:
                async for event in events:
                    yield self._payload(event, operation, request, run)
        except Exception as failure:  # noqa: BLE001 (an upstream's failure, or a bug, which is masked)
            error = failure if isinstance(failure, GraphQLError) else GraphQLError("", path=[], cause=failure)
            yield {
                "errors": [each.formatted for each in errors.masked([error], request.header("x-request-id"))]
            }

    async def _parts_of(
        self, result: ExperimentalIncrementalExecutionResults, request: PageRequest
    ) -> Stream:
        yield self._masked(result.initial_result, request)
        async with aclosing(result.subsequent_results) as parts:
            async for part in parts:
                for each in [*(part.incremental or ()), *(part.completed or ())]:
                    self._mask(each, request)
                yield dict(part.formatted)

    def _masked(self, result: Any, request: PageRequest) -> Payload:
        self._mask(result, request)
        return dict(result.formatted)

    def _mask(self, result: Any, request: PageRequest) -> None:
        found = getattr(result, "errors", None)
        if found:
            result.errors = errors.masked(found, request.header("x-request-id"))

    def _payload(
        self, result: ExecutionResult, operation: Operation, request: PageRequest, run: OperationRun
    ) -> Payload:
        payload = self._masked(result, request)
        if result.data is None and result.errors and all(error.path is None for error in result.errors):
            del payload["data"]  # it has not been carried out
        if self._parts.accept_any_document:
            ms = round((perf_counter() - run.began) * 1000, 1)
            payload["extensions"] = {"calls": run.calls, "ms": ms, "cost": operation.demand}
        return payload

    def _record(self, operation: Operation, request: PageRequest, run: OperationRun) -> None:
        client = client_of(request.header("x-client"), operation.clients)
        seconds = perf_counter() - run.began
        budget = None if operation.is_subscription else budget_of(operation.node)
        self._usage.record(client, operation.name, run.calls, seconds, budget)
