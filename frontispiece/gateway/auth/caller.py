"""Whose a call is, for policies that treat callers apart."""

from ipaddress import IPv6Address
from socket import AF_INET6, inet_pton

from frontispiece.gateway.call import Call
from frontispiece.security import ANONYMOUS


def subject_of(call: Call) -> str | None:
    """The user's or guest's subject; None for callers of whom nothing but the address is known."""
    subject = None if call.identity is None else call.identity.subject
    return None if subject == ANONYMOUS.subject else subject


def network_of(call: Call) -> str | bytes:
    """The client's IPv4 address, or the first half of its IPv6 address: one client has a whole /64."""
    if ":" not in call.client_ip:
        return call.client_ip
    packed = inet_pton(AF_INET6, call.client_ip.partition("%")[0])
    mapped = IPv6Address(packed).ipv4_mapped if packed.startswith(bytes(10)) else None
    return str(mapped) if mapped else packed[:8]
