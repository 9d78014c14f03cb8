"""What a gateway has whatever its table says, and how it opens the services of one."""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway import table
from gateway.access import AccessLog
from gateway.cache import HttpCache
from gateway.commons import Commons
from gateway.compression import Workers
from gateway.layers.metrics import Metrics
from gateway.oidc import Provider
from gateway.page import PageApp
from gateway.resilience import Resilience
from gateway.session import SessionSettings
from gateway.upstream import Upstream, open_upstream
from kit.settings import Directory
from kit.tokens import Signer

if TYPE_CHECKING:
    from kit.tracing.core import Tracing


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """What a gateway has whatever its table says.

    Args:
        directory: the addresses of services.
        signer: signs the tokens by which services know on whose behalf they are called.
        metrics: count on, whichever table serves.
        provider: the issuer whose tokens prove who is calling; None when no table may ask.
        session: how sessions are kept; needed by a table that has them.
        cache: keeps answers of routes that may be kept; a table that follows finds them.
        commons: what gateways have in common, and what goes on when its call has ended.
        resilience: what routes share against overload and failure.
        compressing: compresses big answers.
        explains: whether clients may see how an aggregate is joined.
        tracing: tells traces; None where nobody asks for them.
        access_log: has a line for every request; None where nobody asks for it.
    """

    directory: Directory
    signer: Signer
    metrics: Metrics
    provider: Provider | None = None
    session: SessionSettings | None = None
    cache: HttpCache | None = None
    commons: Commons = dataclasses.field(default_factory=Commons)
    resilience: Resilience = dataclasses.field(default_factory=Resilience)
    compressing: Workers = dataclasses.field(default_factory=Workers)
    explains: bool = False
    tracing: "Tracing | None" = None
    access_log: AccessLog | None = None


def opened(name: str, service: table.Service, tools: Tools) -> Upstream:
    """A service of a table, watched."""
    upstream = open_upstream(
        name,
        service.url,
        tools.directory,
        health=service.health,
        breaker=service.breaker,
        concurrency=service.concurrency,
    )
    if isinstance(upstream.app, PageApp):
        for page, program in upstream.app.programs:
            tools.metrics.look_at(page, program)
    watched = tools.metrics.watched(upstream)
    return tools.access_log.timed(watched) if tools.access_log else watched
