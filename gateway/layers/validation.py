"""Only requests that their service describes as right reach it; of others, every fault is named at once."""

import logging
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from gateway.call import Call, Handler, Layer
from gateway.openapi import Description, NotKnown
from gateway.path import Template
from gateway.upstream import Reply
from kit.problems import Problem

log = logging.getLogger(__name__)

MOST_BYTES: Final = 1024 * 1024
"""Of a body that is read."""

MOST_FAULTS: Final = 50

Count = Callable[[str], None]


def described(description: Description, target: Template, count: Count = lambda _: None) -> Layer:
    """Let calls through that fit what their service says of itself.

    Without a description nothing passes: whoever asked for this relies on it. A call that the description
    does not have is the service's to answer.

    Args:
        description: the service's.
        target: the path there.
        count: is told what becomes of each call.
    """

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            try:
                found = await description.operation(call.method, _segments(target, call))
            except NotKnown as fault:
                count("unavailable")
                log.warning("request %s: cannot be checked: %s", call.request_id.decode("latin-1"), fault)
                raise _unavailable() from None
            if found is None:
                count("undescribed")
                return await inner(call)
            operation, path = found
            if operation.body and operation.body.reads(call):
                call.body = await _whole(call)
            if faults := list(islice(operation.faults(call, path), MOST_FAULTS)):
                count("refused")
                errors = [{"at": fault.at, "message": fault.message} for fault in faults]
                raise Problem(422, "invalid-request", "The request does not fit.", errors=errors)
            count("passed")
            return await inner(call)

        return handle

    return layer


def _segments(target: Template, call: Call) -> Sequence[str]:
    """The decoded path at the service."""
    segments: list[str] = []
    for part in target.parts:
        segments += [part] if isinstance(part, str) else call.params[part.name]
    return segments


async def _whole(call: Call) -> bytes:
    if isinstance(call.body, bytes):
        return call.body
    length = call.header(b"content-length")
    if length is not None and length.isdigit() and int(length) > MOST_BYTES:
        raise _too_large()
    content = bytearray()
    async for chunk in call.body:
        content += chunk
        if len(content) > MOST_BYTES:
            raise _too_large()
    return bytes(content)


def _too_large() -> Problem:
    return Problem(413, "body-too-large", f"A body has at most {MOST_BYTES} bytes here.")


def _unavailable() -> Problem:
    detail = "Requests cannot be checked right now."
    return Problem(503, "validation-unavailable", detail, headers={"Retry-After": "5"})
