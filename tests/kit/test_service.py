from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI, Request, Response

from kit import service
from kit.db import Database
from kit.problems import Problem
from kit.service import Caller, expected_version, public, scoped, tag
from kit.settings import TokenSettings
from kit.tokens import Verifier
from tests.conftest import AppClient, MakeToken


class Broken(Exception):
    """A secret of the inside."""


@pytest.fixture
async def http(token_settings: TokenSettings, app_client: AppClient) -> AsyncIterator[httpx.AsyncClient]:
    """A service with one resource, a bug, and a database that cannot be reached."""
    away = Database("postgresql+psycopg://nobody@127.0.0.1:1/none", sa.MetaData())

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield

    app = service.create(
        title="press",
        description="-",
        lifespan=lifespan,
        ready=away.ping,
        verifier=Verifier(token_settings, "press"),
    )

    @app.get("/resource")
    @public
    async def resource(request: Request, response: Response) -> str:
        tag(request, response, 7)
        return "resource"

    @app.get("/bug")
    @public
    async def bug() -> None:
        raise Broken("a secret of the inside")

    @app.get("/kept")
    @public
    async def kept() -> None:
        await away.ping()

    @app.get("/private")
    async def private() -> str:
        return "for some"

    @app.post("/written", dependencies=[scoped("write", "guest")])
    async def written(caller: Caller) -> str:
        return caller.subject

    async with app_client(app) as client:
        yield client


@pytest.fixture
def audience() -> str:
    return "press"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/private"), ("HEAD", "/private"), ("POST", "/written")]
)
async def test_what_is_not_marked_public_is_answered_to_nobody_without_a_token(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    for headers in ({}, {"Authorization": "Bearer a.b.c"}, {"Authorization": "Basic cmVhZGVyOng="}):
        answer = await http.request(method, path, headers=headers)
        assert (answer.status_code, "www-authenticate" in answer.headers) == (401, True)


async def test_a_token_for_this_service_opens_what_is_not_public(
    http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    assert (await http.get("/private", headers=bearer("reader"))).json() == "for some"


async def test_one_of_the_scopes_is_enough_and_without_any_the_first_is_asked_for(
    http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    for scope in ("write", "guest"):
        assert (await http.post("/written", headers=bearer("reader", scope))).json() == "reader"
    refused = await http.post("/written", headers=bearer("reader", "read"))
    assert (refused.status_code, refused.json()["scope"]) == (403, "write")


@pytest.mark.parametrize("known", ['"7"', 'W/"7"', '"1", "7"', "*", '"3" , W/"7"'])
async def test_who_has_the_version_gets_a_304_without_a_body(http: httpx.AsyncClient, known: str) -> None:
    answer = await http.get("/resource", headers={"If-None-Match": known})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"7"')


@pytest.mark.parametrize("known", ['"8"', "7", '""', "rubbish"])
async def test_who_has_another_version_gets_the_resource(http: httpx.AsyncClient, known: str) -> None:
    answer = await http.get("/resource", headers={"If-None-Match": known})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"7"')


async def test_head_is_answered_wherever_get_is(http: httpx.AsyncClient) -> None:
    assert (await http.head("/resource")).headers["etag"] == '"7"'
    assert (await http.head("/no")).status_code == 404


async def test_a_bug_is_told_without_its_inside(http: httpx.AsyncClient) -> None:
    answer = await http.get("/bug", headers={"X-Request-Id": "r-9"})

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == "r-9"
    assert "secret" not in answer.text


async def test_a_database_that_is_away_is_a_503_that_may_be_tried_again(http: httpx.AsyncClient) -> None:
    answer = await http.get("/kept")

    assert answer.status_code == 503
    assert answer.json()["type"].endswith("store-unavailable")
    assert answer.headers["retry-after"] == "1"


async def test_a_service_lives_without_its_database_but_is_not_ready(http: httpx.AsyncClient) -> None:
    assert (await http.get("/health/live")).status_code == 200
    assert (await http.get("/health/ready")).status_code == 503


async def test_unknown_paths_and_methods_are_problems(http: httpx.AsyncClient) -> None:
    for answer, kind in (
        (await http.get("/no"), "not-found"),
        (await http.post("/bug"), "method-not-allowed"),
    ):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"].endswith(kind)


def test_a_writer_must_say_which_version_it_has_seen() -> None:
    assert expected_version('"12"') == 12
    for given, status in ((None, 428), ("rubbish", 412), ("*", 412)):
        with pytest.raises(Problem) as refusal:
            expected_version(given)
        assert refusal.value.status == status


async def test_a_transaction_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    metadata = sa.MetaData()
    words = sa.Table("words", metadata, sa.Column("word", sa.String))
    async with Database(f"sqlite+aiosqlite:///{tmp_path}/deep/down/words.db", metadata) as database:

        async def fail_half_way() -> None:
            async with database.write() as tx:
                await tx.execute(words.insert().values(word="lost"))
                raise Broken

        with pytest.raises(Broken):
            await fail_half_way()
        async with database.read() as tx:
            assert (await tx.execute(sa.select(words))).all() == []
