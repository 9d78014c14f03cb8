"""What all candidates have around them: two upstreams, an issuer of tokens, and a folder for their files."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.issuer import Issuer, signing_key
from bench.processes import REST, Program, free_port, listening

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """Where everything is.

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
        """What every request carries."""
        return {"Authorization": f"Bearer {self.token}"}


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
            signing_key=signing_key(),
            token=issuer.token(),
            folder=folder,
        )
