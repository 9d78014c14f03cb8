"""New projects, from the wheel: docs/tutorial.md, command by command, and one with all that can be added."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Self

import pytest

from frontispiece.testing import RunningProject, started
from tests.frontispiece.test_package import SETTINGS, environment, wheel
from tests.support.serving import free_ports
from tests.support.shop import ROOT

__all__ = ["wheel"]

PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"(?P<before>[^\n]*)\n\n```(?P<kind>\w+)\n(?P<text>.*?)```\n", re.DOTALL)
EXTRAS = ("compression", "contracts", "testing")
OF_MAKE = {"MAKEFLAGS", "MAKELEVEL", "PYTHON"}
"""Variables of a `make test` of this suite, which the tutorial's own make would take for its own."""

MAX_COMMANDS = 25
MAX_LINES = 120


class Step(NamedTuple):
    """A command with what it prints, or a file with what is written to it, or added at its end."""

    command: str = ""
    prints: str = ""
    file: str = ""
    content: str = ""
    added: bool = False


def steps() -> Iterator[Step]:
    """What the page says, in its order."""
    for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        if block["kind"] == "console":
            for part in re.split(r"^\$ ", block["text"], flags=re.MULTILINE)[1:]:
                command, _, prints = part.partition("\n")
                yield Step(command=command, prints=prints.strip())
        else:
            file = re.findall(r"`([\w./]+\.\w+)`", block["before"])[-1]
            added = "t the end of" in block["before"]
            yield Step(file=file, content=block["text"], added=added)


class Shell:
    """A shell in which one command runs after the other."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=environ,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        with self._bash:
            self._bash.communicate("exit\n")

    def run(self, command: str) -> str:
        """What a command prints, which has to succeed."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f"{command}\necho; echo ended $?\n")
        self._bash.stdin.flush()
        printed: list[str] = []
        while not (line := self._bash.stdout.readline()).startswith("ended "):
            assert line, f"{command}: the shell has ended: {''.join(printed)}"
            printed.append(line)
        assert line == "ended 0\n", f"{command}: {''.join(printed)}"
        return "".join(printed).strip()


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with what the page's first command installs."""
    wanted = [each for extra in EXTRAS for each in SETTINGS["optional-dependencies"][extra]]
    return environment(tmp_path_factory.mktemp("venv"), wheel, [*SETTINGS["dependencies"], *wanted])


@pytest.mark.skipif(shutil.which("node") is None, reason="a service of the tutorial is in Node")
def test_everything_that_the_tutorial_says_happens(python: Path, tmp_path: Path) -> None:
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    outside = {name: value for name, value in os.environ.items() if name not in OF_MAKE}
    environ = {**outside, "PATH": path, "PYTHONPATH": "", "COLUMNS": "300"}
    port = str(free_ports())
    with Shell(tmp_path, environ) as shell, ExitStack() as running:
        for step in steps():
            if step.file:
                _write(tmp_path / "reading" / step.file, step)
            elif step.command == "front up":
                running.close()
                running.enter_context(_running(python, tmp_path / "reading", port))
            elif not step.command.startswith("pip "):
                printed = shell.run(step.command.replace("8080", port))
                pattern = re.escape(step.prints).replace("…", ".*")
                assert re.fullmatch(pattern or ".*", printed, re.DOTALL), f"{step.command}:\n{printed}"


def test_the_tutorial_is_short() -> None:
    every = list(steps())
    lines = [line for step in every for line in step.content.splitlines() if line.strip()]

    assert sum(bool(step.command) for step in every) <= MAX_COMMANDS
    assert len(lines) <= MAX_LINES, len(lines)


def test_a_new_project_and_what_is_added_to_it_passes_its_own_tests_and_checks(
    python: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    environ = {**os.environ, "PYTHONPATH": "", "COLUMNS": "200"}
    front = str(python.with_name("front"))

    made = run([front, "init", str(project)], tmp_path, environ)
    said = ""
    for added in (
        "page order-history",
        "screen wishes",
        "client mobile",
        "service stars",
        "policy greeting",
        "route /api/titles/{note_id} --to notes:/notes/{note_id}",
    ):
        said += run([front, "new", *added.split()], project, environ)
    tested = run(["make", "test", f"PYTHON={python}"], project, environ)
    checked = run(["make", "check", f"PYTHON={python}"], project, environ)
    verified = run([front, "contracts"], project, environ)

    assert "make run" in made
    paths = ["/web/order-history/1", "/web/wishes/1", "/mobile/home", "/api/stars/1"]
    assert re.findall(r"serves it at (\S+)\.", said) == paths
    assert "15 passed" in tested
    assert "are in order" in checked
    assert "Every version in the field has what it relies on." in verified


def run(command: list[str], folder: Path, environ: dict[str, str]) -> str:
    """What a command prints, which has to succeed."""
    done = subprocess.run(command, check=False, cwd=folder, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _write(file: Path, step: Step) -> None:
    before = file.read_text() + "\n\n" if step.added else ""
    file.write_text(before + step.content)


def _running(python: Path, project: Path, port: str) -> ExitStack:
    """The project, until the stack is closed."""
    stack = ExitStack()
    command = [str(python.with_name("front")), "up", "--port", port]
    variables = {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": ""}
    started_project: RunningProject = stack.enter_context(
        started(command, project / ".data", variables, project)
    )
    assert port in started_project.url
    return stack
