"""Changes of operations, parameters, responses, headers and security, each with its verdict."""

from typing import Any

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


def limit(**rules: Any) -> Document:
    return asking(parameter(schema=INTEGER | rules))


def also(*empty: str, **responses: Json) -> Document:
    """An operation with an empty 200 and these responses; `_404` is the status 404."""
    described = {name.removeprefix("_"): each for name, each in responses.items()}
    return document({"responses": dict.fromkeys(["200", *empty], EMPTY) | described})


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

CASES: dict[str, tuple[Any, ...]] = {
    # the kind of a change: its verdict, and examples of before and after
    "operation removed": (BREAK, (document(ok()), NONE)),
    "operation added": (FINE, (NONE, document(ok()))),
    "operation deprecated": (FINE, (document(ok()), document({**ok(), "deprecated": True}))),
    "path parameter renamed": (FINE, (at("/things/{id}", "id"), at("/things/{name}", "name"))),
    "parameter added": (FINE, (asking(), asking(parameter("q")))),
    "required parameter added": (BREAK, (asking(), asking(parameter("q", required=True)))),
    "parameter removed": (WARNING, (asking(parameter("q")), asking())),
    "parameter became required": (BREAK, (asking(parameter()), asking(parameter(required=True)))),
    "parameter became optional": (FINE, (asking(parameter(required=True)), asking(parameter()))),
    "parameter encoding changed": (
        BREAK,
        (asking(parameter(schema=LIST)), asking(parameter(schema=LIST, explode=False))),
    ),
    "bound tightened": (BREAK, (limit(maximum=100), limit(maximum=50))),
    "default changed": (BREAK, (limit(default=100), limit(default=50))),
    "request body removed": (WARNING, (body(), POST)),
    "request body added": (FINE, (POST, body())),
    "required request body added": (BREAK, (POST, body(required=True))),
    "request body became required": (BREAK, (body(), body(required=True))),
    "request body became optional": (FINE, (body(required=True), body())),
    "request media type removed": (BREAK, (body(media=(JSON, "text/csv")), body())),
    "request media type added": (FINE, (body(), body(media=(JSON, "text/csv")))),
    "success status removed": (BREAK, (also("201"), also())),
    "success status added": (WARNING, (also(), also("202"))),
    "redirection removed": (WARNING, (also("304"), also())),
    "redirection added": (WARNING, (also(), also("303"))),
    "failure status removed": (WARNING, (also("404"), also())),
    "failure status added": (FINE, (also(), also("429"))),
    "response media type removed": (BREAK, (content(JSON, "text/csv"), content(JSON))),
    "response media type added": (FINE, (content(JSON), content(JSON, "text/csv"))),
    "response header removed": (BREAK, (headers(**ETAG), headers())),
    "response header added": (FINE, (headers(), headers(**ETAG))),
    "response header became optional": (BREAK, (headers(**ETAG), headers(etag={"schema": STRING}))),
    "response header became required": (FINE, (headers(ETag={"schema": STRING}), headers(**ETAG))),
    "format dropped": (
        BREAK,
        (headers(Date={"schema": STRING | {"format": "date"}}), headers(Date={"schema": STRING})),
    ),
    "pagination added": (
        BREAK,
        (paged(LIST), paged(LIST, parameter("cursor"))),
        (paged(thing(items=LIST)), paged(PAGE)),
    ),
    "security added": (
        BREAK,
        (secured(), secured({"bearer": []})),
        (secured({"bearer": ["a"]}), secured({"bearer": ["a", "b"]})),
        (secured({"bearer": ["a"]}, {"bearer": ["b"]}), secured({"bearer": ["a"]})),
    ),
    "security relaxed": (
        FINE,
        (secured({"bearer": []}), secured()),
        (secured({"bearer": ["a"]}), secured({"bearer": ["a"]}, {"bearer": ["b"]})),
    ),
    "security scheme changed": (
        BREAK,
        (
            secured({"bearer": []}),
            secured({"bearer": []}, scheme={"type": "apiKey", "in": "cookie", "name": "token"}),
        ),
    ),
    "servers changed": (
        WARNING,
        (document(ok(), servers=[{"url": "/v1"}]), document(ok(), servers=[{"url": "/v2"}])),
    ),
    "not understood": (BREAK, (document({**ok(), "callbacks": {"done": {}}}), document(ok()))),
}


def test_a_change_has_a_verdict_and_a_reason() -> None:
    for kind, (verdict, *examples) in CASES.items():
        for before, after in examples:
            found = {(each.kind, str(each.verdict)) for each in changes(before, after)}
            assert (kind, verdict) in found
            assert all(each == (kind, verdict) or each[1] == FINE for each in found), kind
            assert changes(before, before) == changes(after, after) == []


def test_the_table_has_each_kind() -> None:
    assert CASES.keys() >= OF_OPERATIONS.keys()


def test_a_status_that_its_class_or_the_default_describes_now_is_compared_with_that() -> None:
    problem = {"description": "-", "content": {JSON: {"schema": thing(type=STRING, title=STRING)}}}
    less = {"description": "-", "content": {JSON: {"schema": thing(type=STRING)}}}
    old = also(_404=problem)

    assert changes(old, also(_404=problem, default=problem))[0].kind == "failure status added"
    for by in ("default", "_4XX"):
        found = changes(old, also(**{by: less}))
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
