"""The address and scheme of a client behind proxies: only trusted proxies are believed.

The chain is walked from the near end. Each trusted proxy has appended the address that called it; the first
address that is not a trusted proxy's is the client's, and what stands to the left may be forged.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from frontispiece.gateway.config.edge import Edge, ForwardedStyle
from frontispiece.http.messages import Headers, HeaderSection

log = logging.getLogger(__name__)

WATCHED_CALLS: Final = 10_000
"""The first calls of untrusted peers: forwarding headers in them are warned of, once."""

MAX_HOPS: Final = 32
"""Chains are short; what lies beyond is not walked."""

FORWARDING: Final = frozenset({b"x-forwarded-for", b"x-forwarded-proto", b"forwarded"})
"""The headers in which proxies report their clients."""

SCHEMES: Final = frozenset({"http", "https"})

_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9.]+)(?::[0-9]{1,5})?")
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PAIR = re.compile(rf'({_WORD})=(?:({_WORD})|"((?:[^"\\]|\\.)*)")')

Address = IPv4Address | IPv6Address

Hop = tuple[str | None, str | None]
"""The address and scheme of a proxy's caller, as the proxy reports them; None where it does not."""


class TrustedProxies:
    """The proxies that one table trusts."""

    def __init__(self, edge: Edge) -> None:
        networks = [ip_network(text) for text in edge.trusted_proxies]
        self._hops_of = _forwarded if edge.forwarded_header is ForwardedStyle.FORWARDED else _x_forwarded
        self._trusts = lru_cache(10_000)(lambda text: _is_in(address_of(text), networks))
        self._are_there = bool(networks)
        self._watched_calls = WATCHED_CALLS

    def client(self, peer: str, scheme: str, headers: HeaderSection) -> tuple[str, str]:
        """The client's address and scheme, of a call that came from `peer` by `scheme`.

        A hop without an address (`unknown`, an obfuscated name, garbage) ends the walk: the client is the one
        that reported it. Where all are trusted, it is the farthest.
        """
        if not self._are_there or not self._trusts(peer):
            if self._watched_calls:
                self._watch(peer, headers)
            return peer, scheme
        for number, (reported, by) in enumerate(self._hops_of(headers)):
            address = None if reported is None or number == MAX_HOPS else address_of(reported)
            if address is None:
                break
            peer = str(address)
            scheme = by if by in SCHEMES else scheme
            if not self._trusts(peer):
                break
        return peer, scheme

    def _watch(self, peer: str, headers: HeaderSection) -> None:
        """Warn once when an untrusted peer reports a client: it may be a proxy that the table should name."""
        self._watched_calls -= 1
        if found := headers.by_name.keys() & FORWARDING:
            self._watched_calls = 0
            log.warning(
                "%s of %s is ignored: if that is a proxy of yours, name it in [edge] trusted_proxies, "
                "else all its clients count as one",
                min(found).decode(),
                peer,
            )


def address_of(text: str) -> Address | None:
    """An address, perhaps with a port behind it, or with brackets; None when it is none."""
    if (match := _WITH_PORT.fullmatch(text)) is not None:
        text = match[1] or match[2]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_in(address: Address | None, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    return address is not None and any(address in network for network in networks)


def _x_forwarded(headers: Headers) -> Iterator[Hop]:
    """Hops, nearest first. There may be fewer schemes than addresses: they are those of the nearest."""
    schemes = _items(headers, b"x-forwarded-proto")
    for number, address in enumerate(_items(headers, b"x-forwarded-for")):
        if not schemes:
            yield address, None
        else:
            yield address, schemes[min(number, len(schemes) - 1)].lower()


def _items(headers: Headers, name: bytes) -> Sequence[str]:
    """The items of a list, of however many fields, the last first."""
    values = [value.decode("latin-1") for known, value in headers if known == name]
    items = [item.strip(" \t") for item in ",".join(values).split(",")]
    return [item for item in reversed(items) if item]


def _forwarded(headers: Headers) -> Iterator[Hop]:
    """Hops, nearest first. A field that cannot be parsed ends the walk."""
    fields = [value.decode("latin-1") for name, value in headers if name == b"forwarded"]
    for value in reversed(fields):
        elements = _elements(value)
        if elements is None:
            yield None, None
            return
        for element in reversed(elements):
            yield element.get("for"), element.get("proto", "").lower()


def _elements(value: str) -> list[dict[str, str]] | None:
    """The elements of a `Forwarded` field (RFC 7239, 4); None when it is not one from end to end."""
    elements: list[dict[str, str]] = [{}]
    at = 0
    while at < len(value):
        if value[at] in " \t;":
            at += 1
        elif value[at] == ",":
            elements.append({})
            at += 1
        else:
            pair = _PAIR.match(value, at)
            if pair is None or not _ends(value, pair.end()) or pair[1].lower() in elements[-1]:
                return None
            reported = pair[2] if pair[2] is not None else re.sub(r"\\(.)", r"\1", pair[3])
            elements[-1][pair[1].lower()] = reported
            at = pair.end()
    return [element for element in elements if element]


def _ends(value: str, at: int) -> bool:
    rest = value[at:].lstrip(" \t")
    return not rest or rest[0] in ",;"
