"""The wheel: the platform alone, with a small base, beside packages of one's own with any name."""

import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from frontispiece.testing import started
from tests.support import front
from tests.support.foreign import write_project
from tests.support.shop import ROOT

BUILD = "from setuptools import build_meta; import sys; build_meta.build_wheel(sys.argv[1])"
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TRY_EACH = """
for code in {codes}:
    try:
        exec(code)
        print(code, "works")
    except Exception as error:
        print(str(error).splitlines()[-1])
"""
OWN_PACKAGES = ("gateway", "kit", "shop", "upstream")


def tracked(*folders: str) -> list[str]:
    """The files in these folders that git knows of and that are there."""
    command = ["git", "ls-files", "-z", "--", *folders]
    listed = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that the checkout stays clean."""
    copy, dist = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("dist")
    for name in tracked("frontispiece", "pyproject.toml", "README.md"):
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, "-c", BUILD, dist], check=True, cwd=copy, capture_output=True)
    (built,) = dist.glob("*.whl")
    return built


def required(requirements: Iterable[str]) -> dict[str, Distribution]:
    """All distributions that these requirements come to, in the environment of the tests."""
    found: dict[str, Distribution] = {}
    waiting = [(Requirement(text), "") for text in requirements]
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        found[name] = distribution(name)
        for wanted in {"", *requirement.extras}:
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                waiting += [(Requirement(text), wanted) for text in found[name].requires or ()]
    return found


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, the requirements of its base, and packages of one's own."""
    interpreter = environment(tmp_path_factory.mktemp("venv"), wheel, SETTINGS["dependencies"])
    (site,) = interpreter.parents[1].glob("lib/python*/site-packages")
    for package in OWN_PACKAGES:
        (site / package).mkdir()
        (site / package / "__init__.py").write_text(f"WHAT = 'my own {package}'\n")
    return interpreter


def environment(folder: Path, wheel: Path, requirements: Iterable[str]) -> Path:
    """The interpreter of a new environment with the wheel and these requirements."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for each in required(requirements).values():
        for top in {file.parts[0] for file in each.files or () if file.parts[0] not in {"..", "__pycache__"}}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(each.locate_file(top))))
    interpreter = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(interpreter), "install"]
    subprocess.run([*pip, "--no-index", "--no-deps", str(wheel)], check=True, capture_output=True)
    return interpreter


def ran(python: Path, code: str) -> str:
    """What a program prints in that environment, or the last line of its failure."""
    done = subprocess.run([python, "-I", "-c", code], check=False, capture_output=True, text=True)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_the_wheel_is_the_platform_alone_and_typed(wheel: Path) -> None:
    with ZipFile(wheel) as file:
        packed = set(file.namelist())

    assert [name for name in tracked("frontispiece") if name not in packed] == []
    assert "frontispiece/py.typed" in packed
    tops = {name.partition("/")[0] for name in packed}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"frontispiece"}


def test_every_extra_is_named_where_it_is_missing(python: Path) -> None:
    used = {
        "import frontispiece.stores.sql": "sql",
        "import frontispiece.service.grpc": "grpc",
        "import frontispiece.upstream.grpc": "grpc",
        "import frontispiece.service.idempotency": "sql",
        "from frontispiece.contracts.verification import pact_verifier; pact_verifier()": "contracts",
        "from frontispiece.stores.valkey.client import valkey_client as f;"
        " f('valkey://a', timeout=1, max_connections=1)": "valkey",
        "import os; os.environ['OTEL_TRACES_EXPORTER'] = 'console'; from frontispiece import telemetry;"
        " telemetry.tracing('a')": "otel",
    }

    named = ran(python, TRY_EACH.format(codes=list(used))).splitlines()

    assert len(named) == len(used)
    for line, (code, extra) in zip(named, used.items(), strict=True):
        assert line.endswith(f"install Frontispiece with the extra {extra}"), code


@pytest.fixture
def project(tmp_path: Path, python: Path) -> Path:
    return write_project(tmp_path / "project", str(python))


def test_a_table_a_mounted_bff_and_a_standalone_one_are_served_beside_packages_of_ones_own(
    python: Path, project: Path, tmp_path: Path
) -> None:
    own = ran(python, f"import {', '.join(OWN_PACKAGES)}; print(gateway.WHAT, kit.WHAT, shop.WHAT)")
    assert own == "my own gateway my own kit my own shop"
    command = [str(python.with_name("front")), "up", "--port", "0", "--data", str(tmp_path / "data")]

    with (
        started(command, tmp_path / "data", {"PYTHONPATH": ""}, cwd=project) as running,
        httpx.Client(base_url=running.url, timeout=20) as http,
    ):
        note, page, alone, stars = (http.get(path) for path in ("/notes/1", "/pages/2", "/alone/3", "/stars"))
        running.stop()

    assert note.json() == {"path": "/notes/1", "peppered": True}
    assert page.json() == {"path": "/notes/2"}
    assert alone.json() == {"path": "/notes/3"}
    assert stars.json()["GREETING"] == "hello"


@pytest.mark.parametrize(
    ("file", "line", "command", "extra"),
    [
        ("edge.toml", "compression = {}", "check", "compression"),
        ("edge.toml", "validate_requests = true", "check", "validation"),
        ("frontispiece.toml", '[environment]\nSOME_URL = "${valkey}"\n', "up --port 0", "embedded"),
    ],
)
def test_a_setting_that_needs_an_extra_is_refused_without_it(
    python: Path, project: Path, file: str, line: str, command: str, extra: str
) -> None:
    with (project / file).open("a") as settings:
        settings.write(line)

    front = [str(python.with_name("front")), *command.split()]
    done = subprocess.run(front, cwd=project, check=False, capture_output=True, text=True)

    assert done.returncode == 1
    assert f"install Frontispiece with the extra {extra}" in " ".join(done.stderr.split())


def test_a_new_project_takes_no_folder_that_has_files(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    done = front.run("init", tmp_path)

    assert done.returncode == 1
    assert f"{tmp_path} is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.fixture(scope="module")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project as `front init` makes it."""
    folder = tmp_path_factory.mktemp("new") / "project"
    front.run("init", folder)
    return folder


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ("page note", "note.py exists already"),
        ("service notes", "There is an app notes in frontispiece.toml already"),
        ("client web", "There is an app web in frontispiece.toml already"),
        ("route /web/notes/{other} --to notes", "route 3 (/web/notes/{other})"),
        ("route /free --to note", "There is no app 'note' in frontispiece.toml: did you mean 'notes'?"),
        ("page free --bff wob", "There is no BFF 'wob': those of the project are web."),
        ("client free", "tests: File exists"),
        ("page No", "'No' is no name"),
        ("page import", "'import' has another meaning"),
        ("service gateway", "'gateway' has another meaning"),
        ("layer json", "'json' has another meaning"),
        ("policy typing", "'typing' has another meaning"),
    ],
)
def test_what_cannot_be_added_leaves_all_as_it_is(
    new_project: Path, tmp_path: Path, added: str, message: str
) -> None:
    project = shutil.copytree(new_project, tmp_path / "project")
    if "File exists" in message:
        (project / "tests").rename(project / "tested")
        (project / "tests").touch()
    before = _files(project)

    done = front.run_in(project, "new", *added.split())

    assert done.returncode == 1
    assert message in done.stderr
    assert _files(project) == before


def _files(folder: Path) -> dict[Path, bytes]:
    every = (file for file in folder.rglob("*") if "__pycache__" not in file.parts)
    return {file: file.read_bytes() if file.is_file() else b"" for file in every}
