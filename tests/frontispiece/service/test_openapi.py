"""What a service's OpenAPI document says beyond what FastAPI can see."""

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from pydantic import BaseModel

from frontispiece.security import Verifier
from frontispiece.service import (
    IdempotencyKey,
    IfMatch,
    create_service,
    from_state,
    public,
    require_scope,
    responds,
    set_etag,
)
from frontispiece.settings import TokenSettings

Json = dict[str, Any]

router = APIRouter(dependencies=[require_scope("press", "clerk")])


class Sheet(BaseModel):
    """A body."""

    text: str


@responds(409)
def _ink() -> Iterator[str]:
    yield "ink"


@router.get("/sheets/{number}")
@public
@responds(304, 404)
async def sheet(number: int, request: Request, response: Response) -> Sheet:
    set_etag(request, response, number)
    return Sheet(text="-")


@router.put("/sheets/{number}", dependencies=[require_scope("write")])
@responds(201, headers={200: ["ETag"], 201: ["ETag", "Location"]})
async def put(number: int, body: Sheet, if_match: IfMatch) -> Sheet:
    return body


@router.post("/prints", status_code=202)
async def run(
    body: Sheet,
    key: IdempotencyKey,
    ink: Annotated[str, Depends(_ink)],
    store: Annotated[Any, from_state("x")],
) -> Sheet:
    return body


@pytest.fixture(scope="module")
def document(token_settings: TokenSettings) -> Json:
    app: FastAPI = create_service(
        title="press",
        description="-",
        verifier=Verifier(token_settings, "press"),
    )
    app.include_router(router)
    return app.openapi()


def responses_of(document: Json, method: str, path: str) -> Json:
    responses: Json = document["paths"][path][method]["responses"]
    return responses


def test_each_status_is_there_of_the_endpoint_of_what_it_depends_on_and_of_the_shared_parts(
    document: Json,
) -> None:
    read, written, made = (
        set(responses_of(document, *operation))
        for operation in (("get", "/sheets/{number}"), ("put", "/sheets/{number}"), ("post", "/prints"))
    )

    assert read == {"200", "304", "404", "422", "500", "504"}, "a public one has no 401"
    assert written == {"200", "201", "400", "401", "403", "412", "422", "428", "500"}
    assert made == {"202", "400", "401", "403", "409", "422", "500", "503"}


def test_every_failure_is_the_same_component_and_nothing_else_of_fastapi_is_left(document: Json) -> None:
    failures = [
        (status, response)
        for path in document["paths"].values()
        for operation in path.values()
        for status, response in operation["responses"].items()
        if int(status) >= 400
    ]
    own = {"401": "Unauthorized", "503": "TryAgain"}
    components = document["components"]

    for status, response in failures:
        assert response["$ref"] == f"#/components/responses/{own.get(status, 'Problem')}"
    assert {"Problem", "Unauthorized", "TryAgain"} == components["responses"].keys()
    assert "HTTPValidationError" not in components["schemas"]
    assert components["responses"]["Unauthorized"]["headers"]["WWW-Authenticate"]["required"]


def test_a_conditional_read_has_an_entity_tag_and_takes_those_that_the_client_has(document: Json) -> None:
    operation = document["paths"]["/sheets/{number}"]["get"]

    assert [parameter["name"] for parameter in operation["parameters"]] == ["number", "If-None-Match"]
    for status in ("200", "304"):
        assert operation["responses"][status]["headers"]["ETag"]["required"]
    assert "content" not in operation["responses"]["304"]


def test_a_further_success_has_the_same_content_and_headers_of_its_own(document: Json) -> None:
    responses = responses_of(document, "put", "/sheets/{number}")

    assert responses["201"]["content"] == responses["200"]["content"]
    assert list(responses["201"]["headers"]) == ["ETag", "Location"]
    assert list(responses["200"]["headers"]) == ["ETag"]


def test_scopes_are_alternatives_unless_several_are_required(document: Json) -> None:
    assert "security" not in document["paths"]["/health/live"]["get"]
    assert document["paths"]["/prints"]["post"]["security"] == [
        {"HTTPBearer": ["press"]},
        {"HTTPBearer": ["clerk"]},
    ]
    assert document["paths"]["/sheets/{number}"]["put"]["security"] == [
        {"HTTPBearer": ["press", "write"]},
        {"HTTPBearer": ["clerk", "write"]},
    ]
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
