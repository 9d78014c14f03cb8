"""The documents of a project at a revision of git and now: who reads what has changed."""

import json
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from frontispiece.cli.main import app as front
from frontispiece.contracts import Revision, WorkingTree
from frontispiece.contracts.openapi import Finding, diff
from frontispiece.errors import ConfigError
from tests.frontispiece.contracts.openapi.documents import INTEGER, JSON, STRING, Json, ok, thing

TODAY = date(2030, 1, 1)
ROW = thing(name=STRING, price=INTEGER, colour=STRING)
PAGE = thing(items={"type": "array", "items": ROW}, note=STRING)
RETIRED = '[[web]]\nversion = "1.0.0"\nreleased = 2029-01-01\nretired = 2029-12-31\n'
COMMANDS = CliRunner()


def documented(schema: Json, **further: Any) -> Json:
    """A document of two operations, which clients may read."""
    operation = ok(content={JSON: {"schema": schema}}) | further
    paths = {"/things/{name}": {"get": operation}, "/unread": {"get": ok(content={JSON: {"schema": ROW}})}}
    return {"openapi": "3.1.0", "info": {"title": "bff", "version": "1"}, "paths": paths}


def pact(body: Any, *, provider: str = "bff", path: str = "/things/a") -> Json:
    """A contract of a client that reads a body."""
    interaction = {
        "description": "a thing",
        "request": {"method": "GET", "path": path},
        "response": {"status": 200, "body": {"content": body}},
    }
    return {"consumer": {"name": "web"}, "provider": {"name": provider}, "interactions": [interaction]}


class Project:
    """A project with contracts in a repository of git."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.contracts = folder / "contracts"
        self.git("init", "--quiet", "--initial-branch=main")
        (folder / "frontispiece.toml").write_text('[contracts]\nstage = "stage:staged"\n')

    def git(self, *arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(
            ["git", "-C", str(self.folder), *identity, *arguments], check=True, capture_output=True
        )

    def write(self, name: str, content: Json | str) -> None:
        file = self.contracts / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "-")

    def diff(self, revision: str = "HEAD") -> list[Finding]:
        return diff(Revision(self.contracts, revision), WorkingTree(self.contracts), TODAY)

    def found(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Severity and readers of each change by its pointer, or its kind where it has none."""
        return {
            each.change.pointer or each.change.kind: (str(each.severity), each.readers)
            for each in self.diff()
        }

    def command(self, *arguments: str) -> tuple[int, str]:
        result = COMMANDS.invoke(front, ["contracts", "diff", *arguments, "--project", str(self.folder)])
        return result.exit_code, result.output


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A BFF with one client in the field, which reads the names and prices of its rows, and a service."""
    made = Project(tmp_path)
    made.write("openapi/bff.json", documented(PAGE))
    made.write("openapi/service.json", documented(PAGE))
    made.write("web/1.0.0.json", pact({"items": [{"name": "a", "price": 1}]}))
    made.write("released.toml", '[[web]]\nversion = "1.0.0"\nreleased = 2029-01-01\n')
    made.commit()
    return made


def without(*names: str, page: Json = PAGE) -> Json:
    """The document without some of a row's or the page's members."""
    row = thing(**{name: each for name, each in ROW["properties"].items() if name not in names})
    properties = page["properties"] | {"items": {"type": "array", "items": row}}
    return documented(thing(**{name: each for name, each in properties.items() if name not in names}))


def test_nothing_has_changed_without_a_change(project: Project) -> None:
    assert project.diff() == []
    assert project.command("HEAD")[0] == 0


def test_a_break_is_an_error_where_a_version_in_the_field_reads_it_and_else_a_warning(
    project: Project,
) -> None:
    project.write("openapi/bff.json", without("price", "colour", "note"))

    assert project.found() == {
        "/items/*/price": ("error", ("web 1.0.0: a thing",)),
        "/items/*/colour": ("warning", ()),
        "/note": ("warning", ()),
    }


def test_of_several_media_types_it_is_the_document_that_a_contract_reads(project: Project) -> None:
    def of(row: Json, line: Json) -> Json:
        page = thing(items={"type": "array", "items": row})
        document = documented(page)
        content = document["paths"]["/things/{name}"]["get"]["responses"]["200"]["content"]
        content["application/x-ndjson"] = {"schema": line}
        return document

    project.write("openapi/bff.json", of(ROW, ROW))
    project.commit()
    less = thing(name=STRING, colour=STRING)
    project.write("openapi/bff.json", of(less, less))

    assert project.found() == {
        "/items/*/price": ("error", ("web 1.0.0: a thing",)),
        "/price": ("warning", ()),
    }


def test_what_a_version_reads_may_go_once_the_version_has_left_the_field_and_not_with_its_file(
    project: Project,
) -> None:
    project.write("openapi/bff.json", without("price"))
    (project.contracts / "web/1.0.0.json").unlink()
    assert project.found()["/items/*/price"][0] == "error"

    project.write("released.toml", RETIRED)
    assert project.found()["/items/*/price"][0] == "error", "a BFF without contracts counts as read"

    project.write("web/1.1.0.json", pact({"items": [{"name": "a"}]}))
    project.write(
        "released.toml",
        RETIRED + '[[web]]\nversion = "1.1.0"\n',
    )
    assert project.found()["/items/*/price"] == ("warning", ())


def test_all_of_a_service_counts_as_read_until_apps_record_their_calls(project: Project) -> None:
    project.write("openapi/service.json", without("price", "colour"))
    assert {severity for severity, _ in project.found().values()} == {"error"}

    call = {"client": "Things.get", "method": "GET", "path": "/things/{key}"}
    reads = {"items": "array", "items[]": "object", "items[].price": "integer"}
    recorded = {"consumer": "bff", "services": {"service": {"http": [{**call, "reads": reads}]}}}
    project.write("services/bff.json", recorded)
    assert project.found() == {
        "/items/*/price": ("error", ("bff: Things.get",)),
        "/items/*/colour": ("warning", ()),
    }

    gone = documented(PAGE)
    del gone["paths"]["/unread"]
    project.write("openapi/service.json", gone)
    assert project.found()["operation removed"][0] == "error", "nobody records that operation"


def test_a_removed_app_has_lost_its_operations_and_a_new_one_breaks_no_client(project: Project) -> None:
    (project.contracts / "openapi/bff.json").unlink()
    project.write("openapi/another.json", documented(PAGE))

    found = {(each.app, each.change.path): str(each.severity) for each in project.diff()}

    assert found == {
        ("bff", "/things/{name}"): "error",
        ("bff", "/unread"): "warning",
        ("another", "/things/{name}"): "info",
        ("another", "/unread"): "info",
    }


BROKEN: dict[str, Json | str] = {
    "no JSON": "{",
    "no document": {"paths": {}},
    "Swagger 2": {"swagger": "2.0", "paths": {}},
    "no paths": {"openapi": "3.1.0"},
    "a reference to nowhere": documented({"$ref": "#/components/schemas/Gone"}),
    "a reference to another file": documented({"$ref": "other.json#/A"}),
    "an operation that is none": {"openapi": "3.1.0", "paths": {"/a": {"get": 3}}},
    "a schema that is none": documented(thing(a=3)),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_document_that_cannot_be_read_or_compared_is_never_nothing_broke(
    project: Project, what: str
) -> None:
    project.write("openapi/bff.json", BROKEN[what])

    code, output = project.command("HEAD")

    assert code == 1
    assert "✓" not in output


def test_an_unknown_revision_or_a_broken_contract_is_an_error(project: Project) -> None:
    for revision in ("nowhere", "--all", "HEAD~9"):
        with pytest.raises(ConfigError, match="git cannot read"):
            project.diff(revision)
    project.write("web/1.0.0.json", "{")
    with pytest.raises(ConfigError, match="is no pact"):
        project.diff()


@pytest.mark.parametrize("name", ["openapi/bff.json", "services/shelf.json"])
def test_a_file_that_is_nested_too_deeply_is_an_error_that_names_it(project: Project, name: str) -> None:
    project.write(name, "[" * 100_000)

    with pytest.raises(ConfigError, match=f"{name}.* cannot be read"):
        project.diff()


def test_no_documents_at_all_are_an_error(tmp_path: Path) -> None:
    empty = Project(tmp_path)
    empty.write("released.toml", "")
    empty.commit()

    with pytest.raises(ConfigError, match="there is no document"):
        empty.diff()


def test_the_command_names_operation_place_reason_and_reader_and_fails(project: Project) -> None:
    project.write("openapi/bff.json", without("price", "note"))

    code, output = project.command("HEAD")
    _, as_json = project.command("HEAD", "--json")
    first = json.loads(as_json[: as_json.rindex("]") + 1])[0]

    assert code == 1
    for words in ("GET", "property removed", "errors: 1, warnings: 1, compatible: 0", "nobody in the field"):
        assert words in " ".join(output.split())
    assert first == {
        "app": "bff",
        "operation": "GET /things/{name}",
        "part": "response",
        "place": "200",
        "pointer": "/items/*/price",
        "change": "property removed",
        "detail": "",
        "verdict": "break",
        "reason": "clients that read it no longer find it",
        "readers": ["web 1.0.0: a thing"],
        "severity": "error",
    }


def test_compatible_changes_are_shown_on_request_alone(project: Project) -> None:
    more = thing(**(PAGE["properties"] | {"more": STRING}))
    project.write("openapi/bff.json", documented(more))

    quiet, loud = project.command("HEAD"), project.command("HEAD", "--all")

    assert (quiet[0], loud[0]) == (0, 0)
    assert "property added" not in quiet[1]
    assert "property added" in " ".join(loud[1].split())
