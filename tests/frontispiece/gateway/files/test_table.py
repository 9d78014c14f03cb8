"""Routes with files that cannot serve are refused with the table, by file and line."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from frontispiece.errors import ConfigError
from frontispiece.gateway.config.table import load, parse
from frontispiece.gateway.files import folder as limits
from frontispiece.gateway.files.config import CONTENT_SECURITY_POLICY, Files
from tests.frontispiece.gateway.files.conftest import INDEX, files_route, write
from tests.support.tables import Json, Services, errors_of, route, route_table

SERVICES: Services = {"things": {}}
PAGE = (Path(__file__).parents[4] / "docs" / "edge" / "files.md").read_text("utf-8")


def errors(*routes: Json) -> list[str]:
    return errors_of(*routes, services=SERVICES)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"path": "/{file}"}, "files are served below a path"),
        ({"path": "/{a}/{file:path}"}, "files are served below a path"),
        ({"path": "/m/{file:path}"}, "files: pages: not below /m/, the path of the route: /, /search"),
        ({"methods": ["GET", "POST"]}, "methods: files answer GET"),
        ({"methods": ["HEAD"]}, "methods: files answer GET"),
        ({"auth": "passthrough"}, 'auth = "passthrough" hands credentials to a service'),
        ({"cache": {}}, "cache is for responses of services"),
        ({"compression": {}}, "compression is for responses of services"),
        ({"retry": {}}, "retry is for routes to one service: files have none"),
        ({"to": "things"}, "a route has to or files, not both"),
        ({"keys": {"folders": "x"}}, "files: folders: unknown key: did you mean 'folder'?"),
        ({"keys": {"folder": None}}, "files: folder: is missing"),
        ({"keys": {"include": ["../etc"]}}, "'../etc' is no path within the folder"),
        ({"keys": {"index": "/index.html"}}, "'/index.html' is no path within the folder"),
        ({"keys": {"include": ["web/.git"]}}, "'web/.git' is no path within the folder"),
        ({"keys": {"pages": ["/x/{rest:path}"]}}, "takes the rest of a path"),
        ({"keys": {"pages": ["x"]}}, "'x' does not begin with a slash"),
        ({"keys": {"pages": []}}, "a client has at least one page"),
        ({"keys": {"content_security_policy": "a\nb"}}, "content_security_policy"),
    ],
)
def test_keys_that_do_not_go_with_files_are_refused(folder: Path, more: Json, message: str) -> None:
    written = {"path": "/{file:path}", **more}

    assert any(message in error for error in errors(files_route(folder, **written))), message


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"web/index.html": INDEX.replace("main.js", "gone.js")}, "web/index.html refers to gone.js"),
        ({"web/index.html": INDEX.replace("../shared/tokens", "../../etc/x")}, "refers to ../../etc/x.css"),
        ({"web/index.html": INDEX.replace("favicon.svg", "../node_modules/tool/index.js")}, "refers to ../"),
        ({"web/main.js": 'import "./gone.js";\n'}, "web/main.js imports web/gone.js, which is not among"),
        ({"web/pages/home.js": 'export * from "../../gone.js";\n'}, "web/pages/home.js imports gone.js"),
        ({"web/index.html": INDEX.replace("app.web", "../shared/app.web"), "shared/app.webmanifest": "{}"},
         "web/index.html refers to shared/app.webmanifest, which has to be in the folder of web/index.html"),
        ({"web/index.html": b"\xff"}, "web/index.html is not UTF-8"),
    ],
)  # fmt: skip
def test_references_that_lead_nowhere_are_faults(
    folder: Path, files: Mapping[str, str | bytes], message: str
) -> None:
    write(folder, files)

    (error,) = errors(files_route(folder))

    assert error.startswith("route 1 (/{file:path}): files: ")
    assert message in error


def test_missing_folders_and_files_are_faults_all_at_once_beside_others(folder: Path) -> None:
    found = errors(
        files_route(folder / "none", "/a/{file:path}", keys={"pages": ["/a/"]}),
        files_route(folder, "/b/{file:path}", keys={"pages": ["/b/"], "include": ["web", "x", "y"]}),
        files_route(folder, "/c/{file:path}", keys={"pages": ["/c/"], "index": "web/other.html"}),
        route("/d", to="nobody"),
    )

    for place, message in [
        ("route 1 (/a/{file:path})", f"there is no folder {folder / 'none'}"),
        ("route 2 (/b/{file:path})", f"include: there is no x in {folder}"),
        ("route 2 (/b/{file:path})", f"include: there is no y in {folder}"),
        ("route 3 (/c/{file:path})", "there is no web/other.html among the files"),
    ]:
        assert f"{place}: files: {message}" in "\n".join(found)


def test_a_link_to_what_is_hidden_or_not_included_is_no_folder_to_include(folder: Path) -> None:
    write(folder, {".git/config": "secret"})
    (folder / "git").symlink_to(".git")
    (folder / "tools").symlink_to("node_modules")

    found = errors(files_route(folder, keys={"include": ["web", "shared", "git", "tools"]}))

    assert [error.partition(": files: ")[2] for error in found] == [
        f"include: {name} is a link to what is hidden or not included" for name in ("git", "tools")
    ]


def test_a_name_that_is_not_utf_8_is_a_fault(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/web/a\xff.txt")).write_text("")

    (error,) = errors(files_route(folder))

    assert "the name of the file 'web/a\\udcff.txt' is not UTF-8" in error


def test_a_folder_that_is_too_large_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FILES", 3)

    (error,) = errors(files_route(folder))

    assert "has more than 3 files and 32 MiB: include names those that are served" in error


def test_a_fault_of_files_is_named_with_file_and_line_and_folders_are_the_project_s(tmp_path: Path) -> None:
    write(tmp_path, {"frontispiece.toml": "", "clients/index.html": '<script src="gone.js"></script>'})
    table = route_table(route("/{file:path}", to=None, files="clients"), services=SERVICES)
    write(tmp_path, {"gateway/routes.toml": table})

    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "gateway" / "routes.toml")

    line = 1 + table.splitlines().index('files = "clients"')
    message = "files: index.html refers to gone.js, which is not among the files"
    assert refused.value.errors == [
        f"{tmp_path}/gateway/routes.toml:{line}: route 1 (/{{file:path}}): {message}"
    ]


def test_without_a_project_folders_are_relative_to_the_table_s_own(tmp_path: Path) -> None:
    write(tmp_path, {"clients/index.html": ""})
    write(
        tmp_path,
        {"routes.toml": route_table(route("/{file:path}", to=None, files="clients"), services=SERVICES)},
    )

    (only,) = load(tmp_path / "routes.toml").routes

    assert only.files is not None
    assert only.answered_by == ["files of clients"]


def test_every_key_is_documented_with_its_default_policy() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == set(Files.model_fields)
    assert " ".join(PAGE.split()).count(CONTENT_SECURITY_POLICY) == 1


@pytest.mark.parametrize("example", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_each_example_is_in_order(example: str, tmp_path: Path) -> None:
    write(tmp_path / "clients", {"web/index.html": "", "shared/a.css": "", "mobile/index.html": ""})
    write(tmp_path / "handbook", {"index.html": ""})

    table = parse('[services.things]\nurl = "http://things"\n' + example, folder=tmp_path)

    assert all(each.files for each in table.routes)
