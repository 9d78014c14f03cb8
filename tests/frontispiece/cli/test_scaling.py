"""Why `front scale` cannot start instances: what is missing, and where."""

import fcntl
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from frontispiece.cli.run import scaling
from frontispiece.cli.run.data_folder import write_whole
from frontispiece.cli.scaffold.init import write_project
from frontispiece.errors import ConfigError
from frontispiece.settings import PROJECT_FILE
from tests.support.front import run_in
from tests.support.variables import IN_REGISTRY


def project(folder: Path, sections: str = "") -> Path:
    """A project whose app `notes` is a program by command."""
    write_project(folder)
    file = folder / PROJECT_FILE
    file.write_text(sections + file.read_text())
    return file


def scale(folder: Path, data: Path, wanted: str) -> str:
    """Run `front scale`; returns what it says."""
    done = run_in(folder, "scale", wanted, "--data", data)
    return done.stdout + done.stderr


@pytest.fixture
def in_use(tmp_path: Path) -> Iterator[Path]:
    """The data folder of a run."""
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield tmp_path


Edit = Callable[[str], str]


@pytest.mark.parametrize(
    ("sections", "edit", "message"),
    [
        (
            "",
            str,
            '[environment] of {file} lacks REGISTRY_URL = "${{nats}}", by which notes is in the registry',
        ),
        (IN_REGISTRY, str, "REGISTRY_URL is not set, and the run on {data} has no NATS server of its own"),
        (
            IN_REGISTRY,
            lambda text: text.replace("${port}", "8000"),
            "notes listens on a port of its own: instances need ${{port}} in apps.notes.command",
        ),
    ],
)
def test_what_is_missing_is_named_with_its_place(
    tmp_path: Path, in_use: Path, sections: str, edit: Edit, message: str
) -> None:
    file = project(tmp_path / "project", sections)
    file.write_text(edit(file.read_text()))

    assert message.format(file=file, data=in_use) in scale(tmp_path / "project", in_use, "notes=2")


def test_a_gateway_is_not_scaled_but_has_workers(tmp_path: Path, in_use: Path) -> None:
    project(tmp_path / "project")

    assert "gateway has one address, " in scale(tmp_path / "project", in_use, "gateway=2")


def test_a_project_that_does_not_run_cannot_be_scaled(tmp_path: Path) -> None:
    project(tmp_path / "project", IN_REGISTRY)

    said = scale(tmp_path / "project", tmp_path / "elsewhere", "notes=2")

    assert f"no front up or front dev runs on {tmp_path / 'elsewhere'}" in said


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(ConfigError, match="taken cannot be written: Is a directory"):
        write_whole(tmp_path / "taken", {})

    assert [each.name for each in tmp_path.iterdir()] == ["taken"]


def test_commands_at_the_same_time_leave_one_whole_file(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda count: scaling.scale(tmp_path, {"notes": count}), range(500)))

    assert json.loads((tmp_path / scaling.FILE).read_text())["notes"] < 500
    assert [each.name for each in tmp_path.iterdir()] == [scaling.FILE]
