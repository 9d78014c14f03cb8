"""The surroundings of all candidates: two upstreams, an issuer of tokens, and a folder for files."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.issuer import Issuer
from bench.processes import REST, Program, free_port, listening
from frontispiece.security import new_signing_key

ROOT = Path(__file__).parents[1]

BROWSER: Final[Mapping[str, str]] = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
    "Accept": "application/json, text/plain, */*",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Connection": "keep-alive",
    "Referer": "https://shop.example/products/pen",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-origin",
    "Priority": "u=1, i",
}
"""With Host and a token, the twelve fields of a page's call."""


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """The surroundings of a candidate.

    Args:
        shop: the upstream that answers.
        lost: one that is never asked for anything but what hangs.
        issuer: whose tokens are verified.
        signing_key: by which our gateway tells services who is calling, in PEM.
        token: a bearer token with the scope `shop`.
        folder: for logs and settings of this run.
    """

    shop: int
    lost: int
    issuer: Issuer
    signing_key: str
    token: str
    folder: Path

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries: what a browser sends, and a token."""
        return {**BROWSER, "Authorization": f"Bearer {self.token}"}


@contextmanager
def world(delay: float) -> Iterator[World]:
    """Upstreams that answer after so many seconds."""
    with TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        folder = Path(name)

        def started(role: str, *command: str) -> int:
            program = Program(
                command=[sys.executable, "-m", *command],
                port=int(command[1]),
                variables={"PYTHONPATH": str(ROOT)},
            )
            stack.enter_context(listening(program, core=REST, log=folder / f"{role}.log"))
            return program.port

        ports = [started(role, "bench.upstream", str(free_port()), str(delay)) for role in ("shop", "lost")]
        port, documents = free_port(), folder / "issuer"
        issuer = Issuer(f"http://127.0.0.1:{port}")
        issuer.write(documents)
        started("issuer", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(documents))
        yield World(
            shop=ports[0],
            lost=ports[1],
            issuer=issuer,
            signing_key=new_signing_key(),
            token=issuer.token(),
            folder=folder,
        )
