"""The OpenAPI document of an app: every status and header of its endpoints, beyond what FastAPI can see.

FastAPI describes parameters, bodies and the response of success. `responds` on an endpoint, or on a function
that it depends on, declares the rest; what follows from the shared parts (tokens, bodies, `If-Match`,
`Idempotency-Key`) needs no declaration.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, TypeVar

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts

from frontispiece.http.problems import MEDIA_TYPE
from frontispiece.service.callers import BEARER, is_public, scopes_of

Function = TypeVar("Function", bound=Callable[..., Any])
Json = dict[str, Any]

NO_HEADERS: Final[Mapping[int, Sequence[str]]] = MappingProxyType({})
NOT_MODIFIED: Final = 304
BAD_REQUEST: Final = 400
"""The first status of a problem."""

PROBLEM: Final[Json] = {
    "title": "Problem",
    "description": "A failure (RFC 9457); further members depend on its `type`.",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {
            "type": "string",
            "format": "uri-reference",
            "description": "What failed; it never changes.",
        },
        "title": {"type": "string", "description": "The type in words."},
        "status": {"type": "integer", "minimum": BAD_REQUEST, "maximum": 599},
        "detail": {"type": "string", "description": "One sentence about this occurrence."},
        "request_id": {"type": "string", "description": "Of the request, for finding its logs."},
    },
}

EVENTS: Final = "text/event-stream"
EVENT: Final[Json] = {
    "title": "ServerSentEvent",
    "description": "Each event of a stream (WHATWG HTML, 9.2).",
    "type": "object",
    "required": ["data"],
    "properties": {
        "id": {"type": "string", "description": "For `Last-Event-ID`."},
        "event": {"type": "string", "description": "Its type."},
        "data": {"type": "string"},
    },
}

HEADERS: Final[Mapping[str, Json]] = {
    "ETag": {
        "description": "The entity tag of this version (RFC 9110, 8.8.3).",
        "schema": {"type": "string", "pattern": '^"[^"]*"$'},
    },
    "Location": {
        "description": "What the request made, or where to go.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Position": {
        "description": "The position of this write, where the store has positions.",
        "required": False,
        "schema": {"type": "integer"},
    },
    "Retry-After": {
        "description": "Seconds until another attempt has a chance.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWW-Authenticate": {
        "description": "The challenge (RFC 9110, 11.6.1).",
        "schema": {"type": "string"},
    },
}
"""Response headers by name; any other is a string."""

IF_NONE_MATCH: Final[Json] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "Entity tags that the client has: 304 when the current one is among them.",
    "schema": {"type": "string"},
}

BY_PARAMETER: Final[Mapping[str, tuple[int, ...]]] = {"if-match": (412, 428), "idempotency-key": (409, 422)}
"""The problems that come with a request header."""

UNAUTHORIZED: Final = "Unauthorized"
TRY_AGAIN: Final = "TryAgain"
COMPONENTS: Final[Mapping[int, str]] = {401: UNAUTHORIZED, 429: TRY_AGAIN, 503: TRY_AGAIN}
"""The component of a problem with headers of its own, by status; any other is `Problem`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """The statuses of a function beyond its success, and the headers of each status."""

    statuses: tuple[int, ...]
    headers: Mapping[int, Sequence[str]]


_DECLARED: Final = "openapi_responses"


def responds(
    *statuses: int, headers: Mapping[int, Sequence[str]] = NO_HEADERS
) -> Callable[[Function], Function]:
    """Declare what an endpoint, or a dependency of endpoints, responds besides success.

    From 400 on they are problems. 304 makes the read conditional, with an `ETag` and the parameter
    `If-None-Match`. Others below 400 have the content of success, but for 204. The decorator stands below
    that of the route.

    Args:
        statuses: the further statuses.
        headers: those that every response of a status has, but for a `Position`.
    """

    def declare(function: Function) -> Function:
        setattr(function, _DECLARED, Declared(statuses=statuses, headers=headers))
        return function

    return declare


def complete(app: FastAPI, document: Json, *, of_reads: Sequence[int] = ()) -> Json:
    """FastAPI's document of an app with all that its endpoints respond."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):  # problems take their place
        schemas.pop(name, None)
    add_problems(document)
    for context in iter_route_contexts(app.routes):
        if not getattr(context, "include_in_schema", False):
            continue
        for method in context.methods or ():
            operation = document["paths"][context.path_format][method.lower()]
            _complete(operation, context, of_reads if method == "GET" else ())
            if "security" in operation:
                add_security(document)
    return document


def add_problems(document: Json) -> None:
    """Add the components of problems to a document."""
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components.setdefault("responses", {}).update(
        {
            "Problem": {"description": "A problem.", "content": content},
            UNAUTHORIZED: {
                "description": "No valid token.",
                "headers": headers_of(["WWW-Authenticate"]),
                "content": content,
            },
            TRY_AGAIN: {
                "description": "Not now.",
                "headers": {"Retry-After": HEADERS["Retry-After"]},
                "content": content,
            },
        }
    )


def add_security(document: Json) -> None:
    """Add the scheme of bearer tokens to a document."""
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes[BEARER.scheme_name] = BEARER.model.model_dump(mode="json", by_alias=True, exclude_none=True)


def headers_of(names: Iterable[str], *, required: bool = True) -> Json:
    """Response headers."""
    return {
        name: {
            **({"required": True} if required else {}),
            **HEADERS.get(name, {"schema": {"type": "string"}}),
        }
        for name in names
    }


def problems(statuses: Iterable[int]) -> Json:
    """The responses of these statuses, by reference to the components."""
    return {
        str(status): {
            "$ref": f"#/components/responses/{COMPONENTS.get(status, 'Problem')}",
            "description": HTTPStatus(status).phrase,
        }
        for status in sorted(statuses)
    }


def _complete(operation: Json, context: RouteContext, more: Iterable[int]) -> None:
    dependant: Dependant = context.dependant
    declared = list(_declared(dependant))
    statuses = {500, *more, *(status for each in declared for status in each.statuses)}
    if not is_public(dependant.call):
        statuses.add(401)
        operation["security"] = _security(dependant)
        if any(operation["security"][0].values()):
            statuses.add(403)
    if context.body_field is not None:
        statuses.add(BAD_REQUEST)  # it cannot be read as what it says it is
    if operation["responses"].pop("422", None) is not None:
        statuses.add(422)
    names = {parameter["name"].lower() for parameter in operation.get("parameters", ())}
    statuses |= {status for name in names for status in BY_PARAMETER.get(name, ())}
    for response in operation["responses"].values():
        if EVENTS in response.get("content", {}):
            response["content"][EVENTS] = {"schema": EVENT}
    _add_successes(operation, statuses, declared)
    failures = problems(status for status in statuses if status >= BAD_REQUEST)
    operation["responses"] = {**failures, **operation["responses"]}  # what the route itself says counts


def _add_successes(operation: Json, statuses: set[int], declared: list[Declared]) -> None:
    responses = operation["responses"]
    primary = next(status for status in responses if status.startswith("2"))
    for status in sorted(status for status in statuses if status < BAD_REQUEST):
        response: Json = {"description": HTTPStatus(status).phrase}
        if status not in {204, NOT_MODIFIED} and "content" in responses[primary]:
            response["content"] = responses[primary]["content"]
        responses.setdefault(str(status), response)
    for each in declared:
        for status, names in each.headers.items():
            responses[str(status)].setdefault("headers", {}).update(headers_of(names))
    if NOT_MODIFIED in statuses:
        operation.setdefault("parameters", []).append(IF_NONE_MATCH)
        for status_of_read in (primary, str(NOT_MODIFIED)):
            responses[status_of_read].setdefault("headers", {}).update(headers_of(["ETag"]))


def _declared(dependant: Dependant) -> Iterator[Declared]:
    """The declarations of a function and of all that it depends on."""
    if (declared := getattr(dependant.call, _DECLARED, None)) is not None:
        yield declared
    for each in dependant.dependencies:
        yield from _declared(each)


def _security(dependant: Dependant) -> list[Json]:
    """A bearer token with one of the scopes of each dependency that requires some."""
    required = [scopes for each in _functions(dependant) if (scopes := scopes_of(each))]
    combined: list[list[str]] = [[]]
    for scopes in required:
        combined = [[*chosen, scope] for chosen in combined for scope in scopes]
    unique = dict.fromkeys(tuple(sorted(set(chosen))) for chosen in combined)
    return [{BEARER.scheme_name: list(chosen)} for chosen in unique]


def _functions(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for each in dependant.dependencies:
        yield from _functions(each)
