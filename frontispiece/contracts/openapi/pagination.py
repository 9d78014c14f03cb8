"""Whether an operation whose list was complete has begun to paginate it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from frontispiece.contracts.openapi.branches import EVERY_TYPE, branches
from frontispiece.contracts.openapi.document import Document, NotUnderstood

Json = Mapping[str, Any]

NEXT: Final = frozenset(
    {"next", "next_cursor", "nextcursor", "next_page", "nextpagetoken", "cursor", "has_more"}
)
"""Members by which a page names the one after it."""

PAGING: Final = frozenset(
    {"cursor", "page", "offset", "page_token", "pagetoken", "limit", "page_size", "per_page"}
)
"""Parameters by which clients ask for a page."""


def pagination_added(old: Document, new: Document, before: Json, after: Json) -> bool:
    """Whether an operation names the next page now, or takes a page's parameters, and did neither before."""
    return _is_list(old, before) and not _is_paged(old, before) and _is_paged(new, after)


def _is_paged(document: Document, operation: Json) -> bool:
    taken = {str(each.get("name")).lower() for each in operation["parameters"]}
    bodies = [rules.get("properties", {}) for rules in _bodies(document, operation, "object")]
    named = {name.lower() for properties in bodies for name in properties}
    return bool(taken & PAGING or named & NEXT)


def _is_list(document: Document, operation: Json) -> bool:
    if _bodies(document, operation, "array"):
        return True
    return any(
        _rules(document, schema, "array")
        for rules in _bodies(document, operation, "object")
        for schema in rules.get("properties", {}).values()
    )


def _bodies(document: Document, operation: Json, kind: str) -> list[Json]:
    return [rules for schema in _schemas(document, operation) for rules in _rules(document, schema, kind)]


def _schemas(document: Document, operation: Json) -> Iterator[Any]:
    for status, response in operation.get("responses", {}).items():
        if status.startswith("2"):
            for medium in document.resolve(response).get("content", {}).values():
                yield medium.get("schema", {})


def _rules(document: Document, schema: Any, kind: str) -> list[Json]:
    """The rules of a schema for values of a type that it names."""
    try:
        found = branches(document, schema)
    except NotUnderstood:
        return []
    if {each.type for each in found} >= set(EVERY_TYPE):  # it names none
        return []
    return [each.rules for each in found if each.type == kind]
