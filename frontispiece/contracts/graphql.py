"""GraphQL in the contracts: each API's schema and persisted operations, and what a change of them breaks.

`graphql/<app>/schema.graphql` is the schema, `graphql/<app>/operations.json` has the operations of the
versions in the field. An operation says which fields its client reads: it is the contract itself.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    find_breaking_changes,
    get_named_type,
    parse,
    print_schema,
    validate,
    visit,
)

from frontispiece.contracts.release import Change
from frontispiece.contracts.released import Released
from frontispiece.errors import ConfigError
from frontispiece.graphql.build import build
from frontispiece.graphql.endpoint import GraphEndpoint
from frontispiece.graphql.persisted import (
    OPERATIONS,
    SCHEMA,
    Persisted,
    as_json,
    load,
    parse_operations,
)

FOLDER: Final = "graphql/"
"""The folder of GraphQL APIs among the contracts."""

IDS: Final = "operations.js"
"""The file beside a client's documents by which it knows their ids."""

COORDINATE: Final = re.compile(r"\b[A-Z]\w*(?:\.\w+)?")
"""A type, or a field of one, in the description of a change."""


@dataclass(frozen=True, kw_only=True)
class GraphContract:
    """A GraphQL API, and what versions of clients send to it."""

    app: str
    schema: GraphQLSchema
    operations: Mapping[str, Persisted]

    def conflicts(self, released: Released, today: date) -> Iterator[str]:
        """The fields that versions in the field read and the schema does not have."""
        for persisted, version in self._in_field(released, today):
            for error in _errors(self.schema, persisted):
                yield f"{version} reads it, {persisted.name}: {error.message}"

    def changes(
        self, schema: bytes, persisted: bytes | None, released: Released, today: date
    ) -> Iterator[Change]:
        """The changes since another revision's schema and operations, by the contents of their files.

        Raises:
            ConfigError: they cannot be read.
        """
        operations = {} if persisted is None else parse_operations(persisted, f"the earlier {OPERATIONS}")
        before = GraphContract(app=self.app, schema=build_schema(schema.decode()), operations=operations)
        readers = list(before._in_field(released, today))
        for change in find_breaking_changes(before.schema, self.schema):
            named = set(COORDINATE.findall(change.description))
            reading = [
                f"{version} ({operation.name})"
                for operation, version in readers
                if named & read_by(before.schema, operation)
            ]
            text = f"{self.app}: {change.description}"
            by = f"read by {', '.join(reading)}" if reading else "no version in the field reads it"
            yield Change(f"{text} {by[:1].upper()}{by[1:]}.", bool(reading))
        for key, operation in operations.items():
            now = self.operations.get(key)
            lost = [
                version
                for version in operation.clients
                if (now is None or version not in now.clients) and _is_released(released, version, today)
            ]
            if lost:
                yield Change(
                    f"{self.app}: {operation.name} of {', '.join(lost)} is not persisted any more", True
                )

    def _in_field(self, released: Released, today: date) -> Iterator[tuple[Persisted, str]]:
        """Each operation with each version in the field that sends it."""
        versions = {f"{each.client}/{each.version}": str(each) for each in released.in_field(today)}
        for persisted in self.operations.values():
            for version in persisted.clients:
                if version in versions:
                    yield persisted, versions[version]


def contract_of(app: str, endpoint: GraphEndpoint) -> GraphContract:
    """The contract of an API as its app and its file have it.

    Raises:
        ConfigError: its file cannot be read.
    """
    folder = endpoint.graph.folder
    return GraphContract(app=app, schema=endpoint.engine.schema, operations=load(folder) if folder else {})


def files(endpoint: GraphEndpoint, released: Released, today: date) -> dict[Path, str]:
    """The content of an API's files, by their paths: its schema, its operations, and each client's ids.

    A version in development sends what its client's `.graphql` files have; what others send stays.

    Raises:
        ConfigError: an operation cannot be persisted; every error is listed.
    """
    folder, schema = endpoint.graph.folder, endpoint.engine.schema
    if folder is None:
        return {}
    developed = {
        each.client: f"{each.client}/{each.version}" for each in released.versions if not each.released
    }
    gone = {f"{each.client}/{each.version}" for each in released.versions if each.is_retired(today)}
    operations = _without(load(folder), gone | set(developed.values()))
    found: dict[Path, str] = {folder / SCHEMA: print_schema(schema) + "\n"}
    errors: list[str] = []
    for client, documents in endpoint.graph.clients.items():
        if client not in developed:
            continue
        try:
            built = build(schema, endpoint.graph.limits, documents.rglob("*.graphql"), developed[client])
        except ConfigError as error:
            errors += error.errors
            continue
        for key, each in built.items():
            others = operations[key].clients if key in operations else ()
            operations[key] = replace(each, clients=(*others, *each.clients))
        found[documents / IDS] = _ids(built.values())
    if errors:
        raise ConfigError(errors)
    return {**found, folder / OPERATIONS: as_json(operations)}


def places(app: str) -> tuple[str, str]:
    """Where the schema and the operations of an app's API are among the contracts."""
    return f"{FOLDER}{app}/{SCHEMA}", f"{FOLDER}{app}/{OPERATIONS}"


def read_by(schema: GraphQLSchema, persisted: Persisted) -> set[str]:
    """The types and fields that an operation reads, such as `Order` and `Order.stage`."""
    info = TypeInfo(schema)
    found: set[str] = set()

    class Reader(Visitor):
        def enter_field(self, node: FieldNode, *_: Any) -> None:
            parent, field = info.get_parent_type(), info.get_field_def()
            if parent is not None and field is not None:
                found.update(
                    {parent.name, f"{parent.name}.{node.name.value}", get_named_type(field.type).name}
                )
                found.update(get_named_type(argument.type).name for argument in field.args.values())

    visit(parse(persisted.document), TypeInfoVisitor(info, Reader()))
    return found


def _errors(schema: GraphQLSchema, persisted: Persisted) -> list[GraphQLError]:
    return validate(schema, parse(persisted.document))


def _without(operations: Mapping[str, Persisted], versions: set[str]) -> dict[str, Persisted]:
    """The operations that other versions send."""
    remaining = {
        key: replace(each, clients=tuple(version for version in each.clients if version not in versions))
        for key, each in operations.items()
    }
    return {key: each for key, each in remaining.items() if each.clients}


def _is_released(released: Released, version: str, today: date) -> bool:
    entry = released.find(*version.split("/", 1))
    return entry is not None and entry.released is not None and not entry.is_retired(today)


def _ids(operations: Iterable[Persisted]) -> str:
    """The ids of a client's operations as a module."""
    lines = [f'  {each.name}: "{each.id}",' for each in sorted(operations, key=lambda each: each.name)]
    about = "/** The ids of the client's persisted operations, as `front contracts persist` writes them. */"
    return "\n".join([about, "export const OPERATIONS = {", *lines, "};"]) + "\n"
