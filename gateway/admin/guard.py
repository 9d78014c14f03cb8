"""No page of a browser's reaches the admin port, whatever it makes the browser send."""

from collections.abc import Container
from ipaddress import ip_address

from gateway.upstream import Headers, field
from kit.problems import Problem

SAFE = frozenset({"GET", "HEAD"})


def check_host(headers: Headers, names: Container[str]) -> None:
    """Let a request through that calls this port by one of its names, or by an address.

    A page reaches it by a name of its own that leads here (DNS rebinding).

    Raises:
        Problem: 421 `host-unknown`.
    """
    host = _host((field(headers, b"host") or b"").decode("latin-1").lower())
    if host not in names and not _is_address(host):
        detail = "The admin port is not called by this name: see GATEWAY_ADMIN_HOSTS."
        raise Problem(421, "host-unknown", detail)


def check_origin(method: str, headers: Headers) -> None:
    """Let a request through that reads, or that no form of a page's can be.

    Raises:
        Problem: 403 `csrf-header-missing`.
    """
    if method in SAFE or field(headers, b"x-csrf") == b"1":
        return
    kind = (field(headers, b"content-type") or b"").partition(b";")[0].strip().lower()
    if kind != b"application/json":
        detail = "What changes anything needs X-CSRF: 1, or content in JSON."
        raise Problem(403, "csrf-header-missing", detail)


def _host(text: str) -> str:
    """The name or address in a `Host`, without its port."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
