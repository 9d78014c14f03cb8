"""Whether a URL or a host is of this machine."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine, where no proxy may stand between."""
    try:
        return is_loopback_host(urlsplit(url).hostname)
    except ValueError:  # it is no URL
        return False


def is_loopback_host(host: str | None) -> bool:
    """Whether a name or an address is that of this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False
