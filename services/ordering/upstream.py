"""How a service is called, and what its failures become.

A service that fails is told of as a `Problem` that names it: 503 when it cannot be reached, 504 when it is
too slow, 502 when it answers 5xx or nonsense. What it refuses for the caller's own sake (401, 403, 429) is
passed on as it came.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import grpc
import httpx
import msgspec

from kit.problems import Problem
from kit.tokens import Identity, Signer

log = logging.getLogger(__name__)

Shape = TypeVar("Shape")


@dataclass(frozen=True, kw_only=True, slots=True)
class Carried:
    """What goes with every call that is made for a request.

    Args:
        identity: on whose behalf it is made.
        names: headers by which the request is known everywhere.
    """

    identity: Identity
    names: Mapping[str, str]

    def headers(self, signer: Signer, service: str) -> dict[str, str]:
        """The headers of a call to a service."""
        return {"authorization": signer.authorization(self.identity, service).decode(), **self.names}


PASSED_ON: Final = frozenset({401, 403, 429})
KEPT: Final = ("Retry-After", "WWW-Authenticate")
"""What is passed on of a refusal's headers."""


class Refusal(msgspec.Struct):
    """What ordering reads of a problem+json."""

    type: str
    detail: str | None = None


class Http:
    """One service over HTTP."""

    def __init__(
        self, name: str, address: str, client: httpx.AsyncClient, timeout: float, signer: Signer
    ) -> None:
        self._name = name
        self._address = address
        self._client = client
        self._timeout = timeout
        self._signer = signer

    async def call(self, method: str, path: str, carried: Carried, **parts: Any) -> httpx.Response:
        """The service's answer: a success, or a refusal (4xx) that the caller of this method knows of."""
        headers = {**carried.headers(self._signer, self._name), **parts.pop("headers", {})}
        try:
            async with asyncio.timeout(self._timeout):  # the whole call: httpx only counts each wait in it
                answer = await self._client.request(method, self._address + path, headers=headers, **parts)
        except (TimeoutError, httpx.TimeoutException) as fault:
            raise timed_out(self._name, fault) from fault
        except httpx.TransportError as fault:
            raise unavailable(self._name, fault) from fault
        except httpx.DecodingError as fault:
            raise self.failed(fault) from fault
        if answer.status_code in PASSED_ON:
            raise self.refused(answer)
        if not (answer.is_success or answer.is_client_error):
            raise self.failed(answer.status_code)
        return answer

    def read(self, answer: httpx.Response, shape: type[Shape]) -> Shape:
        """The fields of `shape` in a successful answer."""
        if not answer.is_success:
            raise self.failed(answer.status_code)
        return self.decode(answer, shape)

    def decode(self, answer: httpx.Response, shape: type[Shape]) -> Shape:
        """The fields of `shape` in any answer."""
        try:
            return msgspec.json.decode(answer.content, type=shape)
        except (ValueError, RecursionError) as fault:  # no JSON, not the shape, or nested without end
            raise self.failed(fault) from fault

    def refused(self, answer: httpx.Response) -> Problem:
        """The service's refusal, to be passed on with its type."""
        refusal = self.decode(answer, Refusal)
        kept = {name: answer.headers[name] for name in KEPT if name in answer.headers}
        return Problem(answer.status_code, refusal.type, refusal.detail, headers=kept, service=self._name)

    def failed(self, fault: object) -> Problem:
        """Of an answer that says nothing of use."""
        return failed(self._name, fault)


def unavailable(service: str, fault: object) -> Problem:
    """Of a service that cannot be reached."""
    log.warning("%s cannot be reached: %r", service, fault)
    return Problem(
        503,
        "upstream-unavailable",
        f"{service} cannot be reached.",
        headers={"Retry-After": "1"},
        service=service,
    )


def timed_out(service: str, fault: object) -> Problem:
    """Of a service that does not answer in time."""
    log.warning("%s took too long: %r", service, fault)
    return Problem(504, "upstream-timeout", f"{service} took too long.", service=service)


def failed(service: str, fault: object) -> Problem:
    """Of a service that answers 5xx, or what cannot be understood."""
    log.warning("%s failed: %r", service, fault)
    return Problem(502, "upstream-failed", f"{service} failed.", service=service)


def of_rpc(service: str, fault: grpc.aio.AioRpcError) -> Problem:
    """The same three of a gRPC call, by its status code."""
    if fault.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return timed_out(service, fault)
    if fault.code() is grpc.StatusCode.UNAVAILABLE:
        return unavailable(service, fault)
    return failed(service, fault)
