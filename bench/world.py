"""What all candidates have around them: two upstreams, a key and a token, and a folder for their files."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.processes import REST, Program, free_port, listening
from kit.settings import TokenSettings
from kit.tokens import sign

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """Where everything is.

    Args:
        shop: the upstream that answers.
        lost: one that is never asked for anything but what hangs.
        public_key: by which tokens are verified, in PEM.
        token: a bearer token with the scope `shop`.
        folder: for logs and settings of this run.
    """

    shop: int
    lost: int
    public_key: str
    token: str
    folder: Path

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"Authorization": f"Bearer {self.token}"}


@contextmanager
def world(delay: float) -> Iterator[World]:
    """Upstreams that answer after so many seconds."""
    public_key, token = keys()
    with TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        folder = Path(name)
        ports = []
        for upstream in ("shop", "lost"):
            port = free_port()
            command = [sys.executable, "-m", "bench.upstream", str(port), str(delay)]
            program = Program(command=command, port=port, variables={"PYTHONPATH": str(ROOT)})
            stack.enter_context(listening(program, core=REST, log=folder / f"{upstream}.log"))
            ports.append(port)
        yield World(shop=ports[0], lost=ports[1], public_key=public_key, token=token, folder=folder)


def keys() -> tuple[str, str]:
    """A public key, and a token that it verifies for long enough."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    settings = TokenSettings(public_key=public.decode())
    token = sign(
        private_key=private, subject="bench", scopes=["shop"], lifetime=timedelta(hours=2), settings=settings
    )
    return settings.public_key, token
