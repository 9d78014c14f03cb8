"""The layer that refuses requests which do not fit their service's description, naming all violations.

The OpenAPI description of a service is fetched from its `/openapi.json` when first needed, with an internal
token of the gateway's own, and refreshed. The latest valid one stays in use while a service does not respond,
or responds with an invalid one.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from frontispiece.aio import BackgroundTasks
from frontispiece.clocks import monotonic
from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.policies.body_limit import limit_body
from frontispiece.gateway.policies.request_validation.document import Document, UnusableDescription
from frontispiece.gateway.policies.request_validation.operation import Operation
from frontispiece.http.messages import BodyTooLarge
from frontispiece.http.paths import Template, decode_segment
from frontispiece.http.problems import Problem
from frontispiece.http.router import Matcher, MethodNotAllowed, Pattern, RouteNotFound
from frontispiece.upstream import Reply, Request, Upstream, UpstreamError

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route
    from frontispiece.gateway.resources import TableResources

log = logging.getLogger(__name__)

TARGET: Final = "/openapi.json"

MAX_DOCUMENT: Final = 5 * 1024 * 1024
"""Bytes of a description."""

FETCH_TIMEOUT: Final = 2.0

REFRESH_INTERVAL: Final = 300.0
"""Seconds until a description is fetched anew, while the old one is in use."""

RETRY_INTERVAL: Final = 5.0
"""Seconds until the next attempt after one that failed."""

OK: Final = 200

MAX_BODY: Final = 1024 * 1024
"""Bytes of a body that is validated."""

MAX_VIOLATIONS: Final = 50

Count = Callable[[str], None]


class ServiceDescription:
    """The operations of one service."""

    def __init__(
        self,
        upstream: Upstream,
        tasks: BackgroundTasks,
        authorization: Callable[[], bytes | None] = lambda: None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.upstream = upstream
        self._tasks = tasks
        self._authorization = authorization
        self._clock = clock
        self._document: Document | None = None
        self._operations: Matcher[Callable[[], Operation]] | None = None
        self._next_fetch = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._error = ""

    async def operation(
        self, method: str, segments: Sequence[str]
    ) -> tuple[Operation, Mapping[str, Sequence[str]]] | None:
        """The operation at this normalised path, and the decoded values of its path parameters.

        None stands for an operation that is not described.

        Raises:
            UnusableDescription: there is no description, or an invalid one.
        """
        await self._refresh()
        if self._operations is None:
            raise UnusableDescription(self._error or "fetching it was interrupted")
        try:
            match = self._operations.match(method, "", segments)
        except (RouteNotFound, MethodNotAllowed):
            return None
        path = {name: [*map(decode_segment, values)] for name, values in match.params.items()}
        return match.target(), path

    async def document(self) -> Document | None:
        """The description itself; None while there is none, or an invalid one."""
        await self._refresh()
        return self._document

    async def _refresh(self) -> None:
        """Fetch it when it is time; wait for that only without an earlier one."""
        if self._clock() >= self._next_fetch and self._fetching is None:
            self._fetching = self._tasks.start(self._fetch())
        if self._operations is None and self._fetching is not None:
            await asyncio.wait([self._fetching])

    async def _fetch(self) -> None:
        self._next_fetch = self._clock() + RETRY_INTERVAL
        try:
            document = Document(await self._download())
            self._document, self._operations = document, self._parse(document)
            self._next_fetch = self._clock() + REFRESH_INTERVAL
        except (UpstreamError, UnusableDescription) as error:
            self._error = str(error)
            log.warning("%s: its OpenAPI description is unavailable: %s", self.upstream.name, error)
        finally:
            self._fetching = None

    async def _download(self) -> bytes:
        headers = [(b"accept", b"application/json")]
        if (authorization := self._authorization()) is not None:
            headers.append((b"authorization", authorization))
        request = Request(method="GET", target=TARGET, headers=headers, timeout=FETCH_TIMEOUT)
        try:
            async with asyncio.timeout(FETCH_TIMEOUT), await self.upstream.send(request) as reply:
                if reply.status != OK:
                    raise UnusableDescription(f"{TARGET} answered {reply.status}")
                return await reply.read(MAX_DOCUMENT)
        except BodyTooLarge as error:
            raise UnusableDescription(str(error)) from None
        except TimeoutError:
            raise UnusableDescription(f"it took longer than {FETCH_TIMEOUT:g} s") from None

    def _parse(self, document: Document) -> Matcher[Callable[[], Operation]]:
        operations: list[tuple[Pattern, Callable[[], Operation]]] = []
        for path, method, operation, parameters in document.operations():
            try:
                template = Template.parse(path)
            except ValueError as error:
                log.warning("%s: a path of its OpenAPI description is ignored: %s", self.upstream.name, error)
                continue
            pattern = Pattern(template=template, methods=(method,))
            compiled_when_called = cache(partial(Operation.compile, document, operation, parameters))
            operations.append((pattern, compiled_when_called))
        return Matcher(operations)


def for_route(route: "Route", resources: "TableResources") -> Iterator[Layer]:
    """The layer of a route whose requests must fit its service's OpenAPI description."""
    if route.validate_requests and route.to:
        service, runtime = route.to.service, resources.runtime
        authorization = partial(resources.tokens.gateway_authorization, service)
        description = runtime.description(resources.upstreams[service], authorization)
        yield validation_layer(description, route.target, partial(runtime.metrics.validations.add, service))


def validation_layer(
    description: ServiceDescription, target: Template, count: Count = lambda _: None
) -> Layer:
    """Pass calls that fit the description of their service.

    Without a description all calls are refused: whoever asks for validation relies on it. Calls that are not
    described are the service's to answer.
    """

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            try:
                described = await description.operation(call.method, target.fill(call.params))
            except UnusableDescription as error:
                count("unavailable")
                log.warning(
                    "request %s: it cannot be validated: %s", call.request_id.decode("latin-1"), error
                )
                detail = "Requests cannot be validated right now."
                raise Problem(503, "validation-unavailable", detail, headers={"Retry-After": "5"}) from None
            if described is None:
                count("undescribed")
                return await inner(call)
            operation, path = described
            if operation.body and operation.body.reads(call):
                limit_body(call, MAX_BODY)
                if not isinstance(call.body, bytes):
                    call.body = b"".join([chunk async for chunk in call.body])
            if violations := list(islice(operation.violations(call, path), MAX_VIOLATIONS)):
                count("refused")
                errors = [each._asdict() for each in violations]
                raise Problem(422, "invalid-request", "The request does not fit.", errors=errors)
            count("passed")
            return await inner(call)

        return handle

    return layer
