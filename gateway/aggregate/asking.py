"""What one request gives to the parts made for it: services to ask, and an ear for what they say."""

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Self
from urllib.parse import parse_qs

from msgspec import Raw

from gateway.aggregate.merge import Heard
from gateway.upstream import Context, Nonsense, Reply, Request, Service, Upstream

_JSON = re.compile(rb"application/(?:[^/;\s]+\+)?json\s*(?:;|$)", re.IGNORECASE)


class Asking:
    """One request's calls.

    Args:
        upstreams: every service, by name.
        context: on whose behalf and until when they are called.
        query: the request's own, without the question mark.
    """

    def __init__(self, upstreams: Mapping[str, Upstream], context: Context, query: bytes) -> None:
        self._upstreams = upstreams
        self._context = context
        self._given = query
        self._services: dict[str, Service] = {}
        self.heard = Heard()
        self.left_out: dict[str, str] = {}
        """Reasons by optional part that is shown without some of its elements."""

    @cached_property
    def _query(self) -> Mapping[str, list[str]]:
        return parse_qs(self._given.decode("latin-1"), keep_blank_values=True)

    def passed_on(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Those of the request's query parameters that have these names."""
        return [(name, value) for name in names for value in self._query.get(name, ())]

    async def ask(self, service: str, target: str) -> Raw:
        """The JSON that a service answers.

        Raises:
            UpstreamError: it gives none.
        """
        asked = self._services.get(service)
        if asked is None:
            listening = Upstream(service, _Listening(self._upstreams[service], self.heard))
            asked = self._services[service] = listening.within(self._context)
        try:
            said = await asked.get(target, Raw)
            str(memoryview(said), "utf-8")
        except UnicodeDecodeError as fault:
            raise Nonsense(f"its answer cannot be read: {fault}") from fault
        except RecursionError as fault:
            raise Nonsense("its answer is nested too deeply") from fault
        return said


class _Listening:
    """A transport that hears the headers of what passes, and lets nothing pass for an answer but JSON."""

    def __init__(self, upstream: Upstream, heard: Heard) -> None:
        self._upstream = upstream
        self._heard = heard

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Leave the upstream open: it is everybody's."""

    async def send(self, request: Request) -> Reply:
        reply = await self._upstream.send(request)
        self._heard.note(reply.headers)
        if reply.status < 400 and not (reply.status < 300 and _is_json(reply)):  # noqa: PLR2004 (classes of status)
            await reply.release()
            raise Nonsense(f"it answered {reply.status} without JSON")
        return reply


def _is_json(reply: Reply) -> bool:
    kind = reply.header(b"content-type") or b""
    return kind == b"application/json" or _JSON.match(kind) is not None
