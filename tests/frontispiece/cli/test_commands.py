"""`[commands]`: typer apps of a project's own beside the commands of `front`."""

import subprocess
from pathlib import Path

import pytest

from frontispiece.settings import PROJECT_FILE
from tests.support.front import run

PROJECT = """
[commands]
inks = "inks.cli:app"
gone = "nowhere:app"
none = "inks:NAME"
graph = "inks.cli:app"

[apps.stars]
factory = "stars:create_app"
database = "STARS_DATABASE"
"""

INKS = """
import os, sys
import typer

app = typer.Typer()

@app.command()
def fill(colour: str, strong: bool = False) -> None:
    "Fills a pen."
    print(f"{colour} {strong} {os.environ['STARS_DATABASE']}")

@app.command()
def spill() -> None:
    print("It is spilt.", file=sys.stderr)
    raise typer.Exit(3)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "inks").mkdir()
    for name, text in {
        PROJECT_FILE: PROJECT,
        "inks/__init__.py": "NAME = 'ink'",
        "inks/cli.py": INKS,
        "stars.py": "def create_app():\n    return print",
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def front(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(*arguments, **{"FRONT_PROJECT": str(project), **environment})


def test_a_command_of_the_project_has_its_arguments_options_help_and_status(project: Path) -> None:
    filled = front(project, "inks", "fill", "blue", "--strong")
    spilt = front(project, "inks", "spill")

    assert filled.stdout == f"blue True sqlite:///{project}/.data/stars.db\n"
    assert (spilt.returncode, spilt.stderr) == (3, "It is spilt.\n")
    assert "Fills a pen." in front(project, "inks", "--help").stdout
    assert " inks fill " in front(project, "inks", "fill", "--help").stdout
    assert " inks … --data DIR" in front(project, "inks", "--help").stdout


def test_databases_are_those_of_the_environment_or_of_the_data_folder(project: Path, tmp_path: Path) -> None:
    elsewhere = front(project, "inks", "--data", str(tmp_path / "other"), "fill", "blue")
    set_already = front(project, "inks", "fill", "blue", STARS_DATABASE="postgresql+psycopg://stars")

    at_the_end = front(project, "inks", "fill", "blue", "--data", str(tmp_path / "other"))

    assert at_the_end.stdout == elsewhere.stdout
    assert elsewhere.stdout == f"blue False sqlite:///{tmp_path}/other/stars.db\n"
    assert set_already.stdout == "blue False postgresql+psycopg://stars\n"


def test_the_help_lists_the_project_s_commands_and_imports_none(project: Path) -> None:
    (project / "inks" / "cli.py").write_text("raise SystemExit('no ink')")
    shown = front(project, "--help")

    assert shown.returncode == 0
    assert "A command of this project (inks.cli:app)." in shown.stdout
    assert "A command of this project (nowhere:app)." in shown.stdout
    assert "`[login.clients]`" in front(project, "login", "--help").stdout


def test_the_help_works_without_a_project_and_with_a_faulty_one(project: Path) -> None:
    (project / PROJECT_FILE).write_text("[commands")

    for folder in (project, project / "inks"):
        shown = front(folder, "--help")
        assert (shown.returncode, "reload" in shown.stdout) == (0, True)
        assert front(folder, "inks", "fill", "blue").returncode == 2


def test_the_help_of_a_command_is_that_of_front(project: Path) -> None:
    shown = front(project, "inks", "-h")

    assert "fill" in shown.stdout
    assert "--install-completion" not in shown.stdout


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("gone", "nowhere:app cannot be imported: No module named 'nowhere': "),
        ("none", "inks:NAME is no typer.Typer, but str: "),
    ],
)
def test_a_command_that_cannot_be_loaded_is_named_without_a_traceback(
    project: Path, command: str, message: str
) -> None:
    done = front(project, command, "fill")

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(message)


def test_check_names_commands_that_cannot_be_loaded_or_have_a_name_of_front_s(project: Path) -> None:
    done = front(project, "check")

    assert done.returncode == 1
    for error in (
        "commands.gone: nowhere:app cannot be imported",
        "commands.none: inks:NAME is no typer.Typer",
        "commands.graph: front has a command with this name",
    ):
        assert error in done.stderr
