"""What lives as long as the gateway's process, whichever route tables it serves meanwhile."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, Self

from frontispiece import telemetry
from frontispiece.aio.background import BackgroundTasks
from frontispiece.gateway.auth.oidc import Provider
from frontispiece.gateway.auth.proofs import ProofVerifier
from frontispiece.gateway.auth.session import SessionSettings
from frontispiece.gateway.config.route import DEFAULT_ISSUER
from frontispiece.gateway.files.site import Sites
from frontispiece.gateway.grpc.data_plane import DataPlane
from frontispiece.gateway.observability.access_log import AccessLog
from frontispiece.gateway.observability.client_usage import ClientUsage
from frontispiece.gateway.observability.clients import Clients
from frontispiece.gateway.observability.metrics import Metrics
from frontispiece.gateway.own_layers import NO_LAYERS, OwnLayers
from frontispiece.gateway.policies.cache.config import CacheSettings
from frontispiece.gateway.policies.cache.store import HttpCache
from frontispiece.gateway.policies.compression.encoders import Workers
from frontispiece.gateway.policies.idempotency.config import Store
from frontispiece.gateway.policies.idempotency.stores import MemoryRecordStore, RecordStore, ValkeyRecordStore
from frontispiece.gateway.policies.load_shedding import OverloadMonitor
from frontispiece.gateway.policies.mirror import MAX_COPIES
from frontispiece.gateway.policies.rate_limit.buckets import SharedBuckets
from frontispiece.gateway.policies.request_validation.layer import ServiceDescription
from frontispiece.http.problems import Problem
from frontispiece.security import Signer
from frontispiece.settings import Directory
from frontispiece.stores.valkey import OFF, BestEffortValkey, GuardedValkey
from frontispiece.telemetry.loop_lag import LoopLag
from frontispiece.upstream import ClientDisconnected, Upstream, UpstreamError

RATE_LIMIT_TIMEOUT: Final = 0.1
"""Seconds that a call waits for Valkey to count it, before this process counts it alone."""

IDEMPOTENCY_TIMEOUT: Final = 1.0
"""Seconds that a call waits for Valkey to say whether it was carried out before, until it is refused."""


USAGE_TIMEOUT: Final = 1.0
"""Seconds that Valkey has to add up the calls of clients' versions; no call waits for it."""


class Runtime:
    """The state of one gateway process: clients, stores, caches and counters that its policies share.

    Made without I/O. Opened with `async with` before the first table; `background_work` is opened after it
    and closed before the last, because that work calls the services of tables.

    Args:
        directory: the addresses of services.
        signer: signs the internal tokens of services; None for tables that identify no caller.
        provider: the issuer whose tokens identify callers; None when no table may need one.
        further_issuers: other issuers of access tokens, by name.
        origins: those of the gateway, which proofs of possession have to be for.
        session: settings of sessions; needed by a table that has them.
        cache: how big the response cache is, and where its second level is.
        valkey_url: counts shared limits and clients' calls, and keeps idempotency records; `off` for none.
        overload: says when calls are refused because of the load; None to refuse none.
        access_log: writes a line for every request; None for none.
        expose_timeline: whether clients may see how an aggregate is joined: not for the public.
        docs: whether tables are described that do not say so.
        own_layers: the project's own, at their places among the policies.
        known_clients: the names of the clients whose versions are counted.
        traces_per_second: how many traces are begun; by default `OTEL_TRACES_SAMPLER` says it.
        data_plane: Envoy; None where native gRPC is not served.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        signer: Signer | None = None,
        provider: Provider | None = None,
        further_issuers: Mapping[str, Provider] | None = None,
        origins: Sequence[str] = (),
        session: SessionSettings | None = None,
        cache: CacheSettings | None = None,
        valkey_url: str = OFF,
        overload: OverloadMonitor | None = None,
        access_log: AccessLog | None = None,
        expose_timeline: bool = False,
        docs: bool = False,
        own_layers: OwnLayers = NO_LAYERS,
        known_clients: Iterable[str] = (),
        traces_per_second: int | None = None,
        data_plane: DataPlane | None = None,
    ) -> None:
        self.directory = directory
        self.signer = signer
        self.provider = provider
        self._further_issuers = dict(further_issuers or {})
        self.further_tokens = {n: issuer.access_tokens() for n, issuer in self._further_issuers.items()}
        """Verifies the access tokens of other issuers, by their names."""
        self.origins = tuple(origins)
        """The web origins by which clients call the gateway."""
        self.proofs = ProofVerifier(origins)
        """Verifies clients' proofs of possession, and remembers them."""
        self.session = session
        self.overload = overload
        self.access_log = access_log
        self.expose_timeline = expose_timeline
        self.docs = docs
        self.own_layers = own_layers
        self.data_plane = data_plane
        self.tracing = telemetry.tracing("gateway", traces_per_second)
        self.loop_lag = overload.loop_lag if overload else LoopLag()
        cache = cache or CacheSettings()
        shared = None if cache.valkey_url == OFF else BestEffortValkey(cache.valkey_url)
        self.cache = HttpCache(max_bytes=cache.cache_bytes, valkey=shared)
        self.compression = Workers()
        self.background = BackgroundTasks(expected=(Problem, UpstreamError, ClientDisconnected))
        """Work that goes on when its call has ended."""
        self.shadows = BackgroundTasks(limit=MAX_COPIES, shutdown_timeout=0)
        self.shared_limits: SharedBuckets | None = None
        """Rate limits that all gateways count together; None without a Valkey."""
        self.idempotency: dict[Store, RecordStore] = {Store.MEMORY: MemoryRecordStore()}
        """Stores of the first responses under an `Idempotency-Key`."""
        self.sites = Sites()
        """The files of routes, with those of earlier releases."""
        self._descriptions: dict[str, ServiceDescription] = {}
        self._valkeys: list[GuardedValkey] = []
        self._stack = AsyncExitStack()
        self.clients = Clients(known_clients)
        """Identifies the clients that send calls."""
        usage: GuardedValkey | None = None
        if valkey_url != OFF:
            counting = GuardedValkey(valkey_url, timeout=RATE_LIMIT_TIMEOUT)
            keeping = GuardedValkey(valkey_url, timeout=IDEMPOTENCY_TIMEOUT)
            usage = GuardedValkey(valkey_url, timeout=USAGE_TIMEOUT, max_connections=2)
            self._valkeys = [counting, keeping, usage]
            self.shared_limits = SharedBuckets(counting)
            self.idempotency[Store.VALKEY] = ValkeyRecordStore(keeping)
        self.client_usage = ClientUsage(usage)
        self.metrics = Metrics()
        for collector in (self.client_usage, self.cache, self.loop_lag, overload, access_log):
            if collector is not None:
                self.metrics.registry.register(collector)

    def issuer_url(self, name: str) -> str:
        """The URL of an issuer of access tokens, by its name."""
        provider = self.provider if name == DEFAULT_ISSUER else self._further_issuers[name]
        assert provider is not None, "settings and table have been checked"
        return provider.settings.url

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            issuers = self.provider, *self._further_issuers.values()
            for resource in (self.tracing, self.loop_lag, self.access_log, *issuers):
                if resource is not None:
                    await stack.enter_async_context(resource)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def background_work(self) -> AsyncIterator[None]:
        """Within, work may outlive its call; at the end it is finished or cancelled."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.cache)
            for valkey in self._valkeys:
                await stack.enter_async_context(valkey)
            await stack.enter_async_context(self.client_usage.flushing())
            await stack.enter_async_context(self.background)
            await stack.enter_async_context(self.shadows)
            yield

    def description(
        self, upstream: Upstream, authorization: Callable[[], bytes | None]
    ) -> ServiceDescription:
        """A service's OpenAPI description: one for all of its routes.

        Args:
            upstream: the service.
            authorization: makes the `Authorization` with which it is fetched, if any.
        """
        description = self._descriptions.get(upstream.name)
        if description is None or description.upstream is not upstream:  # a reload may have moved it
            description = self._descriptions[upstream.name] = ServiceDescription(
                upstream, self.background, authorization
            )
        return description
