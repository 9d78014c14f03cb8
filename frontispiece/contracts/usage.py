"""Which fields of a provider's responses are read by which versions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from frontispiece.contracts.openapi.document import Document
from frontispiece.contracts.openapi.readers import fits
from frontispiece.contracts.repository import Interaction, PactFile
from frontispiece.contracts.schema import ANY_NAME, alternatives, fields, join, members
from frontispiece.errors import ConfigError

SUCCESS: Final = range(200, 300)


@dataclass
class FieldUse:
    """A field that an operation offers.

    Args:
        operation: `GET /articles/{id}`.
        path: of the field: `lines[].total`.
        versions: those that read it, such as `web 1.0.0`.
    """

    operation: str
    path: str
    versions: list[str] = field(default_factory=list)


def usage(openapi: Mapping[str, Any], pacts: Iterable[PactFile]) -> list[FieldUse]:
    """Every field that an OpenAPI document offers in successful JSON responses, with its readers.

    Raises:
        ConfigError: a contract asks what the document does not offer.
    """
    document = Document(openapi, "the OpenAPI document")
    operations = dict(_operations(document))
    uses = {
        (name, path): FieldUse(name, path)
        for name, schema in operations.items()
        for path in fields(document, schema)
        if path != ANY_NAME  # an object of which the document says nothing, such as health's
    }
    errors = []
    for pact in pacts:
        version = f"{pact.client} {pact.version}"
        for interaction in pact.interactions:
            if interaction.status not in SUCCESS or not isinstance(interaction.content, dict | list):
                continue  # a problem, or no JSON
            if interaction.is_persisted:
                continue  # OpenAPI does not describe it
            name = _operation_of(interaction, operations)
            if name is None:
                called = f"{interaction.method} {interaction.path}"
                errors.append(f"{version}, {interaction.description}: {called} is no operation")
                continue
            for path in _reads(document, operations[name], interaction.content):
                use = uses.setdefault((name, path), FieldUse(name, path))
                if version not in use.versions:
                    use.versions.append(version)
    if errors:
        raise ConfigError(errors)
    return list(uses.values())


def topmost_unread(uses: Iterable[FieldUse]) -> list[FieldUse]:
    """The fields that no version reads, without those inside of one that is unread itself."""
    unread = [use for use in uses if not use.versions]
    names = {(use.operation, use.path) for use in unread}
    return [use for use in unread if not any((use.operation, up) in names for up in _parents(use.path))]


def _parents(path: str) -> Iterator[str]:
    while "." in path:
        path = path.rpartition(".")[0]
        yield path.removesuffix("[]")


def _operations(document: Document) -> Iterator[tuple[str, Any]]:
    """The schema of each operation's successful JSON response."""
    for path, method, operation in document.operations():
        for status, response in operation["responses"].items():
            content = response.get("content", {}).get("application/json")
            if status.startswith("2") and content:
                yield f"{method.upper()} {path}", content.get("schema", {})


def _operation_of(interaction: Interaction, operations: Iterable[str]) -> str | None:
    """The operation that a request is for; of two that match, the one with fewer parameters."""
    found = [
        name
        for name in operations
        if (method := name.partition(" ")[0]) == interaction.method
        and fits(interaction.path, name.removeprefix(f"{method} "))
    ]
    return min(found, key=lambda name: name.count("{"), default=None)


def _reads(document: Document, schema: Any, content: Any, path: str = "") -> Iterator[str]:
    """The members that an example of what is read names."""
    forms = [each for each, _ in alternatives(document, schema)]
    if isinstance(content, list):
        items = {"anyOf": [each["items"] for each in forms if "items" in each]}
        for item in content:
            yield from _reads(document, items, item, f"{path}[]")
    elif isinstance(content, dict):
        known = {name: inner for each in forms for name, inner in members(each)}
        for name, value in content.items():
            member = name if name in known or ANY_NAME not in known else ANY_NAME
            yield join(path, member)
            yield from _reads(document, known.get(member, {}), value, join(path, member))
        if not content:  # an object that is read whole
            yield from fields(document, schema, path)
