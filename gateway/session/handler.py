"""The token handler as the gateway wires it: the layer of session routes and the endpoints of login and logout."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from gateway.call import Handler, Layer
from gateway.oidc import Provider
from gateway.session.revoked import Revoked
from gateway.session.settings import SessionSettings
from gateway.table import Session
from gateway.upstream import Upstream
from kit.tokens import Identity


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """What the handler answers itself.

    Args:
        method: the HTTP method.
        suffix: what follows the table's `[session] path`, such as `/login`.
        handler: answers.
    """

    method: str
    suffix: str
    handler: Handler


class Sessions:
    """Sessions of browsers; made without I/O, used within `async with`.

    Args:
        settings: complete: `settings.faults()` has none.
        session: the table's section.
        provider: who logs people in.
        authorization: the `Authorization` header of a call on somebody's behalf to a service of the table.
        upstreams: the services that are told when a guest logs in.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self,
        settings: SessionSettings,
        session: Session,
        *,
        provider: Provider,
        authorization: Callable[[Identity, str], bytes],
        upstreams: Mapping[str, Upstream],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.revoked = Revoked()
        """Which logins have ended; the verdicts on bearer tokens depend on it too."""
        self.endpoints: tuple[Endpoint, ...] = ()

    def layer(self, scopes: Iterable[str], *, guest: bool) -> Layer:
        """Let only calls through that come with a session of these scopes; with `guest`, those of guests too."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop what runs in the background."""
