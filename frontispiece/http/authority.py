"""Hosts and ports as RFC 3986 (3.2.2 and 6.2.3) compares them."""

from typing import Final

DEFAULT_PORTS: Final = {"http": b"80", "https": b"443"}


def host_name(authority: bytes) -> str:
    """The host of a `Host` field: in lower case, without port, and without the dot of a name's root."""
    host, _ = _split(authority)
    return host.lower().removesuffix(b".").decode("latin-1")


def normalised(authority: bytes, scheme: str) -> bytes:
    """Host and port in one form for each origin: in lower case, without an empty or the scheme's own port.

    A dot at the end of the name stays: to browsers `a.example.` is another origin than `a.example`.
    """
    host, port = _split(authority)
    if port and port.lstrip(b"0") != DEFAULT_PORTS.get(scheme):
        return b"%b:%b" % (host.lower(), port.lstrip(b"0") or b"0")
    return host.lower()


def _split(authority: bytes) -> tuple[bytes, bytes]:
    """Host and port; the colons of an address in brackets belong to the host."""
    if authority.startswith(b"["):
        host, bracket, rest = authority.partition(b"]")
        return host + bracket, rest.removeprefix(b":")
    host, _, port = authority.partition(b":")
    return host, port
