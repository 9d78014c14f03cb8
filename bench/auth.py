"""What it costs to find out who is calling: `python -m bench.auth`, with `--write` into `results/auth.md`.

Everything is measured in one run on one core, beside the `jwt.decode` of PyJWT with the same key: its time
tells what this machine is, and the ratios mean the same on others. What else is measured is one
more `Case` in `CASES`.
"""

import asyncio
import platform
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final
from unittest.mock import patch

import httpx
import jwt

from bench.issuer import Issuer, signing_key
from frontispiece.gateway.auth.internal_tokens import InternalTokenIssuer
from frontispiece.gateway.auth.layers import bearer_auth
from frontispiece.gateway.auth.oidc import AccessTokens, IssuerSettings, Provider
from frontispiece.gateway.call import Call, Handler
from frontispiece.security import Identity, Signer
from frontispiece.upstream import Reply

RESULTS: Final = Path(__file__).parent / "results" / "auth.md"

ROUNDS: Final = 15
LASTS: Final = 0.02
"""Seconds of a round, about."""

READER: Final = Identity(subject="bench", scopes=frozenset({"shop"}), client="bench")


@dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """What is measured with: a gateway's parts without a gateway."""

    token: str
    field: bytes
    """The `Authorization` field with it."""

    access: AccessTokens
    handler: Handler
    """The `bearer` layer, with nothing behind it."""

    tokens: InternalTokenIssuer
    key: jwt.PyJWK
    issuer: str


Times = Callable[[Around, int], Awaitable[None]]
"""Does something so many times."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """Something that is measured.

    Args:
        title: in the table.
        times: does it.
        max_micros: microseconds that it may take; None when nothing is promised.
    """

    title: str
    times: Times
    max_micros: float | None = None


async def _decoded(around: Around, count: int) -> None:
    for _ in range(count):
        jwt.decode(around.token, around.key, algorithms=["EdDSA"], audience="api", issuer=around.issuer)


async def _first(around: Around, count: int) -> None:
    for _ in range(count):
        around.access.evict(subject=READER.subject)
        await around.access.verify(around.token)


async def _known(around: Around, count: int) -> None:
    for _ in range(count):
        around.access.cached(around.field)


async def _layer(around: Around, count: int) -> None:
    headers = [(b"accept", b"*/*"), (b"authorization", around.field)]
    call = Call(
        params={},
        method="GET",
        query=b"",
        headers=headers,
        body=b"",
        request_id=b"7",
        scheme="http",
        client_ip="127.0.0.1",
    )
    for _ in range(count):
        call.headers = headers
        await around.handler(call)


async def _told_on(around: Around, count: int) -> None:
    for _ in range(count):
        around.tokens.authorization(READER, "things")


DECODE: Final = Case(title="PyJWT's `decode`, for comparison", times=_decoded)

CASES: Final = [
    Case(title="access token, seen for the first time", times=_first),
    Case(title="access token, its verdict known", times=_known),
    Case(title="the whole `bearer` layer, the verdict known", times=_layer, max_micros=5.0),
    Case(title="internal token for a service, made before", times=_told_on),
]
"""What is measured beside `DECODE`."""


@dataclass(frozen=True, slots=True)
class Figure:
    """How many microseconds a case takes: the median of its rounds."""

    case: Case
    micros: float

    @property
    def holds(self) -> bool:
        """Whether it takes no more than it may."""
        return self.case.max_micros is None or self.micros <= self.case.max_micros


async def measured(cases: Iterable[Case], around: Around) -> list[Figure]:
    """Every case, round by round in turn, so that a busy moment is nobody's own."""
    counts = {case.title: await _count(case, around) for case in cases}
    rounds: dict[str, list[float]] = {case.title: [] for case in cases}
    for _ in range(ROUNDS):
        for case in cases:
            spent = await _seconds(case, around, counts[case.title])
            rounds[case.title].append(spent / counts[case.title] * 1e6)
    return [Figure(case, median(rounds[case.title])) for case in cases]


async def _count(case: Case, around: Around) -> int:
    """How often it can be done in a round."""
    count = 1
    while (spent := await _seconds(case, around, count)) < LASTS / 4:
        count *= 2
    return max(1, round(count * LASTS / spent))


async def _seconds(case: Case, around: Around, count: int) -> float:
    start = perf_counter()
    await case.times(around, count)
    return perf_counter() - start


async def opened(stack: AsyncExitStack) -> Around:
    """What is measured with, until the stack is closed."""
    issuer = Issuer("https://issuer.test")

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=issuer.documents[request.url.path.removeprefix("/")])

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    settings = IssuerSettings(url=issuer.url)
    with patch("frontispiece.gateway.auth.oidc.client.new_client", return_value=http):
        access = (await stack.enter_async_context(Provider(settings))).access_tokens()
    token = issuer.token()
    await access.verify(token)

    async def nothing(_call: Call) -> Reply:
        return EMPTY

    return Around(
        token=token,
        field=b"Bearer " + token.encode(),
        access=access,
        handler=bearer_auth(access, ["shop"])(nothing),
        tokens=InternalTokenIssuer(Signer(signing_key(), "gateway"), {"things": "things"}),
        key=jwt.PyJWK(issuer.documents["keys"]["keys"][0]),
        issuer=issuer.url,
    )


EMPTY: Final = Reply.whole(200, b"", [])


def table(figures: list[Figure]) -> str:
    """The figures in Markdown; the first is what the others are compared with."""
    base = figures[0].micros
    lines = ["| what | µs | of `decode` | at most |", "|---|--:|--:|--:|"]
    for figure in figures:
        limit = "" if figure.case.max_micros is None else f"{figure.case.max_micros:g} µs"
        broken = "" if figure.holds else " **missed**"
        lines.append(
            f"| {figure.case.title} | {figure.micros:.2f} | {figure.micros / base:.3f} | {limit}{broken} |"
        )
    return "\n".join(lines)


async def _main() -> list[Figure]:
    async with AsyncExitStack() as stack:
        return await measured([DECODE, *CASES], await opened(stack))


def main(arguments: list[str]) -> int:
    """Measure, print and, when asked to, write; 1 when something takes longer than it may."""
    figures = asyncio.run(_main())
    shown = table(figures)
    print(shown)  # noqa: T201 (a program for the terminal)
    if "--write" in arguments:
        about = f"CPython {platform.python_version()}, {ROUNDS} rounds; `python -m bench.auth --write`."
        RESULTS.write_text(
            f"# What it costs to find out who is calling\n\n{about}\n\n{shown}\n", encoding="utf-8"
        )
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
