"""A page as an endpoint: from a request to a reply."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from time import perf_counter
from typing import Any

import msgspec

from frontispiece.http.accept import preferred_media_type
from frontispiece.http.json_nesting import is_nested_too_deeply
from frontispiece.http.media_types import is_json
from frontispiece.http.memo import Memo
from frontispiece.http.problems import Problem, internal
from frontispiece.pages.compiled import CompiledPage
from frontispiece.pages.executor import NO_INPUTS, Run, SourceFailed
from frontispiece.pages.plan import Input, Origin, Plan
from frontispiece.pages.request import Identify, PageRequest, Provider
from frontispiece.pages.response import ViewResponse, timeline_of, timeline_response
from frontispiece.pages.streaming import ENCODERS, Progress
from frontispiece.pages.timeline import MEDIA_TYPE
from frontispiece.stores.valkey import BestEffortValkey
from frontispiece.upstream import Headers, Reply, UpstreamClientError, now
from frontispiece.upstream.outcome import read_body

JSON = "application/json"
"""The view as one document: for every client that does not name another media type."""

MEDIA_TYPES = frozenset({JSON, MEDIA_TYPE, *ENCODERS})
"""The media types that a page is served in."""

PREFERRED_MEDIA_TYPES = Memo[bytes, str](
    lambda accept: preferred_media_type(accept.decode("latin-1"), MEDIA_TYPES, JSON)
)
"""The one that a client prefers, by its `Accept`."""

log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
"""The longest request body in bytes that a page takes."""


NOT_UTF_8 = "This is not UTF-8."

SkipOptional = Callable[[], bool]
"""Whether to do without optional sources now."""


class Endpoint:
    """Serves one page.

    Args:
        providers: make the inputs that are neither sources nor in the request.
    """

    websocket = None
    """A page has no WebSockets."""

    def __init__(
        self,
        plan: Plan,
        providers: Mapping[Any, Provider],
        *,
        app: str,
        shared: BestEffortValkey | None = None,
        expose_timeline: bool = False,
        identify: Identify | None = None,
    ) -> None:
        self.plan = plan
        self.compiled = CompiledPage(plan, app, shared)
        self._expose_timeline = expose_timeline
        self._inputs = list(plan.inputs.values())
        self._is_read = plan.page.method == "GET"
        self._response = ViewResponse(plan.page)
        self._has_media_types = self._is_read and plan.view_type is not Reply
        self._takes_body = any(i.origin is Origin.BODY for i in self._inputs)
        self._provided = _by_provider(plan.provided, providers)
        self._identify = identify if plan.provided else None
        anonymous = [source for source in self.compiled.sources if not source.per_caller]
        names = {name for source in anonymous for name in source.input_names}
        self.skip_optional: SkipOptional | None = None
        self._anonymous = [(provide, inputs & names) for provide, inputs in self._provided if inputs & names]

    @property
    def path(self) -> str:
        """The template of the page's path."""
        return self.plan.page.path

    @property
    def methods(self) -> tuple[str, ...]:
        """The page's HTTP method."""
        return (self.plan.page.method,)

    @property
    def deadline(self) -> float:
        """Seconds until the page responds."""
        return self.plan.page.deadline

    async def reply(self, request: PageRequest, body: bytes | AsyncIterator[bytes]) -> Reply:
        """The page's response, started within its deadline.

        Raises:
            Problem: the request is not valid (415, 422), or a required source failed.
            ClientDisconnected: the request's body broke off.
        """
        deadline = request.context.deadline
        if self._identify is not None:
            request = self._identify(request)
        content = await read_in_time(body, deadline) if self._takes_body else b""
        if content and not is_json(request.header("content-type") or ""):
            raise _not_json()
        values = self._values(request, content)
        anonymous: Mapping[str, Any] = NO_INPUTS
        if self._anonymous:
            anonymous = _provide(self._anonymous, request.without_credentials())
        skip_optional = self.skip_optional is not None and self.skip_optional()
        media_type = JSON
        if self._has_media_types:
            media_type = PREFERRED_MEDIA_TYPES[request.fields.get(b"accept", b"*/*")]
        if media_type in ENCODERS:
            new_run = partial(
                Run, self.compiled, values, deadline, anonymous_inputs=anonymous, skip_optional=skip_optional
            )
            return await self._stream(new_run, media_type, request.header("x-request-id"))
        tracing_enabled = self._expose_timeline and media_type == MEDIA_TYPE
        run = Run(
            self.compiled,
            values,
            deadline,
            anonymous_inputs=anonymous,
            skip_optional=skip_optional,
            tracing_enabled=tracing_enabled,
        )
        if tracing_enabled:
            return await self._timeline(run, request.header("x-request-id"))
        try:
            await run.finish()
        except SourceFailed as failed:
            raise self._problem(failed) from failed
        return self._response.view(run, request.fields.get(b"if-none-match"))

    async def _stream(self, new_run: Callable[..., Run], media_type: str, request_id: str | None) -> Reply:
        progress = Progress(
            self.compiled, lambda on_settled: new_run(on_settled=on_settled), ENCODERS[media_type]
        )
        try:
            first = await progress.begin()
        except SourceFailed as failed:
            raise self._problem(failed) from failed
        except BaseException:
            await progress.close()
            raise
        headers: Headers = [
            (b"content-type", media_type.encode()),
            (b"cache-control", b"no-store"),
            (b"vary", ", ".join(["accept", *self.plan.page.vary]).encode()),
            *progress.run.response_headers,
        ]
        frames = progress.frames(first, request_id)
        return Reply(status=self.plan.page.status, headers=headers, body=frames, release=progress.close)

    async def _timeline(self, run: Run, request_id: str | None) -> Reply:
        view = problem = None
        try:
            await run.finish()
            view = msgspec.Raw(msgspec.json.encode(run.view()))
        except SourceFailed as failed:
            problem = self._problem(failed)
        except Exception:  # a bug, which the timeline helps to find
            log.exception("%s failed", self.plan.page.path)
            problem = internal(request_id)
        status = self.plan.page.status if problem is None else problem.status
        timeline = timeline_of(self.plan, run, status=status, ended=perf_counter())
        return timeline_response(timeline, view=view, problem=problem)

    def _problem(self, failed: SourceFailed) -> Problem:
        level = logging.INFO if isinstance(failed.failure, UpstreamClientError) else logging.WARNING
        log.log(level, "%s: %s", self.plan.page.path, failed)
        problem = failed.failure.problem(failed.source)
        problem.members["source"] = failed.source
        return problem

    def _values(self, request: PageRequest, body: bytes) -> dict[str, Any]:
        """The values of all inputs that are no sources.

        Raises:
            Problem: 422 with all errors.
        """
        values = _provide(self._provided, request)
        errors: list[dict[str, Any]] = []
        for i in self._inputs:
            try:
                values[i.name] = _value(i, request, body)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                message = NOT_UTF_8 if isinstance(error, UnicodeDecodeError) else str(error)
                errors.append({"at": [i.origin.name.lower(), i.name], "message": message})
        if errors:
            raise Problem(422, "invalid-request", "The request does not fit.", errors=errors)
        return values


Provided = list[tuple[Provider, frozenset[str]]]
"""Each provider with the names of all inputs that it makes: a client is one for the whole page."""


def _by_provider(provided: Mapping[str, Any], providers: Mapping[Any, Provider]) -> Provided:
    kinds = dict.fromkeys(provided.values())
    return [
        (providers.get(kind, _itself), frozenset(name for name, each in provided.items() if each == kind))
        for kind in kinds
    ]


def _provide(provided: Provided, request: PageRequest) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for provide, names in provided:
        values |= dict.fromkeys(names, provide(request))
    return values


async def read_in_time(body: bytes | AsyncIterator[bytes], deadline: float) -> bytes:
    """A request's body.

    Raises:
        Problem: it is too large (413), or has not come by the deadline (408).
        ClientDisconnected: it broke off.
    """
    return await read_body(body, MAX_BODY, deadline - now())


def _not_json() -> Problem:
    """Browsers send other media types across origins without asking first."""
    accept = {"Accept": "application/json"}
    return Problem(415, "media-type-unsupported", "The body has to be application/json.", headers=accept)


def _value(i: Input, request: PageRequest, body: bytes) -> Any:
    if i.origin is Origin.BODY:
        if is_nested_too_deeply(body):
            raise msgspec.ValidationError("This is nested too deeply.")
        return msgspec.json.decode(body, type=i.type)
    if i.origin is Origin.PATH:
        value = request.path[i.name]
        return value if i.type is str else msgspec.convert(value, i.type, strict=False)
    if i.origin is Origin.HEADER:
        text = request.header(i.header)
        values: Sequence[str] | None = None if text is None else [text]
    else:
        values = request.query.get(i.name)
    if values is None:
        if i.required:
            raise msgspec.ValidationError(
                f"This {'header' if i.origin is Origin.HEADER else 'parameter'} is missing."
            )
        return i.default
    return msgspec.convert(values if i.many else values[-1], i.type, strict=False)


def _itself(request: PageRequest) -> PageRequest:
    return request
