"""`GrpcTransport`: requests in JSON become calls of gRPC methods, and their responses become JSON."""

import asyncio
import re
from collections.abc import AsyncIterator
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from frontispiece.extras import extra
from frontispiece.http.asgi import problem_response
from frontispiece.http.headers import end_to_end
from frontispiece.http.media_types import is_json
from frontispiece.http.messages import Headers, Reply, Request, field
from frontispiece.http.problems import Problem
from frontispiece.upstream.errors import InvalidResponse, TimedOut, UpstreamClientError
from frontispiece.upstream.grpc import MAX_MESSAGE, READINESS_PATH, GrpcChannel, upstream_error
from frontispiece.upstream.outcome import read_body
from frontispiece.upstream.transports.grpc.descriptors import Bound, Descriptors
from frontispiece.upstream.transports.grpc.transcoding import UNREADABLE, json_of, message_of

with extra("grpc"):
    import grpc

MAX_BODY: Final = 1024 * 1024
"""Bytes of a request's body."""

MAX_METADATA: Final = 7 * 1024
"""Bytes of metadata, each with 32 more (RFC 9113, 6.5.2): from 8 KiB on servers may refuse them."""

LARGE: Final = 64 * 1024
"""Bytes from which on JSON is read and written in a thread: other calls go on meanwhile."""

_RESERVED: Final = re.compile(
    rb"grpc-.*|content-.*|accept.*|.*-bin|user-agent|host|te|expect|.*[^a-z0-9_.-].*"
)
"""Names of fields that are no metadata of a call."""

EVENTS: Final = b"text/event-stream"


class GrpcTransport(GrpcChannel):
    """Sends requests to the methods of a service over gRPC.

    A request's path is `/package.Service/Method`, or one that a `google.api.http` annotation has. The fields
    of the method's message come from the body, the query and the path. A method with many responses sends
    them as lines of JSON, or as server-sent events to those who accept such.
    """

    traced = False
    """The upstream's spans are those of its requests."""

    def __init__(self, descriptors: Descriptors, address: str) -> None:
        super().__init__(address)
        self._descriptors = descriptors

    async def send(self, request: Request) -> Reply:
        """Call the method that the request is bound to; a mistake of the caller is a reply with a problem."""
        try:
            return await self._send(request)
        except UpstreamClientError as refused:
            kind = refused.type or f"upstream-answered-{refused.upstream_status}"
            problem = Problem(refused.upstream_status, kind, refused.detail)
        except Problem as refusal:
            problem = refusal
        return problem_response(problem, field(request.headers, b"x-request-id"))

    async def _send(self, request: Request) -> Reply:
        path, _, query = request.target.partition("?")
        bound = self._descriptors.match(request.method, path)
        if bound is None and request.target == READINESS_PATH:
            return await self.ready(request.timeout)
        if bound is None:
            raise Problem(404, "no-route", "No method is bound to this path.")
        body = await _body_of(request)
        read = partial(message_of, bound, query, body, self._descriptors.pool)
        message = await asyncio.to_thread(read) if len(body) > LARGE else read()
        if message.ByteSize() > MAX_MESSAGE:
            raise Problem(413, "body-too-large", f"A message has at most {MAX_MESSAGE} bytes.")
        metadata = _metadata(request.headers)
        method = bound.method
        if not method.is_streaming:
            unary: Any = self._channel.unary_unary(method.path, None, method.returns.FromString)
            call = unary(message.SerializeToString(), timeout=request.timeout, metadata=metadata)
            return await self._single(call, bound)
        streaming: Any = self._channel.unary_stream(method.path, None, method.returns.FromString)
        responses = streaming(message.SerializeToString(), metadata=metadata)
        try:
            return await self._stream(responses, bound, request)
        except BaseException:
            responses.cancel()
            raise

    async def _single(self, call: Any, bound: Bound) -> Reply:
        try:
            response = await call
            headers = _headers(await call.initial_metadata())
        except grpc.aio.AioRpcError as error:
            raise upstream_error(error.code(), error.details(), error.trailing_metadata()) from error
        headers.append((b"content-type", b"application/json"))
        return Reply.whole(HTTPStatus.OK, await self._json(response, bound), headers)

    async def _stream(self, responses: Any, bound: Bound, request: Request) -> Reply:
        """The reply of a method with many responses; its status is known once the first of them has come."""
        events = EVENTS in b",".join(value for name, value in request.headers if name == b"accept").lower()
        first = await self._next(responses, request.timeout)
        headers = _headers(await responses.initial_metadata())
        headers.append((b"content-type", EVENTS if events else b"application/x-ndjson"))

        async def chunks() -> AsyncIterator[bytes]:
            response = first
            while response is not grpc.aio.EOF:
                line = await self._json(response, bound)
                yield b"data: %b\n\n" % line if events else line + b"\n"
                response = await self._next(responses, request.timeout)

        async def release() -> None:
            responses.cancel()

        return Reply(status=HTTPStatus.OK, headers=headers, body=chunks(), release=release)

    async def _next(self, responses: Any, seconds: float) -> Any:
        try:
            async with asyncio.timeout(seconds):
                response = await responses.read()
        except TimeoutError:
            raise TimedOut(f"no answer in {seconds:.3g} s") from None
        except grpc.aio.AioRpcError as error:
            raise upstream_error(error.code(), error.details(), error.trailing_metadata()) from error
        if response is grpc.aio.EOF and (code := await responses.code()) is not grpc.StatusCode.OK:
            raise upstream_error(code, await responses.details(), await responses.trailing_metadata())
        return response

    async def _json(self, response: Any, bound: Bound) -> bytes:
        if response is None:  # what grpc returns for a message that it cannot decode
            raise InvalidResponse("its answer cannot be read")
        write = partial(json_of, response, self._descriptors.pool, bound.response_body)
        try:
            return await asyncio.to_thread(write) if response.ByteSize() > LARGE else write()
        except UNREADABLE as error:
            raise InvalidResponse(f"its answer has no JSON: {error}") from error


async def _body_of(request: Request) -> bytes:
    """The whole body, in JSON.

    Raises:
        Problem: 413, 415, or 408 while the client is late with it.
        TimedOut: it did not come in time, which was not the client's.
    """
    body = await read_body(request.body, MAX_BODY, request.timeout)
    kind = field(request.headers, b"content-type") or b"application/json"
    if body and not is_json(kind.decode("latin-1")):
        accept = {"Accept": "application/json"}
        raise Problem(415, "media-type-unsupported", "The body has to be application/json.", headers=accept)
    return body


def _metadata(headers: Headers) -> list[tuple[str, str]]:
    """The metadata of a call: the end-to-end headers of its request, as far as they can be metadata.

    Raises:
        Problem: 431, there is more than servers take.
    """
    metadata = [
        (name.decode("ascii"), value.decode("ascii"))
        for name, value in end_to_end(headers)
        if not _RESERVED.fullmatch(name) and value.isascii() and value.decode("ascii").isprintable()
    ]
    if sum(len(name) + len(value) + 32 for name, value in metadata) > MAX_METADATA:
        raise Problem(431, "headers-too-large", "The headers are longer than a service over gRPC takes.")
    return metadata


def _headers(metadata: Any) -> Headers:
    """The headers of a reply, from the metadata that comes before a response."""
    fields = [(name.encode(), value.encode()) for name, value in metadata or () if isinstance(value, str)]
    return [field for field in fields if not _RESERVED.fullmatch(field[0])]
