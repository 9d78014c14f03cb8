"""A page as a plain ASGI endpoint."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.requests import ClientDisconnect, Request

from gateway.asgi import client_left, unless_left
from gateway.page.graph import Input, Origin, Plan
from gateway.page.inbound import Inbound, Provider
from gateway.page.run import Run, SourceFailed
from gateway.upstream import Context, Refused
from kit.asgi import Receive, Scope, Send
from kit.problems import Problem

log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
"""The longest request body in bytes that a page takes."""


class Endpoint:
    """Answers requests for one page."""

    def __init__(self, plan: Plan, providers: Mapping[Any, Provider]) -> None:
        self._plan = plan
        self._inputs = list(plan.inputs.values())
        every = [i for step in plan.steps for i in step.inputs] + list(plan.view_inputs)
        self._provided = {
            i.name: providers.get(i.type, _itself) for i in every if i.origin is Origin.PROVIDED
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the page and send its view, unless the client leaves first: then all its sources are cancelled.

        Raises:
            Problem: the request does not fit, or a required source failed.
        """
        deadline = asyncio.get_running_loop().time() + self._plan.page.deadline
        inbound = Inbound(
            headers=scope["headers"],
            path=scope["path_params"],
            query=parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True),
            context=Context.of(scope["headers"], deadline),
        )
        try:
            given = self._given(inbound, await self._body(scope, receive))
        except ClientDisconnect:
            return
        run = Run(self._plan, given, deadline)
        await unless_left(self._answer(run, send), client_left(receive))

    async def _answer(self, run: Run, send: Send) -> None:
        try:
            view = await run.view()
        except SourceFailed as failed:
            refused = isinstance(failed.failure, Refused)
            log.log(logging.INFO if refused else logging.WARNING, "%s: %s", self._plan.page.path, failed)
            problem = failed.failure.problem(failed.source)
            problem.members["source"] = failed.source
            raise problem from failed
        await self._send(msgspec.json.encode(view), run.degraded, send)

    async def _send(self, body: bytes, degraded: Mapping[str, str], send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if self._plan.page.vary:
            headers.append((b"vary", ", ".join(self._plan.page.vary).encode()))
        if degraded:
            items = ", ".join(f"{source};reason={reason}" for source, reason in degraded.items())
            headers.append((b"page-degraded", items.encode()))
        await send({"type": "http.response.start", "status": self._plan.page.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        if not any(i.origin is Origin.BODY for i in self._inputs):
            return b""
        chunks = []
        size = 0
        async for chunk in Request(scope, receive).stream():
            size += len(chunk)
            if size > MAX_BODY:
                raise Problem(413, "body-too-large", f"A body has at most {MAX_BODY} bytes here.")
            chunks.append(chunk)
        return b"".join(chunks)

    def _given(self, inbound: Inbound, body: bytes) -> dict[str, Any]:
        """The values of all inputs that are no sources; every misfit of the request is told at once."""
        values: dict[str, Any] = {name: provide(inbound) for name, provide in self._provided.items()}
        errors = []
        for i in self._inputs:
            try:
                values[i.name] = _value(i, inbound, body)
            except msgspec.MsgspecError as misfit:
                errors.append({"at": [i.origin.name.lower(), i.name], "message": str(misfit)})
            except UnicodeDecodeError:
                errors.append({"at": [i.origin.name.lower(), i.name], "message": "This is not UTF-8."})
        if errors:
            raise Problem(422, "invalid-request", "The request does not fit.", errors=errors)
        return values


def _value(i: Input, inbound: Inbound, body: bytes) -> Any:
    if i.origin is Origin.BODY:
        return msgspec.json.decode(body, type=i.type)
    if i.origin is Origin.PATH:
        return msgspec.convert(inbound.path[i.name], i.type, strict=False)
    given = inbound.query.get(i.name)
    if given is None:
        if i.required:
            raise msgspec.ValidationError("This parameter is missing.")
        return i.default
    return msgspec.convert(given if i.many else given[-1], i.type, strict=False)


def _itself(inbound: Inbound) -> Inbound:
    return inbound
