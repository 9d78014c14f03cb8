"""From the address that a table names to a transport.

- `http://…`, `https://…`: that address.
- `registry://name`: the address that the directory (the setting `SERVICES`) has for the name.
- `app://module:factory`: the ASGI app that the factory makes, in this very process.
"""

from urllib.parse import urlsplit

from gateway.upstream.client import Upstream
from gateway.upstream.message import Transport
from gateway.upstream.mounted import MountedTransport, load_app
from gateway.upstream.over_httpx import HttpxTransport
from kit.settings import Directory

SCHEMES = ("http", "https", "registry", "app")


def fault_of(url: str) -> str | None:
    """What is wrong with an address in a table, None when nothing is."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        return f"{url!r} is no address: it begins with none of {', '.join(f'{s}://' for s in SCHEMES)}"
    if not parts.netloc:
        return f"{url!r} names no host"
    if parts.scheme != "app" and (parts.path.strip("/") or parts.query or parts.username):
        return f"{url!r} is more than a scheme, a host and a port"
    return None


def open_upstream(name: str, url: str, directory: Directory) -> Upstream:
    """The upstream behind an address; it does nothing until it is entered.

    Raises:
        LookupError: the directory does not know the name, or no such app exists.
    """
    if url.startswith("registry://"):
        url = directory.address(url.removeprefix("registry://"))
    return Upstream(name, _transport(url))


def _transport(address: str) -> Transport:
    if address.startswith("app://"):
        return MountedTransport(load_app(address.removeprefix("app://")))
    return HttpxTransport(address)
