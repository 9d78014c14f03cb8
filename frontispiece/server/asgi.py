"""ASGI 3 apps (https://asgi.readthedocs.io): requests and lifespan."""

import logging
from typing import Any, Final
from urllib.parse import unquote

from frontispiece.http.asgi import App, Message, Scope
from frontispiece.http.messages import ClientDisconnected
from frontispiece.http.problems import internal
from frontispiece.server.direct import refuse
from frontispiece.server.exchange import Exchange
from frontispiece.server.response import ResponseHead

LOG: Final = logging.getLogger("frontispiece.server")

VERSIONS: Final = {"version": "3.0", "spec_version": "2.3"}


def http_scope(exchange: Exchange, state: dict[str, Any]) -> Scope:
    """The scope of a request."""
    raw_path, _, query = exchange.target.partition(b"?")
    path = raw_path.decode("ascii")
    connection = exchange.connection
    return {
        "type": "http",
        "asgi": VERSIONS,
        "http_version": exchange.http_version,
        "server": connection.server,
        "client": connection.client,
        "scheme": "http",
        "root_path": "",
        "headers": [*exchange.headers],
        "state": state.copy(),
        "method": exchange.method,
        "path": unquote(path) if "%" in path else path,
        "raw_path": raw_path,
        "query_string": query,
    }


async def run_asgi(exchange: Exchange, app: App, state: dict[str, Any]) -> None:
    """Have an app answer a request."""
    channel = _Channel(exchange)
    name = f"{exchange.method} {exchange.path}"
    try:
        await app(http_scope(exchange, state), channel.receive, channel.send)
    except Exception:
        LOG.exception("%s failed", name)
        refuse(exchange, internal(None))
    else:
        if not exchange.is_finished and not exchange.is_disconnected:
            LOG.error("%s: the app returned without a complete response", name)
            refuse(exchange, internal(None))
    finally:
        exchange.break_off()


class _Channel:
    """`receive` and `send` of a request.

    The header section is written with the first piece of the content, or in the next turn of the loop.
    """

    __slots__ = ("_exchange", "_has_body", "_head")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._has_body = False
        """Whether the app has received the whole body."""
        self._head: ResponseHead | None = None
        """What was not written yet."""

    async def receive(self) -> Message:
        exchange = self._exchange
        if exchange.is_finished:
            return {"type": "http.disconnect"}
        if self._has_body:
            while not exchange.is_finished and not exchange.is_disconnected:
                await exchange.progress()
            return {"type": "http.disconnect"}
        try:
            content = await exchange.next_chunk()
        except ClientDisconnected:
            return {"type": "http.disconnect"}
        self._has_body = exchange.body_complete and not exchange.chunks
        return {"type": "http.request", "body": content, "more_body": not self._has_body}

    async def send(self, message: Message) -> None:
        exchange, kind = self._exchange, message["type"]
        if exchange.is_disconnected:
            return
        if kind == "http.response.start" and not exchange.is_started and self._head is None:
            self._head = ResponseHead(message["status"], list(message.get("headers", ())))
            exchange.connection.loop.call_soon(self._write_head)
        elif kind == "http.response.body" and not exchange.is_finished and self._has_begun:
            await self._send_body(message.get("body", b""), is_last=not message.get("more_body", False))
        else:
            raise RuntimeError(f"{kind} was not expected.")

    @property
    def _has_begun(self) -> bool:
        return self._exchange.is_started or self._head is not None

    async def _send_body(self, content: bytes, *, is_last: bool) -> None:
        exchange = self._exchange
        if self._head is not None and is_last:
            head, self._head = self._head, None
            exchange.send_whole(head, content)
            return
        self._write_head()
        await exchange.write(content)
        if is_last:
            exchange.end()

    def _write_head(self) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            self._exchange.start(head)
