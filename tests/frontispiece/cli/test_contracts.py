"""`front contracts` in a project that has nothing to do with the shop."""

import asyncio
import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.support.front import run
from tests.support.serving import servers
from tests.support.shop import ROOT
from tests.support.small_contracts import LIST, write_contracts
from tests.support.stub import Exchange, Stub, answering

JSON = (b"content-type", b"application/json")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of which reader 1.0.0 is released, and 1.1.0 in development."""
    write_contracts(tmp_path)
    return tmp_path


async def in_thread(*arguments: str | Path, **environment: str) -> CompletedProcess[str]:
    """The command, while this event loop serves what it calls."""
    return await asyncio.to_thread(run, *arguments, **environment)


def row(table: str, field: str) -> str | None:
    """The last cell of a field's row."""
    rows = [[cell.strip() for cell in line.split("│")] for line in table.splitlines() if "│" in line]
    return next((cells[4] for cells in rows if cells[3] == field), None)


def test_the_matrix_shows_every_version_in_the_field(project: Path) -> None:
    done = run("contracts", "--project", project)

    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if "reader" in line]
    assert [line.count("verified") for line in lines] == [1, 1]
    assert "released 2026-01-02" in lines[0]
    assert "in development" in lines[1]
    assert "Verifying a pact" not in done.stdout


def test_a_field_that_has_gone_fails_with_client_version_screen_and_field(project: Path) -> None:
    done = run("contracts", "--project", project, LACKING="author")

    assert done.returncode == 1
    assert "✗ notes: reader 1.1.0, the note's page, author: it is missing" in done.stderr
    assert "reader 1.0.0," not in done.stderr
    assert "1 reason against a release." in done.stderr
    assert "broken: 1 fault" in done.stdout


def test_a_service_in_any_language_is_compared_with_its_file_and_without_one_is_not(tmp_path: Path) -> None:
    run("init", tmp_path)
    _, script = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "contracts.md").read_text(), re.DOTALL)
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environ, check=True)
    without = run("contracts", "--project", tmp_path)
    note = {"200": {"$ref": "#/components/responses/note"}}
    document = {
        "openapi": "3.1.0",
        "paths": {"/notes/{id}": {"get": {"responses": note}}},
        "components": {"responses": {"note": {"content": {"application/json": {"schema": {}}}}}},
    }
    (tmp_path / "contracts" / "openapi").mkdir()
    (tmp_path / "contracts" / "openapi" / "notes.json").write_text(json.dumps(document))
    (calls,) = (tmp_path / "contracts" / "services").iterdir()
    contract = json.loads(calls.read_text())
    contract["services"]["nots"] = contract["services"]["notes"]
    calls.write_text(json.dumps(contract))
    compared = run("contracts", "--project", tmp_path)

    assert without.returncode == 0, without.stderr
    assert re.search(r"│ web +│ notes +│ not compared │", without.stdout)
    assert compared.returncode == 1
    assert "✗ notes: Notes.get, GET /notes/{note_id}: text is read, and not sent" in compared.stderr
    assert "✗ notes: Notes.load, GET /notes: there is no such operation" in compared.stderr
    assert "✗ nots: there is no such app: did you mean 'notes'?" in compared.stderr


def test_a_check_says_what_differs_from_a_revision(project: Path) -> None:
    (project / "contracts" / "released.toml").write_text(LIST + "released = 2026-02-03\n")

    done = run("contracts", "check", "--base", "HEAD", "--project", project)

    assert done.returncode == 0, done.stderr
    assert "i reader 1.1.0: in development → released 2026-02-03" in done.stdout
    assert "✓ These apps may be released." in done.stdout


def test_a_check_refuses_a_released_contract_that_is_changed(project: Path) -> None:
    file = project / "contracts" / "reader" / "1.0.0.json"
    file.write_bytes(file.read_bytes().replace(b"Buy ink", b"Buy pens"))

    done = run("contracts", "check", "--base", "HEAD", "--project", project)

    assert done.returncode == 1
    assert "the contract of reader 1.0.0 is changed, and the version is in the field" in done.stderr


def test_what_cannot_be_read_is_no_release(project: Path) -> None:
    unknown = run("contracts", "check", "--base", "no-such-revision", "--project", project)
    (project / "contracts" / "reader" / "1.0.0.json").write_text("{")
    unreadable = run("contracts", "check", "--project", project)

    assert (unknown.returncode, unreadable.returncode) == (1, 1)
    assert "git cannot read contracts at no-such-revision" in unknown.stderr
    assert "contracts/reader/1.0.0.json is no pact" in unreadable.stderr


def test_a_project_without_contracts_or_with_an_unknown_stage_is_an_error_in_a_line(project: Path) -> None:
    toml = project / "frontispiece.toml"
    text = toml.read_text()
    toml.write_text(text.replace("note_stage:staged", "tests.that.are.not:installed"))
    missing = run("contracts", "--project", project)
    toml.write_text(text.replace("note_stage:staged", "note_stage:__name__"))
    wrong = run("contracts", "--project", project)
    toml.write_text("")
    without = run("contracts", "--project", project)

    assert (missing.returncode, wrong.returncode, without.returncode) == (1, 1, 1)
    assert "note_stage:__name__ is no stage, but str" in wrong.stderr
    assert "tests.that.are.not:installed cannot be imported" in missing.stderr
    assert "the stage is code of the tests, run it where these run" in missing.stderr
    assert "frontispiece.toml has no [contracts]" in without.stderr


async def test_contracts_and_results_go_to_a_broker_that_is_named(project: Path) -> None:
    async def respond(exchange: Exchange) -> None:
        link = {"_links": {"pb:publish-verification-results": {"href": f"{exchange.path.decode()}/results"}}}
        await answering(201, json.dumps(link).encode(), JSON)(exchange)

    broker = Stub(respond)
    async with servers() as serve:
        url = await serve(broker)
        done = await in_thread("contracts", "check", "--project", project, PACT_BROKER_URL=url)

    assert done.returncode == 0, done.stderr
    assert "published: reader 1.0.0 with notes: verified" in done.stdout
    assert [f"{each.method} {each.path.decode()}" for each in broker.requests] == [
        f"{method} /pacts/provider/notes/consumer/reader/version/{version}{end}"
        for version in ("1.0.0", "1.1.0")
        for method, end in (("PUT", ""), ("POST", "/results"))
    ]


def test_usage_shows_the_readers_of_each_field_and_unread_ones_without_a_stage(project: Path) -> None:
    toml = project / "frontispiece.toml"
    toml.write_text(toml.read_text().replace("note_stage:staged", "tests.that.are.not:installed"))
    done = run("contracts", "usage", "--project", project)
    unread = run("contracts", "usage", "--unread", "--project", project)

    assert row(done.stdout, "text") == "reader 1.0.0, reader 1.1.0"
    assert row(done.stdout, "author.name") == "reader 1.1.0"
    assert row(done.stdout, "author.born") == "unread"
    assert row(unread.stdout, "tags") == "unread"
    assert row(unread.stdout, "text") is None


async def test_usage_adds_the_calls_that_the_gateway_has_counted(project: Path) -> None:
    today = date(2026, 6, 1).isoformat()
    counts = [
        {"route": "/notes/{name}", "client": "reader", "version": "1.0.0", "day": today, "calls": 2},
        {"route": "/notes", "client": "reader", "version": "1.0.0", "day": today, "calls": 3},
        {"route": "/notes", "client": "reader", "version": "0.9.0", "day": today, "calls": 4},
    ]
    admin = Stub(answering(200, json.dumps(counts).encode(), JSON))
    async with servers() as serve:
        url = await serve(admin)
        done = await in_thread(
            *("contracts", "usage", "--project", project, "--admin", url, "--days", "7"),
            GATEWAY_ADMIN_TOKEN="secret",
        )
        admin.answer = answering(404, b"{}", JSON)
        failed = await in_thread("contracts", "usage", "--project", project, "--admin", url)

    assert done.returncode == 0, done.stderr
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines()]
    assert ["reader 1.0.0", "released 2026-01-02", "5"] in cells
    assert ["reader 1.1.0", "in development", "0"] in cells
    assert ["reader 0.9.0", "unknown", "4"] in cells
    request = admin.requests[0]
    assert (request.path, request.query) == (b"/client-usage", b"days=7")
    assert request.all(b"authorization") == [b"Bearer secret"]
    assert failed.returncode == 1
    assert "it answers 404" in failed.stderr
