"""OpenAPI documents of one operation, for comparing two of them."""

from typing import Any, Final

from frontispiece.contracts.openapi.document import Document
from frontispiece.contracts.openapi.operations import OperationChange, compare

Json = dict[str, Any]

STRING: Final[Json] = {"type": "string"}
INTEGER: Final[Json] = {"type": "integer"}
NUMBER: Final[Json] = {"type": "number"}
NULL: Final[Json] = {"type": "null"}
JSON: Final = "application/json"


def document(operation: Json, *, method: str = "get", path: str = "/things", **root: Any) -> Document:
    """A document with one operation."""
    return Document({"openapi": "3.1.0", "paths": {path: {method: operation}}, **root}, "document")


def ok(**response: Any) -> Json:
    """An operation with one response."""
    return {"responses": {"200": {"description": "-", **response}}}


def responding(schema: Any, **components: Any) -> Document:
    """A document whose response has a schema; components are schemas."""
    content = {JSON: {"schema": schema}}
    return document(ok(content=content), components={"schemas": components})


def taking(schema: Any, **components: Any) -> Document:
    """A document whose request has a schema."""
    body = {"required": True, "content": {JSON: {"schema": schema}}}
    return document({**ok(), "requestBody": body}, method="post", components={"schemas": components})


def asking(*parameters: Json) -> Document:
    """A document whose operation has parameters."""
    return document({**ok(), "parameters": list(parameters)})


def parameter(name: str = "limit", place: str = "query", **further: Any) -> Json:
    """A parameter."""
    return {"name": name, "in": place, "schema": INTEGER, **further}


def thing(*required: str, **properties: Any) -> Json:
    """The schema of an object; every property is required unless some are named, `none` for none."""
    needed = [] if required == ("none",) else list(required) or list(properties)
    return {"type": "object", "properties": properties, "required": needed}


def changes(old: Document, new: Document) -> list[OperationChange]:
    """Every change."""
    return list(compare(old, new))
