"""What it costs to find out who is calling: `python -m bench.auth`, with `--write` into `results/auth.md`.

Everything is measured in one run on one core, beside the `jwt.decode` of PyJWT with the same key: its time
says what this machine is, and the ratios mean the same on others.
"""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final
from unittest.mock import patch

import httpx
import jwt

from bench.issuer import Issuer
from bench.timing import Times, measured, parsed_write, show
from frontispiece.gateway.auth.internal_tokens import InternalTokenIssuer
from frontispiece.gateway.auth.layers import bearer_auth
from frontispiece.gateway.auth.oidc import IssuerSettings, Provider
from frontispiece.gateway.call import Call, Handler
from frontispiece.security import Identity, Signer, new_signing_key
from frontispiece.upstream import Headers, Reply

READER: Final = Identity(subject="bench", scopes=frozenset({"shop"}), client="bench")

DECODE: Final = "PyJWT's `decode`, for comparison"
LAYER: Final = "the whole `bearer` layer, the verdict known"

LIMITS: Final = {LAYER: 5.0}
"""Microseconds that a case may take."""


def calls(handler: Handler, headers: Headers) -> Times:
    """Calls of a layer with these headers."""

    async def times(count: int) -> None:
        call = Call(
            params={},
            method="GET",
            query=b"",
            headers=headers,
            body=b"",
            request_id=b"7",
            scheme="https",
            client_ip="127.0.0.1",
        )
        for _ in range(count):
            call.headers = headers
            await handler(call)

    return times


async def nothing(_call: Call) -> Reply:
    """What is behind a layer."""
    return Reply.whole(200, b"", [])


async def cases(stack: AsyncExitStack) -> dict[str, Times]:
    """What is measured, until the stack is closed; `DECODE` is what the others are compared with."""
    issuer = Issuer("https://issuer.test")

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=issuer.documents[request.url.path.removeprefix("/")])

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    with patch("frontispiece.gateway.auth.oidc.client.new_client", return_value=http):
        provider = Provider(IssuerSettings(url=issuer.url))
        access = (await stack.enter_async_context(provider)).access_tokens()
    token = issuer.token()
    await access.verify(token)
    field, key = b"Bearer " + token.encode(), jwt.PyJWK(issuer.documents["keys"]["keys"][0])
    internal = InternalTokenIssuer(Signer(new_signing_key(), "gateway"), {"things": "things"})

    async def decode(count: int) -> None:
        for _ in range(count):
            jwt.decode(token, key, algorithms=["EdDSA"], audience="api", issuer=issuer.url)

    async def verify_anew(count: int) -> None:
        for _ in range(count):
            access.evict(subject=READER.subject)
            await access.verify(token)

    async def find_verdict(count: int) -> None:
        for _ in range(count):
            access.cached(field)

    async def sign(count: int) -> None:
        for _ in range(count):
            internal.authorization(READER, "things")

    headers = [(b"accept", b"*/*"), (b"authorization", field)]
    return {
        DECODE: decode,
        "access token, seen for the first time": verify_anew,
        "access token, its verdict known": find_verdict,
        LAYER: calls(bearer_auth(access, ["shop"])(nothing), headers),
        "internal token for a service, made before": sign,
    }


def table(figures: Mapping[str, float]) -> str:
    """The figures in Markdown, compared with that of `DECODE`."""
    lines = ["| what | µs | of `decode` | at most |", "|---|--:|--:|--:|"]
    for title, micros in figures.items():
        limit = (
            f"{LIMITS[title]:g} µs{'' if _holds(title, micros) else ' **missed**'}" if title in LIMITS else ""
        )
        lines.append(f"| {title} | {micros:.2f} | {micros / figures[DECODE]:.3f} | {limit} |")
    return "\n".join(lines)


def _holds(title: str, micros: float) -> bool:
    return micros <= LIMITS.get(title, micros)


async def _measured() -> dict[str, float]:
    async with AsyncExitStack() as stack:
        return await measured(await cases(stack))


def main() -> int:
    """Measure and print; 1 when something takes longer than it may."""
    write = parsed_write(__doc__)
    figures = asyncio.run(_measured())
    show("auth", "What it costs to find out who is calling", table(figures), write=write)
    return 0 if all(_holds(*figure) for figure in figures.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
