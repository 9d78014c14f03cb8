"""`front migrate`, and what starts on which version of a database."""

import sqlite3
import subprocess
from pathlib import Path

import pytest

from frontispiece.cli.project import Project
from frontispiece.settings import PROJECT_FILE
from tests.support.front import run
from tests.support.shop import running_shop

PROJECT = """
[apps.stars]
factory = "stars.app:create_app"
database = { STARS_DATABASE_URL = "stars.migrations", STARS_READ_DATABASE_URL = "stars.read" }

[apps.moons]
factory = "moons:create_app"
database = "MOONS_DATABASE_URL"

[gateway]
routes = "routes.toml"
"""

ROUTES = """
[services]
stars = { url = "registry://stars" }

[[routes]]
path = "/stars"
to = "stars:/health/live"
auth = "none"
"""

APP = """
import os
from contextlib import asynccontextmanager

from fastapi import FastAPI
from frontispiece.stores import Database
from stars.migrations import metadata


def create_app():
    write = Database(os.environ["STARS_DATABASE_URL"], metadata, "stars.migrations")
    read = Database(os.environ["STARS_READ_DATABASE_URL"], metadata, "stars.read")

    @asynccontextmanager
    async def lifespan(_app):
        async with write, read:
            yield

    app = FastAPI(lifespan=lifespan)
    app.get("/health/live")(lambda: "up")
    app.get("/health/ready")(lambda: "up")
    return app
"""

MODELS = """
import sqlalchemy as sa

metadata = sa.MetaData()
stars = sa.Table("stars", metadata, sa.Column("name", sa.String(20), primary_key=True){columns})
"""

VERSION = """
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table("stars", sa.Column("name", sa.String(20), primary_key=True))
"""

BRIGHTNESS = ', sa.Column("brightness", sa.Integer)'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for package in ("migrations", "read"):
        (folder / "stars" / package / "versions").mkdir(parents=True)
        (folder / "stars" / package / "__init__.py").write_text(MODELS.format(columns=""))
        (folder / "stars" / package / "versions" / "0001_stars.py").write_text(VERSION)
    (folder / "stars" / "__init__.py").touch()
    (folder / "stars" / "app.py").write_text(APP)
    (folder / "moons.py").write_text("from fastapi import FastAPI as create_app")
    (folder / PROJECT_FILE).write_text(PROJECT)
    (folder / "routes.toml").write_text(ROUTES)
    return folder


def migrate(project: Path, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return run("migrate", *arguments, "--project", project, "--data", project / "data", **variables)


def change_model(project: Path) -> None:
    (project / "stars" / "migrations" / "__init__.py").write_text(MODELS.format(columns=BRIGHTNESS))


def version(file: Path) -> str:
    with sqlite3.connect(file) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def serve(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The app, until it has refused to start."""
    data = project / "data"
    return run(
        "serve",
        "stars",
        "--project",
        project,
        "--port",
        "0",
        *options,
        STARS_DATABASE_URL=f"sqlite:///{data}/stars.db",
        STARS_READ_DATABASE_URL=f"sqlite:///{data}/stars_read.db",
        DATABASE_MIGRATE="false",
    )


def test_every_variable_of_an_app_has_a_database_of_its_own(project: Path) -> None:
    declared = Project.load(project).declared("stars")

    assert declared["STARS_DATABASE_URL"] == "sqlite:///${data}/stars.db"
    assert declared["STARS_READ_DATABASE_URL"] == "sqlite:///${data}/stars_read.db"


def test_every_database_with_migrations_is_migrated_where_its_variable_says(
    project: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    done = migrate(project, STARS_READ_DATABASE_URL=f"sqlite:///{elsewhere}")

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2, "moons has a database and no migrations"
    assert version(project / "data" / "stars.db") == version(elsewhere) == "0001"
    assert "is of version 0001" in migrate(project, "stars").stdout


@pytest.mark.parametrize("name", ["moons", "suns"])
def test_an_app_without_migrations_is_named(project: Path, name: str) -> None:
    done = migrate(project, name)

    assert done.returncode == 1
    assert name in done.stderr


def test_a_database_that_cannot_be_migrated_is_named_in_one_line(project: Path) -> None:
    away = "postgresql+psycopg://nobody:secret@127.0.0.1:1/none"
    done = migrate(project, STARS_DATABASE_URL=away)

    assert done.returncode == 1
    assert done.stderr.startswith("stars: postgresql+psycopg://nobody:***@127.0.0.1:1/none was not migrated")
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_without_its_version_is_found_and_the_version_is_written(project: Path) -> None:
    assert migrate(project, "--check").returncode == 0
    change_model(project)
    found = migrate(project, "--check")

    assert found.returncode == 1
    assert "stars (STARS_DATABASE_URL): only models: table stars: column brightness" in found.stderr

    written = migrate(project, "stars", "--new", "How bright they are")
    assert (project / "stars" / "migrations" / "versions" / "0002_how_bright_they_are.py").is_file()
    assert len(written.stdout.splitlines()) == 1, "the other database has not changed"
    again = migrate(project, "--new", "How bright they are")
    assert "make the tables of the models" in again.stdout
    assert migrate(project, "--check").returncode == 0


def test_a_service_starts_on_a_database_of_its_own_version_alone(project: Path) -> None:
    refused = serve(project)
    assert refused.returncode == 1
    assert "stars.db is empty, this code needs version 0001: run front migrate" in refused.stderr
    assert "Traceback" not in refused.stderr

    migrate(project)
    change_model(project)
    migrate(project, "stars", "--new", "How bright they are")
    assert "is of version 0001, this code needs version 0002: run front migrate" in serve(project).stderr

    migrate(project)
    (project / "stars" / "migrations" / "versions" / "0002_how_bright_they_are.py").unlink()
    assert "is of version 0002, which is newer than this code's 0001" in serve(project).stderr
    assert "which is newer" in serve(project, "--migrate").stderr


def test_front_up_migrates_by_itself(project: Path) -> None:
    data = project / "data"
    migrate(project)
    with sqlite3.connect(data / "stars.db") as connection:
        connection.execute("INSERT INTO stars VALUES ('Vega')")
    change_model(project)
    migrate(project, "stars", "--new", "How bright they are")

    with running_shop(data, "--project", str(project)):
        assert version(data / "stars.db") == "0002"
        assert version(data / "stars_read.db") == "0001"
    with sqlite3.connect(data / "stars.db") as connection:
        assert connection.execute("SELECT * FROM stars").fetchall() == [("Vega", None)]
