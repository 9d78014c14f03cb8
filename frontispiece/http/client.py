"""httpx as our own programs use it."""

import ssl
from functools import cache

import httpx


@cache
def default_trust() -> ssl.SSLContext:
    """The certificates of the machine, or of `SSL_CERT_FILE`: loaded once, for it takes a while."""
    return httpx.create_ssl_context()


def new_client(*, timeout: float = 5.0) -> httpx.AsyncClient:
    """A client that follows no redirects, and takes no proxy from the environment.

    Args:
        timeout: seconds to connect, and to wait for each part of a response.
    """
    return httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False, verify=default_trust())
