"""Real servers that speak TLS, with HTTP/2 where their clients do."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trustme
from hypercorn.asyncio import serve as serve_securely
from hypercorn.config import Config

from frontispiece.http.asgi import App
from frontispiece.server.sockets import address, bound

Serve = Callable[[App], Awaitable[str]]


@asynccontextmanager
async def secure_servers() -> AsyncIterator[tuple[Serve, ssl.SSLContext]]:
    """`url = await serve(app)`, and whom to trust; at the end all stop together."""
    authority = _authority()
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(trusted)
    stop = asyncio.Event()
    with TemporaryDirectory() as folder:
        settings = _settings(Path(folder))
        async with asyncio.TaskGroup() as running:

            async def serve(app: App) -> str:
                sock = bound()
                sock.listen()
                where = address(sock)
                config = Config.from_mapping({**settings, "bind": [f"fd://{sock.detach()}"]})
                running.create_task(serve_securely(app, config, shutdown_trigger=stop.wait))  # type: ignore[arg-type]
                return f"https://{where}"

            try:
                yield serve, trusted
            finally:
                stop.set()


@cache
def _authority() -> trustme.CA:
    return trustme.CA()


@cache
def _certificate() -> trustme.LeafCert:
    return _authority().issue_cert("127.0.0.1")


def _settings(folder: Path) -> dict[str, Any]:
    certificate = _certificate()
    files = {name: folder / f"{name}.pem" for name in ("certfile", "keyfile")}
    certificate.cert_chain_pems[0].write_to_path(str(files["certfile"]))
    certificate.private_key_pem.write_to_path(str(files["keyfile"]))
    quiet = {"accesslog": None, "errorlog": None, "graceful_timeout": 1.0}
    return {**{name: str(file) for name, file in files.items()}, **quiet}
