"""What one route table opens: its services, and what identifies callers."""

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Self

from frontispiece.aio.ref_counted import RefCounted
from frontispiece.errors import ConfigError
from frontispiece.gateway.auth.internal_tokens import InternalTokenIssuer
from frontispiece.gateway.auth.oidc import AccessTokens, SeveralIssuers, TokenVerification
from frontispiece.gateway.auth.session import Sessions
from frontispiece.gateway.call import Handler
from frontispiece.gateway.config.route import DEFAULT_ISSUER, Route
from frontispiece.gateway.config.table import Table
from frontispiece.gateway.config.target import Target
from frontispiece.gateway.forward import forward
from frontispiece.gateway.policies.cache.store import HttpCache
from frontispiece.gateway.runtime import Runtime
from frontispiece.pages import PageApp
from frontispiece.upstream import Headers, Upstream, open_upstream


class TableResources:
    """What the policies and handlers of one table work with.

    Services, sessions and verified tokens that the previous table had as well are taken over, not opened
    anew.

    Raises:
        ConfigError: a service has no address, or a mounted app cannot be made.
    """

    def __init__(self, table: Table, runtime: Runtime, previous: "TableResources | None" = None) -> None:
        self.table = table
        self.runtime = runtime
        self.shared_upstreams = _open_upstreams(table, runtime, previous)
        self.upstreams: Mapping[str, Upstream] = {
            name: upstream.resource for name, upstream in self.shared_upstreams.items()
        }
        self.tokens = InternalTokenIssuer(runtime.signer, table.audiences)
        """Issues the internal tokens that services get."""
        self.shared_sessions: RefCounted[Sessions] | None = None
        self.access_tokens: AccessTokens | None = None
        """Verifies bearer tokens; None without an issuer."""
        self._build_auth(previous)
        cached_before = previous is not None and previous.cache is not None
        caches = cached_before or any(route.cache for route in table.routes)
        self.cache: HttpCache | None = runtime.cache if caches else None
        """None until a table caches: a later table finds what was cached under an earlier one,
        without what calls on any route have outdated meanwhile."""
        self._stack = AsyncExitStack()

    @property
    def sessions(self) -> Sessions | None:
        """The sessions of browsers; None for a table without them."""
        return self.shared_sessions.resource if self.shared_sessions else None

    def token_verification(self, issuers: Iterable[str]) -> TokenVerification:
        """Verifies access tokens of the issuers with these names."""
        known: dict[str, AccessTokens | None] = {DEFAULT_ISSUER: self.access_tokens}
        every = [(known | self.runtime.further_tokens)[name] for name in issuers]
        found = [access for access in every if access is not None]
        assert len(found) == len(every), "a table with issuers that are not set is refused"
        return found[0] if len(found) == 1 else SeveralIssuers(found)

    async def open(self) -> None:
        """Open what the previous table had not opened.

        Raises:
            LifespanFailed: a mounted app does not start; nothing is left open.
        """
        async with AsyncExitStack() as stack:
            for upstream in self.shared_upstreams.values():
                await stack.enter_async_context(upstream)
            if self.shared_sessions:
                await stack.enter_async_context(self.shared_sessions)
            self._stack = stack.pop_all()

    async def close(self) -> None:
        """Close what no other table uses."""
        await self._stack.aclose()

    def forward(self, route: Route, target: Target, extra_headers: Headers | None = None) -> Handler:
        """Sends the calls of a route to this target, whichever else the route names."""
        there = route.model_copy(update={"to": target})
        return forward(there, self.upstreams[target.service], self.tokens, extra_headers)

    def has_same_upstreams(self, names: Iterable[str], other: Self) -> bool:
        """Whether these services are the same, opened once, in the other table."""
        return all(self.shared_upstreams[name] is other.shared_upstreams.get(name) for name in names)

    def has_same_context(self, other: Self) -> bool:
        """Whether an unchanged route with unchanged services may keep its layers from the other table."""
        return (
            self.access_tokens is other.access_tokens
            and self.table.security_headers == other.table.security_headers
            and self.cache is other.cache
        )

    def _build_auth(self, previous: Self | None) -> None:
        """Sessions and access tokens remember logouts: they stay while nothing of theirs changes."""
        provider, settings, session = self.runtime.provider, self.runtime.session, self.table.session
        if provider is None:
            return
        if previous and self._is_auth_reusable(previous):
            self.shared_sessions, self.access_tokens = previous.shared_sessions, previous.access_tokens
            return
        revoked = None
        if session is not None and settings is not None:
            sessions = Sessions(
                settings,
                session,
                provider=provider,
                authorization=self.tokens.authorization,
                upstreams=self.upstreams,
                previous=previous.sessions if previous else None,
            )
            self.shared_sessions = RefCounted(sessions)
            revoked = sessions.revocations
        access = self.access_tokens = provider.access_tokens(revoked.is_revoked if revoked else None)
        if revoked is not None:
            revoked.subscribe(lambda sid, subject, _at: access.evict(sid=sid, subject=subject))

    def _is_auth_reusable(self, previous: Self) -> bool:
        session = self.table.session
        if session != previous.table.session:
            return False
        return session is None or self.has_same_upstreams(
            {to.service for to in session.guest_merge}, previous
        )


def upstream_errors(table: Table, runtime: Runtime) -> list[str]:
    """Why services of a table cannot be called; nothing is opened."""
    try:
        _open_upstreams(table, runtime, None)
    except ConfigError as error:
        return error.errors
    return []


def _open_upstreams(
    table: Table, runtime: Runtime, previous: TableResources | None
) -> dict[str, RefCounted[Upstream]]:
    upstreams = {}
    faults = []
    for name, service in table.services.items():
        if previous and previous.table.services.get(name) == service:
            upstreams[name] = previous.shared_upstreams[name]
            continue
        try:
            upstreams[name] = RefCounted(_open_upstream(name, table, runtime))
        except (LookupError, ConfigError) as fault:
            faults += [f"services: {name}: {line}" for line in getattr(fault, "errors", [fault])]
    if faults:
        raise ConfigError(faults)
    return upstreams


def _open_upstream(name: str, table: Table, runtime: Runtime) -> Upstream:
    """A service of the table, with its calls counted and logged."""
    service = table.services[name]
    upstream = open_upstream(
        name,
        service.url,
        runtime.directory,
        health=service.health_checks,
        breaker=service.breaker,
        concurrency=service.concurrency,
        descriptors=service.grpc,
    )
    if isinstance(upstream.app, PageApp):
        if runtime.overload:
            upstream.app.skip_optional_when(runtime.overload.degrades)
        for page, program in upstream.app.compiled_pages:
            runtime.metrics.track_page(page, program)
        for api in upstream.app.apis:
            for field in api.pages:
                runtime.metrics.track_page(f"{upstream.app.title}:{field.plan.page.path}", field)
            if api.usage is not None:
                runtime.metrics.track_api(api.usage)
    counted = runtime.metrics.upstreams.observe(upstream)
    return runtime.access_log.observe(counted) if runtime.access_log else counted
