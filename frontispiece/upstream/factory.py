"""The upstream behind the addresses that a route table has for a service, with the policies around it.

- `http://…`, `https://…`: that address, the latter through httpx.
- `h2://…`: an address with TLS that speaks HTTP/2 (see `HttpxTransport` for what that costs).
- `httpx+http://…`: that address without TLS through httpx, such as where tests put respx.
- `registry://name`, `registry://name@version`: the registered instances (`REGISTRY_URL`), or those of a
  version; without any, the addresses that the directory (the setting `SERVICES`) has for the name.
- `dns://name:port`, `srv://name`: the addresses behind a name in the DNS, for as long as its records say.
- `grpc://…`, `grpcs://…`: an address that speaks gRPC, the latter with TLS; with it, and with whatever a
  service with descriptors is found by, requests are in JSON (see `GrpcTransport`).
- `app://module:factory`: the ASGI app that the factory makes, in this very process.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from frontispiece import telemetry
from frontispiece.http.authority import normalised
from frontispiece.http.messages import Transport
from frontispiece.registry import Instance
from frontispiece.settings import Directory
from frontispiece.upstream import discovery as discover
from frontispiece.upstream.circuit_breaker import CircuitBreaker
from frontispiece.upstream.client import Upstream
from frontispiece.upstream.concurrency_limit import ConcurrencyLimiter
from frontispiece.upstream.config import BreakerPolicy, ConcurrencyPolicy, HealthPolicy
from frontispiece.upstream.discovery import Discovery
from frontispiece.upstream.load_balancer import LoadBalancer
from frontispiece.upstream.observed import traced
from frontispiece.upstream.transports.asgi import AsgiTransport, load_app
from frontispiece.upstream.transports.http1 import Http1Transport

if TYPE_CHECKING:
    from frontispiece.upstream.transports.grpc.descriptors import Descriptors

GRPC_SCHEMES = frozenset({"grpc", "grpcs"})

SCHEMES = ("http", "https", "h2", "httpx+http", *sorted(GRPC_SCHEMES), "registry", "dns", "srv", "app")

Connect = Callable[[str], Transport]
"""Makes the transport to an address."""

DISCOVERED = frozenset({"registry", "dns", "srv"})
"""Schemes of names behind which there are addresses."""

SINGLE_ONLY = DISCOVERED | {"app"}
"""Schemes of addresses that cannot be one of several."""


def url_error(url: str) -> str | None:
    """Why an address in a table cannot work; None when it can."""
    try:
        error = _url_error(urlsplit(url))
    except ValueError as invalid:  # ports and brackets are only parsed when they are read
        error = f"is no address: {invalid}"
    return f"{url!r} {error}" if error else None


def _url_error(parts: SplitResult) -> str | None:
    if parts.scheme not in SCHEMES:
        return f"is no address: it begins with none of {', '.join(f'{s}://' for s in SCHEMES)}"
    if not parts.hostname:
        return "names no host"
    if parts.scheme == "app":
        return None
    if parts.port == 0:
        return "names port 0"
    if parts.path.strip("/") or parts.query or (parts.username and parts.scheme != "registry"):
        return "is more than a scheme, a host and a port"
    return None


def url_errors(urls: Sequence[str]) -> Iterator[str]:
    """Why the addresses of one service cannot work, alone or together."""
    errors = [error for url in urls if (error := url_error(url))]
    yield from errors
    if len(urls) == 1 or errors:
        return
    lone = [url for url in urls if _scheme(url) in SINGLE_ONLY]
    yield from (f"{url!r} cannot be one of several addresses" for url in lone)
    kinds = set(map(_scheme, urls))
    if not lone and len(kinds) > 1:
        yield f"several addresses are of one kind, not {' and '.join(sorted(kinds))}"
    if len({(_scheme(url), _authority(url)) for url in urls}) < len(urls):
        yield "an address is there twice"


def _scheme(url: str) -> str:
    return url.partition("://")[0].lower()


def _authority(url: str) -> bytes:
    """Host and port, equal for equivalent addresses (RFC 3986, 6.2)."""
    return normalised(urlsplit(url).netloc.encode(), _scheme(url).removeprefix("httpx+"))


def open_upstream(
    name: str,
    url: str | Sequence[str],
    directory: Directory,
    *,
    health: HealthPolicy | None = None,
    breaker: BreakerPolicy | None = None,
    concurrency: ConcurrencyPolicy | None = None,
    descriptors: "Descriptors | None" = None,
) -> Upstream:
    """The upstream behind one address or several; it does nothing until it is entered.

    Raises:
        LookupError: the directory has no address for the name.
        ConfigError: a mounted app cannot be made.
    """
    connect: Connect | None = None
    if descriptors:
        from frontispiece.upstream.transports.grpc.transport import GrpcTransport  # noqa: PLC0415 (an extra)

        connect = partial(GrpcTransport, descriptors)
    transport, addresses = reach(name, url, directory, health=health, grpc=connect)
    app = transport.app if isinstance(transport, AsgiTransport) else None
    # From the inside out. The limit is the outermost: requests in its queue find out at once that the circuit
    # has opened meanwhile, and the breaker counts only requests that were sent.
    if breaker:
        transport = CircuitBreaker(name, transport, breaker)
    if concurrency:
        transport = ConcurrencyLimiter(transport, concurrency)
    if telemetry.is_on():
        transport = traced(name, transport)
    return Upstream(name, transport, app, addresses=addresses)


def reach(
    name: str,
    url: str | Sequence[str],
    directory: Directory,
    *,
    health: HealthPolicy | None = None,
    grpc: Connect | None = None,
) -> tuple[Transport, Mapping[str, Instance]]:
    """The transport to the service behind one address or several, and the present instances by address.

    `health` checks each of several addresses; `grpc` makes the transport to one over gRPC.

    Raises:
        LookupError: the directory has no address for the name.
        ConfigError: a mounted app cannot be made.
    """
    urls = (url,) if isinstance(url, str) else url
    discovery = None
    if _scheme(urls[0]) == "registry":
        urls, discovery = _registered(urls[0].partition("://")[2], directory, is_grpc=grpc is not None)
    connect = grpc or _transport
    if urls and _scheme(urls[0]) in {"dns", "srv"}:
        discovery = discover.dns(urls[0], scheme="grpc" if grpc else "http")
        if not grpc and _scheme(urls[0]) == "dns":
            connect = partial(Http1Transport, host=urlsplit(urls[0]).netloc)
        urls = ()
    transports = {each: connect(each) for each in urls}
    if discovery is None and len(urls) == 1:
        return transports[urls[0]], {urls[0]: Instance(address=urls[0])}
    balancer = LoadBalancer(transports, health=health, discovery=discovery, connect=connect, service=name)
    return balancer, balancer.addresses


def _registered(name: str, directory: Directory, *, is_grpc: bool) -> tuple[Sequence[str], Discovery | None]:
    """What the directory has for `name` or `name@version`, and the registry if it may have more."""
    name, _, version = name.partition("@")
    settings = directory.registry
    urls = directory.addresses(name) if name in directory.services or not settings.url else ()
    errors = [*url_errors(urls)] if urls and not is_grpc else []  # gRPC has further kinds of addresses
    if not errors and urls and _scheme(urls[0]) == "registry":
        errors = [f"{urls[0]!r} leads back to the registry"]
    if errors:
        raise LookupError(f"SERVICES: {name}: {'; '.join(errors)}")
    if not settings.url or (urls and _scheme(urls[0]) in SINGLE_ONLY):
        return urls, None
    return urls, discover.registry(name, version, settings, urls)


def _transport(address: str) -> Transport:
    scheme, rest = _scheme(address), address.partition("://")[2]
    if scheme == "app":
        return AsgiTransport(load_app(rest), rest)
    if scheme == "http":
        return Http1Transport(f"http://{rest}")
    from frontispiece.upstream.transports.httpx import HttpxTransport  # noqa: PLC0415 (few need httpx)

    if scheme == "h2":
        return HttpxTransport(f"https://{rest}", http2=True)
    return HttpxTransport(f"{scheme.removeprefix('httpx+')}://{rest}")
