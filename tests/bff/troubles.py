"""The ways in which services behind the BFFs fail, over HTTP and over gRPC."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import httpx

from frontispiece.http.problems import MEDIA_TYPE, Problem


def problem(
    status: int, kind: str, headers: Mapping[str, str] | None = None, **members: Any
) -> httpx.Response:
    """What a service says when it refuses."""
    fault = Problem(status, kind, f"This is {kind}.", headers=headers, **members)
    return httpx.Response(status, content=fault.body(), headers={**fault.headers, "Content-Type": MEDIA_TYPE})


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A way in which a service fails, over HTTP and over gRPC, and what becomes of it."""

    over_http: httpx.Response | Exception | None
    over_grpc: grpc.StatusCode | bytes | None
    reason: str
    status: int


DOWN = Trouble(
    over_http=httpx.ConnectError("refused"),
    over_grpc=grpc.StatusCode.UNAVAILABLE,
    reason="unavailable",
    status=503,
)
SLOW = Trouble(
    over_http=httpx.ReadTimeout("slow"),
    over_grpc=grpc.StatusCode.DEADLINE_EXCEEDED,
    reason="timeout",
    status=504,
)
FAILING = Trouble(
    over_http=httpx.Response(500, text="Oh."), over_grpc=grpc.StatusCode.INTERNAL, reason="failed", status=502
)
BABBLING = Trouble(
    over_http=httpx.Response(200, text="<p>Hello!"), over_grpc=b"\xff", reason="invalid-response", status=502
)
BREAKING_OFF = Trouble(
    over_http=httpx.RemoteProtocolError("broke off"), over_grpc=b"\xff", reason="invalid-response", status=502
)
REFUSING = Trouble(
    over_http=problem(403, "not-for-you"),
    over_grpc=grpc.StatusCode.PERMISSION_DENIED,
    reason="refused",
    status=403,
)
HANGING = Trouble(over_http=None, over_grpc=None, reason="timeout", status=504)
"""It takes a request and never answers."""


def answering(response: httpx.Response) -> Trouble:
    """It answers this."""
    return Trouble(over_http=response, over_grpc=None, reason="", status=response.status_code)
