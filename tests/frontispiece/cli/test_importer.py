"""`front import` sends a file to the endpoint of frontispiece.toml and shows what that reports."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typer.testing import CliRunner, Result

from frontispiece.cli.main import app
from tests.support.serving import nobody_there, servers

PROBLEM = "application/problem+json"


@dataclass(kw_only=True)
class Endpoint:
    """A server that gives one prepared response, and what it received."""

    url: str
    response: Response
    received: list[tuple[Request, bytes]]


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    made = Endpoint(url="", response=Response('{"imported": 2}', media_type="application/json"), received=[])

    async def answer(request: Request) -> Response:
        made.received.append((request, await request.body()))
        return made.response

    async with servers() as serve:
        made.url = await serve(Starlette(routes=[Route("/{path:path}", answer, methods=["POST"])]))
        yield made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "frontispiece.toml").write_text('[import]\npath = "/pens"\n')
    (tmp_path / "pens.json").write_text('[{"ink": "blue"}, {"ink": 5}]')
    return tmp_path


async def send(project: Path, url: str, *options: str) -> Result:
    arguments = ["import", str(project / "pens.json"), "--project", str(project), "--url", url, *options]
    return await asyncio.to_thread(CliRunner().invoke, app, arguments)


async def test_a_file_is_sent_as_it_is_under_a_key_of_content_and_url(
    endpoint: Endpoint, project: Path
) -> None:
    done = [await send(project, endpoint.url) for _ in range(2)]
    done.append(await send(project, endpoint.url, "--path", "/pens?currency=CHF"))
    (project / "pens.json").write_text("[]")
    done.append(await send(project, endpoint.url))

    assert [result.exit_code for result in done] == [0] * 4, done[-1].output
    assert '{"imported": 2}' in done[0].stdout
    (first, body), (again, _), (elsewhere, _), (changed, _) = endpoint.received
    assert (first.url.path, body) == ("/pens", b'[{"ink": "blue"}, {"ink": 5}]')
    assert first.headers["content-type"] == "application/json"
    assert "authorization" not in first.headers
    assert first.headers["idempotency-key"] == again.headers["idempotency-key"]
    assert len({sent.headers["idempotency-key"] for sent in (first, elsewhere, changed)}) == 3
    assert elsewhere.url.query == "currency=CHF"


async def test_rows_and_fields_that_the_endpoint_rejects_are_shown(endpoint: Endpoint, project: Path) -> None:
    errors = [
        {"row": 2, "field": "ink", "detail": "is not a \x1b colour"},
        {"row": 3, "field": None, "detail": "is odd"},
    ]
    problem = {"title": "No", "detail": "1 row is invalid.", "errors": errors}
    endpoint.response = Response(json.dumps(problem), 422, media_type=PROBLEM)

    done = await send(project, endpoint.url)

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "1 row is invalid.",
        "  row 2, field ink: is not a \N{REPLACEMENT CHARACTER} colour",
        "  row 3: is odd",
        "Nothing was imported.",
    ]


async def test_an_endpoint_that_fails_otherwise_is_named_by_its_status(
    endpoint: Endpoint, project: Path
) -> None:
    endpoint.response = Response("<html>", 502)

    assert "The endpoint answered 502." in (await send(project, endpoint.url)).stderr


async def test_without_a_running_project_or_a_file_nothing_is_imported(project: Path) -> None:
    alone = await send(project, nobody_there())
    (project / "pens.json").unlink()
    missing = await send(project, nobody_there())

    assert "Is the project running?" in alone.stderr
    assert "pens.json cannot be read" in missing.stderr
    assert "Nothing was imported." in alone.stderr


async def test_a_project_without_an_import_or_a_login_says_which_section_it_lacks(project: Path) -> None:
    as_a_user = await send(project, nobody_there(), "--user", "ann")
    (project / "frontispiece.toml").write_text("")
    without = await send(project, nobody_there())

    assert (as_a_user.exit_code, without.exit_code) == (1, 1)
    assert "has no [login]" in as_a_user.stderr
    assert "has no [import]" in without.stderr
