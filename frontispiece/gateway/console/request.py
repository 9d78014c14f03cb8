"""What an endpoint of the console gets, and answers with."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec

from frontispiece.http.messages import BodyTooLarge, Headers, Reply
from frontispiece.http.problems import Problem

if TYPE_CHECKING:
    from frontispiece.gateway.console.app import Console

NO_STORE: Final = (b"cache-control", b"no-store")
"""State of this moment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsoleRequest:
    """A request to an endpoint of the console, whose sender has been let in.

    Args:
        params: the placeholders of the path.
        query: the parameters of the query; of several of one name, the last.
        headers: every header field.
        body: as it comes.
        client_ip: the address of the connection's other end.
    """

    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Headers
    body: bytes | AsyncIterator[bytes]
    client_ip: str

    async def read(self, limit: int) -> bytes:
        """The body.

        Raises:
            Problem: 413 `body-too-large`: it has more bytes than the limit.
        """
        try:
            return await Reply(status=HTTPStatus.OK, headers=[], body=self.body).read(limit)
        except BodyTooLarge as fault:
            raise Problem(413, "body-too-large", f"{str(fault).capitalize()}.") from None


ConsoleEndpoint = Callable[["Console", ConsoleRequest], Awaitable[Reply]]
"""Answers a request.

Raises:
    Problem: what the sender did wrong.
"""


def json_reply(content: object, *, kind: bytes = b"application/json") -> Reply:
    """A response in JSON, of this moment."""
    return Reply.whole(HTTPStatus.OK, msgspec.json.encode(content), [(b"content-type", kind), NO_STORE])
