"""Changes of operations, parameters, responses, headers and security, each with its verdict."""

from typing import Any

import pytest

from frontispiece.contracts.openapi.document import Document
from frontispiece.contracts.openapi.verdicts import OF_OPERATIONS
from tests.frontispiece.contracts.openapi.documents import (
    INTEGER,
    JSON,
    STRING,
    Json,
    asking,
    changes,
    document,
    ok,
    parameter,
    thing,
)

NONE = Document({"openapi": "3.1.0", "paths": {}}, "nothing")
HTTP = {"type": "http", "scheme": "bearer"}
ETAG = {"ETag": {"required": True, "schema": STRING}}
LIST = {"type": "array", "items": STRING}


def responses(**statuses: Json) -> Document:
    """An operation with responses; `_200` is the status 200."""
    return document({"responses": {name.removeprefix("_"): each for name, each in statuses.items()}})


def secured(*requirements: Json, scheme: Json = HTTP) -> Document:
    return document(
        {**ok(), "security": list(requirements)}, components={"securitySchemes": {"bearer": scheme}}
    )


def body(*, required: bool = False, media: tuple[str, ...] = (JSON,)) -> Document:
    content = {each: {"schema": STRING} for each in media}
    return document({**ok(), "requestBody": {"required": required, "content": content}}, method="post")


def content(*media: str) -> Document:
    return document(ok(content={each: {"schema": STRING} for each in media}))


def headers(**each: Any) -> Document:
    return document(ok(headers=each))


def at(path: str, name: str) -> Document:
    return document({**ok(), "parameters": [parameter(name, "path", required=True)]}, path=path)


def paged(schema: Json, *parameters: Json) -> Document:
    return document({**ok(content={JSON: {"schema": schema}}), "parameters": list(parameters)})


POST = document(ok(), method="post")
EMPTY: Json = {"description": "-"}
PAGE = thing(items=LIST, next=STRING)
BREAK, WARNING, FINE = "break", "warning", "compatible"

CASES: dict[str, tuple[Document, Document, str, str]] = {
    "an operation goes": (document(ok()), NONE, "operation removed", BREAK),
    "an operation comes": (NONE, document(ok()), "operation added", FINE),
    "an operation is deprecated": (
        document(ok()),
        document({**ok(), "deprecated": True}),
        "operation deprecated",
        FINE,
    ),
    "a path parameter has another name": (
        at("/things/{id}", "id"),
        at("/things/{name}", "name"),
        "path parameter renamed",
        FINE,
    ),
    "an optional parameter comes": (asking(), asking(parameter("q")), "parameter added", FINE),
    "a required parameter comes": (
        asking(),
        asking(parameter("q", required=True)),
        "required parameter added",
        BREAK,
    ),
    "a parameter goes": (asking(parameter("q")), asking(), "parameter removed", WARNING),
    "a parameter becomes required": (
        asking(parameter()),
        asking(parameter(required=True)),
        "parameter became required",
        BREAK,
    ),
    "a parameter becomes optional": (
        asking(parameter(required=True)),
        asking(parameter()),
        "parameter became optional",
        FINE,
    ),
    "a list in the query is written in another style": (
        asking(parameter(schema=LIST)),
        asking(parameter(schema=LIST, explode=False)),
        "parameter encoding changed",
        BREAK,
    ),
    "a limit falls": (
        asking(parameter(schema=INTEGER | {"maximum": 100})),
        asking(parameter(schema=INTEGER | {"maximum": 50})),
        "bound tightened",
        BREAK,
    ),
    "a default limit falls": (
        asking(parameter(schema=INTEGER | {"default": 100})),
        asking(parameter(schema=INTEGER | {"default": 50})),
        "default changed",
        BREAK,
    ),
    "a body goes": (body(), POST, "request body removed", WARNING),
    "an optional body comes": (POST, body(), "request body added", FINE),
    "a required body comes": (POST, body(required=True), "required request body added", BREAK),
    "a body becomes required": (body(), body(required=True), "request body became required", BREAK),
    "a body becomes optional": (body(required=True), body(), "request body became optional", FINE),
    "a body's media type goes": (
        body(media=(JSON, "text/csv")),
        body(),
        "request media type removed",
        BREAK,
    ),
    "a body's media type comes": (body(), body(media=(JSON, "text/csv")), "request media type added", FINE),
    "a success goes": (
        responses(_200=EMPTY, _201=EMPTY),
        responses(_200=EMPTY),
        "success status removed",
        BREAK,
    ),
    "a success comes": (
        responses(_200=EMPTY),
        responses(_200=EMPTY, _202=EMPTY),
        "success status added",
        WARNING,
    ),
    "a 304 goes": (responses(_200=EMPTY, _304=EMPTY), responses(_200=EMPTY), "redirection removed", WARNING),
    "a redirection comes": (
        responses(_200=EMPTY),
        responses(_200=EMPTY, _303=EMPTY),
        "redirection added",
        WARNING,
    ),
    "a failure goes": (
        responses(_200=EMPTY, _404=EMPTY),
        responses(_200=EMPTY),
        "failure status removed",
        WARNING,
    ),
    "a failure comes": (
        responses(_200=EMPTY),
        responses(_200=EMPTY, _429=EMPTY),
        "failure status added",
        FINE,
    ),
    "a response's media type goes": (
        content(JSON, "text/csv"),
        content(JSON),
        "response media type removed",
        BREAK,
    ),
    "a response's media type comes": (
        content(JSON),
        content(JSON, "text/csv"),
        "response media type added",
        FINE,
    ),
    "a header goes": (headers(**ETAG), headers(), "response header removed", BREAK),
    "a header comes": (headers(), headers(**ETAG), "response header added", FINE),
    "a header becomes optional": (
        headers(**ETAG),
        headers(etag={"schema": STRING}),
        "response header became optional",
        BREAK,
    ),
    "a header becomes required": (
        headers(ETag={"schema": STRING}),
        headers(**ETAG),
        "response header became required",
        FINE,
    ),
    "a header has another form": (
        headers(Date={"schema": STRING | {"format": "date"}}),
        headers(Date={"schema": STRING}),
        "format dropped",
        BREAK,
    ),
    "a list comes in pages": (paged(LIST), paged(LIST, parameter("cursor")), "pagination added", BREAK),
    "a list in an object names the next page": (
        paged(thing(items=LIST)),
        paged(PAGE),
        "pagination added",
        BREAK,
    ),
    "a token is needed": (secured(), secured({"bearer": []}), "security added", BREAK),
    "a scope is needed": (
        secured({"bearer": ["a"]}),
        secured({"bearer": ["a", "b"]}),
        "security added",
        BREAK,
    ),
    "one of two ways goes": (
        secured({"bearer": ["a"]}, {"bearer": ["b"]}),
        secured({"bearer": ["a"]}),
        "security added",
        BREAK,
    ),
    "no token is needed": (secured({"bearer": []}), secured(), "security relaxed", FINE),
    "another scope will do, too": (
        secured({"bearer": ["a"]}),
        secured({"bearer": ["a"]}, {"bearer": ["b"]}),
        "security relaxed",
        FINE,
    ),
    "tokens are sent in another way": (
        secured({"bearer": []}),
        secured({"bearer": []}, scheme={"type": "apiKey", "in": "cookie", "name": "token"}),
        "security scheme changed",
        BREAK,
    ),
    "it is served elsewhere": (
        document(ok(), servers=[{"url": "/v1"}]),
        document(ok(), servers=[{"url": "/v2"}]),
        "servers changed",
        WARNING,
    ),
    "a callback changes": (
        document({**ok(), "callbacks": {"done": {}}}),
        document(ok()),
        "not understood",
        BREAK,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_change_has_a_verdict_and_a_reason(case: str) -> None:
    before, after, kind, verdict = CASES[case]

    found = {(each.kind, str(each.verdict)) for each in changes(before, after)}

    assert (kind, verdict) in found
    assert all(each == (kind, verdict) or each[1] == FINE for each in found)
    assert changes(before, before) == changes(after, after) == []


def test_the_table_has_each_kind() -> None:
    assert {kind for _, _, kind, _ in CASES.values()} >= OF_OPERATIONS.keys()


def test_a_status_that_its_class_or_the_default_describes_now_is_compared_with_that() -> None:
    problem = {"description": "-", "content": {JSON: {"schema": thing(type=STRING, title=STRING)}}}
    less = {"description": "-", "content": {JSON: {"schema": thing(type=STRING)}}}
    old = responses(_200=EMPTY, _404=problem)

    assert (
        changes(old, responses(_200=EMPTY, _404=problem, default=problem))[0].kind == "failure status added"
    )
    for by in ("default", "_4XX"):
        found = changes(old, responses(_200=EMPTY, **{by: less}))
        assert ("property removed", "404") in [(each.kind, each.place) for each in found]
        assert "failure status removed" not in [each.kind for each in found]


def test_parameters_of_a_path_are_those_of_its_operations_and_references_are_followed() -> None:
    limit = parameter(required=True)
    shared = Document(
        {
            "openapi": "3.1.0",
            "paths": {"/things": {"parameters": [{"$ref": "#/components/parameters/Limit"}], "get": ok()}},
            "components": {"parameters": {"Limit": limit}},
        },
        "shared",
    )

    assert changes(asking(limit), shared) == []
