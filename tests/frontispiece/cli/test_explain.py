import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typer.testing import CliRunner

from frontispiece.cli.inspect.waterfall import waterfall
from frontispiece.cli.main import app
from frontispiece.cli.run.data_folder import RunAddresses, announced, locked
from frontispiece.pages.timeline import MEDIA_TYPE, PageTrace
from tests.frontispiece.cli import timelines
from tests.support.serving import nobody_there, servers
from tests.support.shop import ROOT, front

PROBLEM = "application/problem+json"


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str


@dataclass(kw_only=True)
class World:
    """A server that gives one prepared answer, and the requests that it got."""

    url: str
    answer: Response
    requests: list[Request]

    async def explain(self, *arguments: str | Path) -> Done:
        """The command, asking this server."""
        return await explain(*arguments, "--url", self.url)

    def answers(self, document: object, media_type: str = MEDIA_TYPE, status: int = 200) -> None:
        """Give this answer from now on."""
        content = document if isinstance(document, bytes) else msgspec.json.encode(document)
        self.answer = Response(content, status, media_type=media_type)


async def explain(*arguments: str | Path) -> Done:
    """The command, run to its end in a thread of this process, which is quick."""
    done = await asyncio.to_thread(CliRunner().invoke, app, ["explain", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Done(code=done.exit_code, out=done.stdout, err=done.stderr)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World(url="", answer=Response(), requests=[])

    async def answer(request: Request) -> Response:
        made.requests.append(request)
        return made.answer

    async with servers() as serve:
        made.url = await serve(Starlette(routes=[Route("/{path:path}", answer)]))
        made.answers(timelines.explained())
        yield made


async def test_a_run_on_the_data_folder_is_where_it_goes_without_a_url(world: World, tmp_path: Path) -> None:
    with locked(tmp_path), announced(tmp_path, RunAddresses(url=world.url, admin=None)):
        done = await explain("/web/products/PENS-001", "--data", tmp_path)

    assert done.code == 0, done.err
    assert world.requests[0].url.path == "/web/products/PENS-001"


async def test_a_run_that_has_crashed_gets_no_request(world: World, tmp_path: Path) -> None:
    with announced(tmp_path, RunAddresses(url=world.url, admin=None)):
        done = await explain("/web/products/PENS-001", "--data", tmp_path)

    assert (done.code, world.requests) == (1, [])
    assert "has crashed, and nothing runs now: start it again" in done.err


async def test_a_page_is_drawn_as_wide_as_the_terminal(world: World) -> None:
    process = await asyncio.create_subprocess_exec(
        *front("explain", "/web/products/PENS-001", "--url", world.url),
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "60"},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()

    assert process.returncode == 0
    assert out.decode().splitlines() == [line.plain for line in waterfall(timelines.explained(), 60)]


async def test_a_timeline_is_requested_with_the_headers_that_are_given(world: World) -> None:
    done = await world.explain("/web/products/PENS-001?limit=2", "-H", "Accept-Language: de", "-H", "X-A:b:c")

    assert done.code == 0, done.err
    assert "GET /products/{sku} · 200 · 182 of 200 ms" in done.out
    assert "Degraded: latest (timeout)" in done.out
    (asked,) = world.requests
    assert (asked.url.path, asked.url.query) == ("/web/products/PENS-001", "limit=2")
    assert asked.headers["accept"] == MEDIA_TYPE
    assert (asked.headers["accept-language"], asked.headers["x-a"]) == ("de", "b:c")
    assert "authorization" not in asked.headers


async def test_a_login_that_fails_says_why_and_the_page_is_not_requested(world: World) -> None:
    done = await world.explain("/web/basket", "--user", "shopper")

    assert done.code == 1
    assert "/web/session/login" in done.err
    assert [asked.url.path for asked in world.requests] == ["/web/session/login"]


async def test_a_page_that_failed_is_drawn_too_and_the_command_fails(world: World) -> None:
    explained = timelines.explained()
    explained.timeline.status, explained.view = 503, None
    explained.problem = {"title": "Unavailable", "status": 503, "detail": "catalog cannot be reached."}
    world.answers(explained)
    done = await world.explain("/web/products/PENS-001")

    assert done.code == 1
    assert "GET /products/{sku} · 503" in done.out
    assert "Problem: catalog cannot be reached." in done.out
    assert "product" in done.out


async def test_the_drawing_is_written_as_a_page_that_stands_alone(world: World, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    done = await world.explain("/web/products/PENS-001", "--html", file)

    assert done.code == 0, done.err
    text = timelines.text_of(file.read_text())
    assert "also_bought" in text
    assert '"name": "<b>Reed</b> & pen"' in text
    assert "Degraded: latest (timeout)" in text


async def test_a_drawing_that_cannot_be_written_is_an_error_in_a_line(world: World, tmp_path: Path) -> None:
    done = await world.explain("/web/home", "--html", tmp_path / "nowhere" / "page.html")

    assert done.code == 1
    assert "page.html" in done.err


async def test_a_route_to_a_service_is_no_page_and_the_command_says_where_to_look(world: World) -> None:
    world.answers({}, "application/json")
    done = await world.explain("/api/catalog/brands")

    assert done.code == 1
    assert "/api/catalog/brands is a route to the service catalog, and no page" in done.err
    assert "The console shows the traces of its calls" in done.err


async def test_a_page_that_does_not_explain_itself_says_how_it_would(world: World) -> None:
    world.answers({"sku": "PENS-001"}, "application/json")
    done = await world.explain("/web/products/PENS-001")

    assert done.code == 1
    assert "BFF_EXPOSE_TIMELINE=true" in done.err
    assert "GATEWAY_EXPOSE_TIMELINE=true" in done.err


@pytest.mark.parametrize(
    ("status", "detail", "hint"),
    [
        (401, "A login is wanted.", "--user USER"),
        (403, "The token lacks a scope.", "--user USER"),
        (404, "Nothing is served at this path.", "answered 404: Nothing is served"),
        (405, "This path answers POST.", "Only GET pages"),
        (500, "Something went wrong on our side.", "answered 500: Something"),
    ],
)
async def test_a_refusal_is_shown_with_what_helps(world: World, status: int, detail: str, hint: str) -> None:
    world.answers({"title": "No", "status": status, "detail": detail}, PROBLEM, status)
    done = await world.explain("/web/basket")

    assert done.code == 1
    assert detail in done.err
    assert hint in done.err
    assert not done.out


def _with_batch(place: int) -> PageTrace:
    explained = timelines.explained()
    explained.timeline.sources[0].batches = [place]
    return explained


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no timeline"),
        (b"\xff\xfe", "no timeline"),
        (b"[1, 2]", "no timeline"),
        (json.dumps({"timeline": {"page": 5}}).encode(), "no timeline"),
        (msgspec.json.encode(_with_batch(1)), "product waited for batch 1 of 1"),
        (msgspec.json.encode(_with_batch(-1)), "product waited for batch -1 of 1"),
    ],
)
async def test_an_answer_that_is_no_timeline_is_an_error_in_a_line(
    world: World, content: bytes, told: str
) -> None:
    world.answers(content)
    done = await world.explain("/web/home")

    assert done.code == 1
    assert told in done.err


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff"])
async def test_of_a_problem_that_cannot_be_read_the_status_is_shown(world: World, content: bytes) -> None:
    world.answers(content, PROBLEM, 502)
    done = await world.explain("/web/home")

    assert done.code == 1
    assert "/web/home answered 502" in done.err


async def test_where_nothing_answers_the_address_of_the_environment_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FRONT_URL", nobody_there())
    done = await explain("/web/home")

    assert done.code == 1
    assert "Is the project running?" in done.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["web/home"], "begins with a slash"),
        (["/web/home", "-H", "Accept-Language"], "Name: value"),
        (["/web/home", "-H", ": de"], "Name: value"),
        (["/web/home", "-H", "X-A: b\r\nX-C: d"], "cannot be requested"),
        (["/web/ho\x00me"], "cannot be requested"),
    ],
)
async def test_what_cannot_be_requested_is_an_error_and_not_sent(
    world: World, arguments: list[str], told: str
) -> None:
    done = await world.explain(*arguments)

    assert done.code == 1
    assert told in done.err
    assert not world.requests


async def test_an_address_that_is_none_is_an_error_in_a_line() -> None:
    done = await explain("/web/home", "--url", "ftp://127.0.0.1")

    assert done.code == 1
    assert "cannot be requested" in done.err
