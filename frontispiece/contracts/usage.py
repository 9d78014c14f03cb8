"""Which fields of a provider's responses are read by which versions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from frontispiece.contracts.repository import Interaction, PactFile
from frontispiece.errors import ConfigError

METHODS: Final = frozenset({"get", "put", "post", "delete", "patch"})
SUCCESS: Final = range(200, 300)
WHATEVER: Final = "*"
"""The members of an object whose names are data."""


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


def usage(document: Mapping[str, Any], pacts: Iterable[PactFile]) -> list[FieldUse]:
    """Every field that an OpenAPI document offers in successful JSON responses, with its readers.

    Raises:
        ConfigError: a contract asks what the document does not offer.
    """
    operations = dict(_operations(document))
    schemas = {name: Schema(document, schema) for name, schema in operations.items()}
    uses = {
        (name, path): FieldUse(name, path)
        for name in operations
        for path in schemas[name].fields()
        if path != WHATEVER  # an object of which the document says nothing, such as health's
    }
    errors = []
    for pact in pacts:
        version = f"{pact.client} {pact.version}"
        for interaction in pact.interactions:
            if interaction.status not in SUCCESS or interaction.content is None:
                continue
            name = _operation_of(interaction, operations)
            if name is None:
                called = f"{interaction.method} {interaction.path}"
                errors.append(f"{version}, {interaction.description}: {called} is no operation")
                continue
            for path in schemas[name].reads(interaction.content):
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


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The schema of each operation's successful JSON response."""
    for path, item in document["paths"].items():
        for method in item.keys() & METHODS:
            for status, response in item[method]["responses"].items():
                content = response.get("content", {}).get("application/json")
                if status.startswith("2") and content:
                    yield f"{method.upper()} {path}", content.get("schema", {})


def _operation_of(interaction: Interaction, operations: Iterable[str]) -> str | None:
    """The operation that a request is for; of two that match, the one with fewer parameters."""
    segments = interaction.path.split("/")
    found = [
        name
        for name in operations
        if (method := name.partition(" ")[0]) == interaction.method
        and _matches(name.removeprefix(f"{method} ").split("/"), segments)
    ]
    return min(found, key=lambda name: name.count("{"), default=None)


def _matches(template: list[str], segments: list[str]) -> bool:
    return len(template) == len(segments) and all(
        part.startswith("{") or part == segment for part, segment in zip(template, segments, strict=True)
    )


class Schema:
    """A JSON schema within an OpenAPI document, as far as it names members.

    Args:
        document: where references lead.
        schema: of the response.
    """

    def __init__(self, document: Mapping[str, Any], schema: Any) -> None:
        self._document = document
        self._schema = schema

    def fields(self) -> Iterator[str]:
        """Every member, at any depth; an object within itself is not followed."""
        yield from dict.fromkeys(self._fields(self._schema, "", ()))

    def reads(self, content: Any) -> Iterator[str]:
        """The members that an example of what is read names."""
        yield from dict.fromkeys(self._reads(self._schema, content, ""))

    def _fields(self, schema: Any, path: str, above: tuple[str, ...]) -> Iterator[str]:
        for each, reference in self._alternatives(schema):
            if reference in above:
                continue
            within = (*above, reference) if reference else above
            for name, inner in _members(each):
                yield _join(path, name)
                yield from self._fields(inner, _join(path, name), within)
            if "items" in each:
                yield from self._fields(each["items"], f"{path}[]", within)

    def _reads(self, schema: Any, content: Any, path: str) -> Iterator[str]:
        alternatives = [each for each, _ in self._alternatives(schema)]
        if isinstance(content, list):
            items = {"anyOf": [each["items"] for each in alternatives if "items" in each]}
            for item in content:
                yield from self._reads(items, item, f"{path}[]")
        elif isinstance(content, dict):
            members = {name: inner for each in alternatives for name, inner in _members(each)}
            for name, value in content.items():
                known = name if name in members or WHATEVER not in members else WHATEVER
                yield _join(path, known)
                yield from self._reads(members.get(known, {}), value, _join(path, known))
            if not content:  # an object that is read whole
                yield from self._fields(schema, path, ())

    def _alternatives(self, schema: Any) -> Iterator[tuple[Mapping[str, Any], str]]:
        """The schema, or each of those that it consists of, with the reference that leads to it."""
        if not isinstance(schema, dict):
            return
        if "$ref" in schema:
            reference = schema["$ref"]
            target: Any = self._document
            for part in reference.removeprefix("#/").split("/"):
                target = target[part]
            for each, inner in self._alternatives(target):
                yield each, inner or reference
            return
        parts = [part for key in ("anyOf", "oneOf", "allOf") for part in schema.get(key, ())]
        if not parts:
            yield schema, ""
        for part in parts:
            yield from self._alternatives(part)


def _members(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from schema.get("properties", {}).items()
    if isinstance(further := schema.get("additionalProperties"), dict):
        yield WHATEVER, further


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
