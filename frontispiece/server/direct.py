"""Apps that take an `IncomingRequest` and return a `Reply`, without ASGI in between."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from frontispiece.http.asgi import problem_response
from frontispiece.http.messages import ClientDisconnected, IncomingRequest, Reply, ResponseBrokeOff
from frontispiece.http.problems import Problem, internal
from frontispiece.server.exchange import NOTHING, Exchange, WrongLength
from frontispiece.server.response import ResponseHead
from frontispiece.upstream import UpstreamError

LOG: Final = logging.getLogger("frontispiece.server")

Respond = Callable[[IncomingRequest], Awaitable[Reply | None]]
"""Answers a request; cancelled when the client goes away. None leaves it to ASGI, its body unread."""


async def run_direct(exchange: Exchange, respond: Respond, over_asgi: Callable[[Exchange], None]) -> None:
    """Have the app answer a request, and send its reply."""
    request = IncomingRequest(
        method=exchange.method,
        target=exchange.target,
        headers=exchange.headers,
        body=exchange.take_body() if exchange.body_complete else exchange.body(),
        http_version=exchange.http_version,
        client_ip=exchange.connection.client_ip,
        scheme="http",
        send_interim=exchange.send_interim,
    )
    try:
        reply = await respond(request)
        if reply is None:
            exchange.put_back(request.body)
            over_asgi(exchange)
            return
        if isinstance(reply.body, bytes):  # it holds nothing that would have to be released
            exchange.send_whole(ResponseHead(reply.status, reply.headers), reply.body)
        else:
            await _stream(exchange, reply, reply.body)
    except (ClientDisconnected, ResponseBrokeOff):  # the app has logged the latter
        pass
    except WrongLength:
        LOG.exception("%s %s: the response has another length than it says", exchange.method, exchange.path)
    except (UpstreamError, Problem) as failure:
        if not exchange.is_started and isinstance(failure, Problem):
            refuse(exchange, failure)
        else:
            LOG.warning("%s %s: the response broke off: %s", exchange.method, exchange.path, failure)
    except Exception:
        LOG.exception("%s %s failed", exchange.method, exchange.path)
        refuse(exchange, internal(None))
    except BaseException:
        exchange.break_off()
        raise
    exchange.break_off()


def refuse(exchange: Exchange, problem: Problem) -> None:
    """Answer with a problem, unless a response has begun."""
    if not exchange.is_started:
        reply = problem_response(problem, None)
        assert isinstance(reply.body, bytes), "it is complete"
        exchange.send_whole(ResponseHead(reply.status, reply.headers), reply.body)


async def _stream(exchange: Exchange, reply: Reply, chunks: AsyncIterator[bytes]) -> None:
    async with reply:
        exchange.start(ResponseHead(reply.status, reply.headers))
        if exchange.framed_by != NOTHING:
            async for chunk in chunks:
                await exchange.write(chunk)
        exchange.end()
