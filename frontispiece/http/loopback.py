"""Whether a URL leads to this machine."""

from typing import Final

import httpx

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine, where no proxy may stand between.

    Raises:
        httpx.InvalidURL: it is none.
    """
    return httpx.URL(url).host in LOOPBACK
