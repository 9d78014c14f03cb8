from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import Body, FastAPI, HTTPException, Request, Response

from frontispiece.http.problems import Problem
from frontispiece.security import Verifier
from frontispiece.service import (
    Caller,
    IfMatch,
    create_service,
    expected_version,
    public,
    register_collectors,
    require_scope,
    set_etag,
)
from frontispiece.settings import TokenSettings
from frontispiece.stores.sql import Database
from frontispiece.telemetry.metrics import Counter
from frontispiece.upstream import UpstreamClientError
from tests.conftest import AppClient, MakeToken, internal_bearer


class Broken(Exception):
    """A secret of the inside."""


@pytest.fixture
async def http(token_settings: TokenSettings, app_client: AppClient) -> AsyncIterator[httpx.AsyncClient]:
    """A service with one resource, a bug, and a database that cannot be reached."""
    away = Database("postgresql+psycopg://nobody@127.0.0.1:1/none", sa.MetaData())

    app = create_service(
        title="press",
        description="-",
        ready=away.ping,
        verifier=Verifier(token_settings, "press"),
    )

    @app.get("/resource")
    @public
    async def resource(request: Request, response: Response) -> str:
        set_etag(request, response, 7)
        return "resource"

    @app.put("/resource")
    @public
    async def put(if_match: IfMatch, body: Annotated[Any, Body()]) -> Any:
        expected_version(if_match, 7)
        return body

    @app.get("/bug")
    @public
    async def bug() -> None:
        raise Broken("a secret of the inside")

    @app.get("/kept")
    @public
    async def stored() -> None:
        await away.ping()

    @app.get("/private")
    async def private() -> str:
        return "for some"

    @app.post("/written", dependencies=[require_scope("write", "guest")])
    async def written(caller: Caller) -> str:
        return caller.subject

    async with app_client(app) as client:
        yield client


@pytest.fixture
def bearer(signing_key: str) -> MakeToken:
    return internal_bearer(signing_key, "press")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/private"), ("HEAD", "/private"), ("POST", "/written")]
)
async def test_endpoints_that_are_not_public_need_a_token(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    for headers in ({}, {"Authorization": "Bearer a.b.c"}, {"Authorization": "Basic cmVhZGVyOng="}):
        answer = await http.request(method, path, headers=headers)
        assert (answer.status_code, "www-authenticate" in answer.headers) == (401, True)


async def test_a_token_for_this_service_opens_what_is_not_public(
    http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    assert (await http.get("/private", headers=bearer("reader"))).json() == "for some"


async def test_the_openapi_document_needs_a_token_for_this_service(
    http: httpx.AsyncClient, bearer: MakeToken, signing_key: str
) -> None:
    elsewhere = internal_bearer(signing_key, "bindery")
    for headers in ({}, {"Authorization": "Bearer a.b.c"}, elsewhere("reader")):
        answer = await http.get("/openapi.json", headers=headers)
        assert (answer.status_code, "www-authenticate" in answer.headers) == (401, True)

    document = (await http.get("/openapi.json", headers=bearer("reader"))).json()
    assert document["paths"].keys() == {
        *("/resource", "/bug", "/kept", "/private", "/written"),
        *("/health/live", "/health/ready"),
    }


async def test_one_of_the_scopes_is_enough_and_without_any_the_first_is_in_the_challenge(
    http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    for scope in ("write", "guest"):
        assert (await http.post("/written", headers=bearer("reader", scope))).json() == "reader"
    refused = await http.post("/written", headers=bearer("reader", "read"))
    assert (refused.status_code, refused.json()["scope"]) == (403, "write")


@pytest.mark.parametrize("known", ['"7"', 'W/"7"', '"1", "7"', "*", '"3" , W/"7"'])
async def test_a_matching_version_is_a_304_without_a_body(http: httpx.AsyncClient, known: str) -> None:
    answer = await http.get("/resource", headers={"If-None-Match": known})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"7"')


@pytest.mark.parametrize("known", ['"8"', "7", '""', "rubbish"])
async def test_another_version_gets_the_resource(http: httpx.AsyncClient, known: str) -> None:
    answer = await http.get("/resource", headers={"If-None-Match": known})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"7"')


async def test_head_is_answered_wherever_get_is(http: httpx.AsyncClient) -> None:
    assert (await http.head("/resource")).headers["etag"] == '"7"'
    assert (await http.head("/no")).status_code == 404


async def test_a_bug_is_a_500_without_details(http: httpx.AsyncClient) -> None:
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


async def test_a_service_without_its_database_is_live_but_not_ready_and_tells_no_details(
    http: httpx.AsyncClient,
) -> None:
    readiness = await http.get("/health/ready")

    assert (await http.get("/health/live")).status_code == 200
    assert (readiness.status_code, readiness.json()["detail"]) == (503, "press is not ready.")
    assert "127.0.0.1" not in readiness.text


@pytest.mark.parametrize(
    ("failure", "challenge"),
    [
        (Problem(401, "token-missing"), "Bearer"),
        (HTTPException(401), "Bearer"),
        (HTTPException(401, headers={"www-authenticate": "Basic"}), "Basic"),
        (UpstreamClientError(401).problem("press"), "Bearer"),
        (UpstreamClientError(401, challenge='Bearer error="invalid_token"').problem("press"), None),
    ],
)
async def test_every_401_has_one_challenge(
    app_client: AppClient, token_settings: TokenSettings, failure: Exception, challenge: str | None
) -> None:
    app = create_service(
        title="press",
        description="-",
        verifier=Verifier(token_settings, "press"),
    )

    @app.get("/refused")
    @public
    async def refused() -> None:
        raise failure

    async with app_client(app) as client:
        answer = await client.get("/refused")
    assert answer.status_code == 401
    assert answer.headers.get_list("www-authenticate") == [challenge or 'Bearer error="invalid_token"']


async def test_unknown_paths_and_methods_are_problems(http: httpx.AsyncClient) -> None:
    for answer, kind in (
        (await http.get("/no"), "not-found"),
        (await http.post("/bug"), "method-not-allowed"),
    ):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"].endswith(kind)


@pytest.mark.parametrize("body", ["9" * 6_000, "[" * 100_000], ids=["digits", "brackets"])
async def test_a_body_that_cannot_be_read_is_a_bad_request(http: httpx.AsyncClient, body: str) -> None:
    headers = {"Content-Type": "application/json", "If-Match": "*"}

    answer = await http.put("/resource", content=body, headers=headers)

    assert (answer.status_code, answer.json()["type"]) == (400, "urn:frontispiece:problem:bad-request")


async def test_several_lines_of_if_match_are_one_list(http: httpx.AsyncClient) -> None:
    lines = [("If-Match", '"6"'), ("If-Match", '"7"')]

    assert (await http.put("/resource", json="-", headers=lines)).status_code == 200
    assert (await http.put("/resource", json="-", headers=lines[:1])).status_code == 412
    assert (await http.put("/resource", json="-")).status_code == 428


@pytest.mark.parametrize("if_match", ['"12"', '"11", "12"', "*"])
def test_a_writer_says_which_version_it_replaces(if_match: str) -> None:
    assert expected_version(if_match, 12) == 12


@pytest.mark.parametrize(
    ("if_match", "current", "status"),
    [
        (None, 12, 428),
        ("rubbish", 12, 412),
        ('"11"', 12, 412),
        ('W/"12"', 12, 412),
        ("9" * 400, 12, 412),
        ("*", None, 412),
        ('"12"', None, 412),
    ],
)
def test_a_writer_that_has_seen_another_version_or_none_is_refused(
    if_match: str | None, current: int | None, status: int
) -> None:
    with pytest.raises(Problem) as refusal:
        expected_version(if_match, current)

    assert refusal.value.status == status


def test_a_new_resource_is_written_without_a_version() -> None:
    assert expected_version(None, None) is None


async def test_metrics_are_those_of_the_registered_collectors(
    token_settings: TokenSettings, app_client: AppClient
) -> None:
    sheets = Counter("press_sheets", "Sheets that were printed.", "size")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        register_collectors(app, sheets)
        yield

    app = create_service(
        title="press",
        description="-",
        lifespan=lifespan,
        verifier=Verifier(token_settings, "press"),
    )
    async with app_client(app) as http:
        sheets.add("A4", count=3)
        response = await http.get("/metrics")

    assert response.headers["content-type"].startswith("text/plain")
    assert 'press_sheets_total{size="A4"} 3.0' in response.text
