"""From the address that a table names to a transport.

- `http://…`, `https://…`: that address.
- `registry://name`: the address that the directory (the setting `SERVICES`) has for the name.
- `app://module:factory`: the ASGI app that the factory makes, in this very process.
"""

from urllib.parse import SplitResult, urlsplit

from gateway.upstream.client import Upstream
from gateway.upstream.message import Transport
from gateway.upstream.mounted import MountedTransport, load_app
from gateway.upstream.over_httpx import HttpxTransport
from kit.settings import Directory

SCHEMES = ("http", "https", "registry", "app")


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


def open_upstream(name: str, url: str, directory: Directory) -> Upstream:
    """The upstream behind an address; it does nothing until it is entered.

    Raises:
        LookupError: the directory has no address for the name, or no such app exists.
    """
    if url.startswith("registry://"):
        url = _registered(url.removeprefix("registry://"), directory)
    return Upstream(name, _transport(url))


def _registered(name: str, directory: Directory) -> str:
    url = directory.address(name)
    fault = fault_of(url)
    if fault is None and url.startswith("registry://"):
        fault = f"{url!r} leads back to the registry"
    if fault:
        raise LookupError(f"SERVICES: {name}: {fault}")
    return url


def _transport(address: str) -> Transport:
    if address.startswith("app://"):
        return MountedTransport(load_app(address.removeprefix("app://")))
    return HttpxTransport(address)
