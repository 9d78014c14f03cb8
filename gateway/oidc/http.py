"""How the issuer is asked: within bounds of time and size, and never led elsewhere by its answers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import msgspec

from gateway.oidc.errors import ProviderUnavailable

PATIENCE: Final = 5.0
"""Seconds until an answer is there whole."""

LONGEST: Final = 256 * 1024
"""Bytes of an answer at most."""

SERVER_ERROR: Final = 500

ACCEPTED: Final = {"accept": "application/json", "accept-encoding": "identity"}
"""Nothing compressed: a small answer could unfold into a huge one."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What the issuer answered."""

    status: int
    content: bytes

    def object(self) -> dict[str, Any]:
        """The JSON object that it is.

        Raises:
            ProviderUnavailable: it is none.
        """
        try:
            return msgspec.json.decode(self.content, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
            raise ProviderUnavailable(f"the issuer's answer cannot be read: {fault}") from fault


def new_client() -> httpx.AsyncClient:
    """A client for the issuer: no proxy out of the environment, and no redirect is followed."""
    return httpx.AsyncClient(timeout=PATIENCE, follow_redirects=False, trust_env=False)


async def ask(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answered:
    """What the issuer answers, below 500.

    Raises:
        ProviderUnavailable: nothing, too late, too much, or that it is broken.
    """
    try:
        async with asyncio.timeout(PATIENCE):
            return await _asked(http, method, url, form, {**ACCEPTED, **(headers or {})})
    except TimeoutError as fault:
        raise ProviderUnavailable(f"{url} did not answer within {PATIENCE:g} s") from fault
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        raise ProviderUnavailable(f"{url} cannot be reached: {fault!r}") from fault


async def _asked(
    http: httpx.AsyncClient, method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
) -> Answered:
    async with http.stream(method, url, data=form, headers=headers, follow_redirects=False) as response:
        if response.status_code >= SERVER_ERROR:
            raise ProviderUnavailable(f"{url} answered {response.status_code}")
        if "content-encoding" in response.headers:
            raise ProviderUnavailable(f"{url} answers compressed, which it was asked not to")
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > LONGEST:
                raise ProviderUnavailable(f"{url} answers more than {LONGEST} bytes")
        return Answered(response.status_code, bytes(content))
