"""From the addresses that a table names to a transport, with the policies around it that it asks for.

- `http://…`, `https://…`: that address, the latter through httpx.
- `h2://…`: an address with TLS that speaks HTTP/2 (see `HttpxTransport` for what that costs).
- `httpx+http://…`: that address without TLS through httpx, such as where tests put respx.
- `registry://name`: the addresses that the directory (the setting `SERVICES`) has for the name.
- `app://module:factory`: the ASGI app that the factory makes, in this very process.
"""

from collections.abc import Iterator, Sequence
from urllib.parse import SplitResult, urlsplit

from gateway.upstream.balance import Balanced
from gateway.upstream.breaker import Breaker
from gateway.upstream.client import Upstream
from gateway.upstream.limit import Limited
from gateway.upstream.message import Transport
from gateway.upstream.mounted import MountedTransport, load_app
from gateway.upstream.native import NativeTransport
from gateway.upstream.over_httpx import HttpxTransport
from gateway.upstream.policy import BreakerPolicy, ConcurrencyPolicy, HealthPolicy
from kit.settings import Directory

SCHEMES = ("http", "https", "h2", "httpx+http", "registry", "app")


def fault_of(url: str) -> str | None:
    """What is wrong with an address in a table, None when nothing is."""
    try:
        what = _fault(urlsplit(url))
    except ValueError as fault:  # ports and brackets are only read when they are asked for
        what = f"is no address: {fault}"
    return f"{url!r} {what}" if what else None


def _fault(parts: SplitResult) -> str | None:
    if parts.scheme not in SCHEMES:
        return f"is no address: it begins with none of {', '.join(f'{s}://' for s in SCHEMES)}"
    if not parts.hostname:
        return "names no host"
    if parts.scheme == "app":
        return None
    if parts.port == 0:
        return "names a port at which nobody can be"
    if parts.path.strip("/") or parts.query or parts.username:
        return "is more than a scheme, a host and a port"
    return None


def faults_of(urls: Sequence[str]) -> Iterator[str]:
    """What is wrong with the addresses of one service, one by one and together."""
    faults = [fault for url in urls if (fault := fault_of(url))]
    yield from faults
    if len(urls) == 1 or faults:
        return
    lone = [url for url in urls if url.startswith(("app://", "registry://"))]
    yield from (f"{url!r} cannot be one of several addresses" for url in lone)
    kinds = {url.partition("://")[0] for url in urls}
    if not lone and len(kinds) > 1:
        yield f"several addresses are of one kind, not {' and '.join(sorted(kinds))}"
    if len({url.rstrip("/") for url in urls}) < len(urls):
        yield "an address is there twice"


def open_upstream(
    name: str,
    url: str | Sequence[str],
    directory: Directory,
    *,
    health: HealthPolicy | None = None,
    breaker: BreakerPolicy | None = None,
    concurrency: ConcurrencyPolicy | None = None,
) -> Upstream:
    """The upstream behind an address, or behind several; it does nothing until it is entered.

    Raises:
        LookupError: the directory has no address for the name, or no such app exists.
    """
    urls = (url,) if isinstance(url, str) else url
    if urls[0].startswith("registry://"):
        urls = _registered(urls[0].removeprefix("registry://"), directory)
    # From the inside out. The limit is the outermost: calls that wait for their turn find out at once that
    # the circuit has opened meanwhile, and the breaker counts only calls that were made.
    transports = {each: _transport(each) for each in urls}
    transport = only = transports[urls[0]]
    if len(urls) > 1:
        transport = Balanced(transports, health=health)
    if breaker:
        transport = Breaker(name, transport, breaker)
    limited = None
    if concurrency:
        transport = limited = Limited(transport, concurrency)
    return Upstream(name, transport, only.app if isinstance(only, MountedTransport) else None, limited)


def _registered(name: str, directory: Directory) -> tuple[str, ...]:
    urls = directory.addresses(name)
    faults = [*faults_of(urls)]
    if not faults and urls[0].startswith("registry://"):
        faults = [f"{urls[0]!r} leads back to the registry"]
    if faults:
        raise LookupError(f"SERVICES: {name}: {'; '.join(faults)}")
    return urls


def _transport(address: str) -> Transport:
    if address.startswith("app://"):
        return MountedTransport(load_app(address.removeprefix("app://")))
    if address.startswith("http://"):
        return NativeTransport(address)
    if address.startswith("h2://"):
        return HttpxTransport(f"https://{address.removeprefix('h2://')}", http2=True)
    return HttpxTransport(address.removeprefix("httpx+"))
