"""The provider that is not ours, as a process."""

import secrets
import select
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

import httpx

from frontispiece.server.sockets import address, bound
from tests.support.serving import client_of

HERE: Final = Path(__file__).parent / "provider"

STARTS_WITHIN: Final = 60.0
"""Seconds; it takes half of one on a machine with nothing else to do."""

ENDS_WITHIN: Final = 10.0

NEEDED: Final = (20, 19)
"""The oldest Node.js on which it runs."""


def lacking() -> str | None:
    """Why it cannot be run here; None when it can."""
    if (node := shutil.which("node")) is None:
        return "the provider that is not ours needs Node.js"
    asked = subprocess.run([node, "--version"], check=True, capture_output=True, text=True)
    version = asked.stdout.strip().removeprefix("v")
    if tuple(int(part) for part in version.split(".")[:2]) < NEEDED:
        return f"the provider that is not ours needs Node.js {'.'.join(map(str, NEEDED))}, not {version}"
    if not (HERE / "node_modules").is_dir():
        return "the provider that is not ours is not installed: `make test` does it where npm is"
    return None


class NotServing(AssertionError):
    """It did not start; what it wrote is said."""


class ForeignProvider:
    """npm's `oidc-provider`. Its address stays, its keys and all that it knows are new at each start."""

    def __init__(self) -> None:
        self._sock = bound()
        self.url = f"http://{address(self._sock)}"
        """What it calls itself."""
        self._word = secrets.token_urlsafe(16)
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Return when it serves."""
        node = shutil.which("node") or "node"
        fd = self._sock.fileno()
        with TemporaryFile("w+") as said:
            self._process = subprocess.Popen(
                [node, "provider.mjs", self.url, str(fd), self._word],
                cwd=HERE,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                pass_fds=[fd],
            )
            if not self._is_serving(self._process):
                self.stop()
                said.seek(0)
                raise NotServing(said.read())

    def stop(self) -> None:
        """Return when it has ended; it can be started again."""
        process, self._process = self._process, None
        if process is not None:
            try:
                process.communicate(timeout=ENDS_WITHIN)  # its standard input ends, and so does it
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                raise

    def close(self) -> None:
        """End it, and leave its address to nobody."""
        self.stop()
        self._sock.close()

    async def register(self, **metadata: Any) -> dict[str, Any]:
        """A new client (OpenID Connect Dynamic Client Registration 1.0)."""
        document = await self.document()
        headers = {"Authorization": f"Bearer {self._word}"}
        async with client_of(self.url) as http:
            answer = await http.post(document["registration_endpoint"], json=metadata, headers=headers)
        assert answer.status_code == 201, answer.text
        registered: dict[str, Any] = answer.json()
        return registered

    async def document(self) -> dict[str, Any]:
        """What it says of itself."""
        async with client_of(self.url) as http:
            answer = await http.get("/.well-known/openid-configuration")
        document: dict[str, Any] = answer.json()
        return document

    async def token(self, form: dict[str, str], client: dict[str, Any]) -> httpx.Response:
        """What its token endpoint answers to this client."""
        endpoint = (await self.document())["token_endpoint"]
        async with client_of(self.url) as http:
            if secret := client.get("client_secret"):
                http.auth = client["client_id"], secret
            else:
                form = form | {"client_id": client["client_id"]}
            return await http.post(endpoint, data=form)

    @staticmethod
    def _is_serving(process: "subprocess.Popen[str]") -> bool:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], STARTS_WITHIN)
        return bool(ready) and process.stdout.readline().startswith("serving")
