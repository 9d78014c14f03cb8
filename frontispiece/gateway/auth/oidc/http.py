"""HTTP calls to the issuer: bounded in time and size; redirects are not followed.

Problem
└── ProviderUnavailable   it cannot be reached, or its response is invalid: 503 for the caller
Exception
└── TokenRefused          it responded with an OAuth error
"""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import msgspec

from frontispiece.http.problems import Problem

TIMEOUT: Final = 5.0
"""Seconds for a whole response."""

MAX_BYTES: Final = 256 * 1024
"""The longest response body, or file of a key set, that is read."""

SERVER_ERROR: Final = 500

ACCEPTED: Final = {"accept": "application/json", "accept-encoding": "identity"}
"""Nothing compressed: a small response could unfold into a huge one."""


class ProviderUnavailable(Problem):
    """503 `issuer-unavailable`.

    The reason is for logs; it is not in the response.
    """

    def __init__(self, reason: str, *, retry_after: float = 1.0) -> None:
        super().__init__(
            503,
            "issuer-unavailable",
            "Who you are cannot be verified at the moment.",
            headers={"Retry-After": str(max(1, math.ceil(retry_after)))},
        )
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class TokenRefused(Exception):
    """The token endpoint responded with an error (RFC 6749, 5.2)."""

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(f"{error}: {description}" if description else error)
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class Response:
    """A response of the issuer, with a status below 500."""

    status: int
    content: bytes

    def json(self) -> dict[str, Any]:
        """The JSON object in the body.

        Raises:
            ProviderUnavailable: there is none.
        """
        return json_object(self.content)


def json_object(content: bytes) -> dict[str, Any]:
    """The JSON object in these bytes.

    Raises:
        ProviderUnavailable: there is none.
    """
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProviderUnavailable(f"the issuer's document cannot be read: {error}") from error


async def send(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Send one request.

    Raises:
        ProviderUnavailable: unreachable, too late, too large, compressed, or a 5xx.
    """
    try:
        async with asyncio.timeout(TIMEOUT):
            return await _send(http, method, url, form, {**ACCEPTED, **(headers or {})})
    except TimeoutError as error:
        raise ProviderUnavailable(f"{url} did not respond within {TIMEOUT:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ProviderUnavailable(f"{url} cannot be reached: {error!r}") from error


async def _send(
    http: httpx.AsyncClient, method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
) -> Response:
    async with http.stream(method, url, data=form, headers=headers, follow_redirects=False) as response:
        if response.status_code >= SERVER_ERROR:
            raise ProviderUnavailable(f"{url} responded with {response.status_code}")
        if "content-encoding" in response.headers:
            raise ProviderUnavailable(f"{url} compresses its response")
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > MAX_BYTES:
                raise ProviderUnavailable(f"{url} responded with more than {MAX_BYTES} bytes")
        return Response(response.status_code, bytes(content))
