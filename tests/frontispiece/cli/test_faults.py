"""What is wrong with a project is named with its place and its remedy; what can be is in `faults.py`."""

import errno
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from frontispiece.cli.main import app
from frontispiece.cli.scaffold.wiring import with_page
from frontispiece.errors import UserError
from frontispiece.server.sockets import address, bound
from tests.frontispiece.cli.faults import (
    AUTH,
    FAULTS,
    FOLDER,
    NAMES,
    PROJECT,
    RATE,
    ROUTES,
    TIMEOUT,
    UP_FAULTS,
    Files,
    Row,
)
from tests.frontispiece.gateway.grpc.library import SERVICE, descriptor_set


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a project whose modules no other test has imported."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("COLUMNS", "500")
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def _write(folder: Path, files: Files) -> None:
    for name, content in {**NAMES, **files}.items():
        if content is FOLDER:
            (folder / name).mkdir()
        elif isinstance(content, str | bytes):
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def _front(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Result:
    """What a command of the project says, in this process."""
    return CliRunner().invoke(app, [*arguments, "--project", str(folder)], env=environment)


def test_a_project_without_a_fault_has_none(folder: Path) -> None:
    _write(folder, {})

    assert _front(folder, "check").output == "✓ The route table, the settings and the pages are in order.\n"


def test_a_health_path_of_an_app_is_written_for_the_gateway_too_and_missed_by_check(folder: Path) -> None:
    _write(
        folder,
        {
            "frontispiece.toml": f'{PROJECT}health = "/h"\n\n'
            '[apps.more]\nurl = "http://a"\nhealth = "/healthz"\n'
        },
    )

    added = _front(folder, "new", "route", "/api/more", "--to", "more:/all")
    checked = _front(folder, "check")

    assert added.exit_code == 0, added.output
    assert (
        '[services.more]\nurl = "registry://more"\nhealth = { path = "/healthz" }\n'
        in (folder / "routes.toml").read_text()
    )
    (warning,) = [line for line in checked.output.splitlines() if "health" in line]
    assert warning == (
        '! warning services.notes: the gateway asks /health/ready, but [apps] has health = "/h": '
        'write health = { path = "/h" } here, too'
    )


def test_what_is_added_to_a_file_has_its_ends_of_lines(folder: Path) -> None:
    _write(folder, {"routes.toml": ROUTES.replace("\n", "\r\n")})

    added = _front(folder, "new", "route", "/api/more", "--to", "notes:/all")

    assert added.exit_code == 0, added.output
    table = (folder / "routes.toml").read_bytes()
    assert b"/api/more" in table
    assert table.count(b"\n") == table.count(b"\r\n")


def test_errors_that_a_project_had_before_are_not_blamed_on_what_is_added(folder: Path) -> None:
    for files, blamed in [
        ({"routes.toml": ROUTES.replace(TIMEOUT, 'timeout = "long"', 1)}, "has errors already"),
        ({"routes.toml": ROUTES}, "would have errors"),
    ]:
        _write(folder, files)

        refused = _front(folder, "new", "route", "/api/more/{id}", "--to", "notes:/{other}")

        assert refused.exit_code == 1
        first, *errors = refused.stderr.splitlines()
        assert first == f"Nothing was added, for the project {blamed}:"
        assert len(errors) == 1


@pytest.mark.parametrize("bug", [None, ZeroDivisionError("a bug of ours")])
def test_what_cannot_be_added_names_its_file_and_what_could_not_be_undone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, bug: Exception | None
) -> None:
    _write(folder, {})
    write_text = Path.write_text

    def refuse(path: Path, content: object, **_: object) -> int:
        if path.name == "routes.toml":
            raise bug if bug and isinstance(content, str) else OSError(errno.EFBIG, "File too large")
        assert isinstance(content, str)
        return write_text(path, content)

    monkeypatch.setattr(Path, "write_text", refuse)
    monkeypatch.setattr(Path, "write_bytes", refuse)

    added = _front(folder, "new", "route", "/api/more", "--to", "notes:/all")

    left = f"{folder / 'routes.toml'} is not as it was, and could not be brought back: File too large."
    if bug:
        assert (added.exception, added.stderr) == (bug, f"✗ {left}\n")
    else:
        said = f"Nothing was added: {folder / 'routes.toml'}: File too large.\n{left}\n"
        assert (added.exit_code, added.stderr) == (1, said)
    assert not (folder / "tests").exists()


def test_a_page_is_not_added_to_a_module_that_is_no_python() -> None:
    with pytest.raises(UserError, match=r"app\.py is no Python: invalid syntax"):
        with_page("def :", "web.pages", "note")


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ("[]", "[note.page]"),
        ("[(home.page)]", "[(home.page), note.page]"),
        ("[(other.page)]", "[note.page, (other.page)]"),
        ("[\n    home.page,  # one\n]", "[\n    home.page,  # one\n    note.page,\n]"),
        ("[\n    home.page  # one\n]", "[\n    home.page,  # one\n    note.page\n]"),
        ("[\n    home.page,]", "[\n    home.page,\n    note.page,]"),
    ],
)
def test_a_page_is_added_to_others_however_they_are_written(pages: str, expected: str) -> None:
    source = "from web.pages import {}\ncreate_app = bff('web', pages={})\n"

    added = with_page(source.format("home", pages), "web.pages", "note")
    assert added == source.format("home, note", expected)


@pytest.mark.parametrize("row", FAULTS, ids=[row.name.replace(" ", "-") for row in FAULTS])
def test_every_fault_is_named_with_its_place_and_its_remedy(folder: Path, row: Row) -> None:
    _write(folder, row.files)

    result = _front(folder, "check", environment=row.environment)

    said = result.output.replace(str(folder), "DIR").splitlines()
    assert result.exit_code == 1
    assert [line for line in said if not line.endswith("found.")] == row.expected.splitlines()


@pytest.mark.parametrize(
    ("url", "addresses", "faulty"),
    [
        ("grpc://library", "", "grpc://library"),
        ("registry://library", '{ library = "ipv4:127.0.0.1:80" }', "ipv4:127.0.0.1:80"),
        ("registry://library", '{ library = "unix:${run}/library.sock" }', None),
    ],
)
def test_a_service_of_native_grpc_is_at_an_address_that_envoy_can_call(
    folder: Path, url: str, addresses: str, faulty: str | None
) -> None:
    service = f'[services.library]\nurl = "{url}"\ndescriptors = "library.binpb"\n\n{ROUTES}'
    native = (
        f'\n[[routes]]\npath = "/{SERVICE}/{{method}}"\nto = "grpc://library"\n{AUTH}\n{RATE}\n{TIMEOUT}\n'
    )
    declared = f"{PROJECT}addresses = {addresses}\n" if addresses else PROJECT
    _write(folder, {"routes.toml": service + native, "frontispiece.toml": declared})
    (folder / "library.binpb").write_bytes(descriptor_set())

    result = _front(folder, "check")

    expected = f"✗ {folder}/routes.toml:2: services: library: url: Envoy cannot call {faulty!r}: write grpc://host:port"
    assert (result.exit_code, expected in result.output.splitlines()) == (int(bool(faulty)), bool(faulty)), (
        result.output
    )


@pytest.mark.parametrize(("name", "options", "expected"), UP_FAULTS, ids=[name for name, *_ in UP_FAULTS])
def test_what_is_taken_is_named(folder: Path, name: str, options: list[str], expected: str) -> None:
    _write(folder, {})
    with bound() as sock:
        sock.listen()
        taken = address(sock).partition(":")[2]
        replaced = [each.replace("TAKEN", taken).replace("DIR", str(folder)) for each in options]

        result = _front(folder, "up", *replaced)

    assert result.exit_code == 1, name
    assert result.output.replace(str(folder), "DIR").strip() == expected.replace("TAKEN", taken)


@pytest.mark.parametrize("name", ["routes.toml", "frontispiece.toml"])
def test_a_file_that_may_not_be_read_is_named(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(folder, {})
    read_bytes = Path.read_bytes

    def refuse(path: Path) -> bytes:  # the user of the tests may be root, who may read everything
        if path.name == name:
            raise PermissionError
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)

    result = _front(folder, "check")

    assert f"{folder / name}: it may not be read: chmod u+r gives its owner the right" in result.output
