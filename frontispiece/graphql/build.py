"""Building a client's persisted operations from its `.graphql` files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    parse,
    print_ast,
    separate_operations,
)

from frontispiece.errors import ConfigError
from frontispiece.graphql.demand import demand_of, excesses
from frontispiece.graphql.documents import Documents, budget_of
from frontispiece.graphql.errors import Refused
from frontispiece.graphql.graph import Limits
from frontispiece.graphql.persisted import Persisted

ASSUMED_LATENCY: Final = 20
"""Milliseconds of a call to an upstream, when an operation's time is estimated from its document."""


def build(schema: GraphQLSchema, limits: Limits, files: Iterable[Path], client: str) -> dict[str, Persisted]:
    """The operations in a client's files, each with the fragments that it uses, which any file may have.

    Raises:
        ConfigError: one does not fit the schema, its limits or its budget; every error is listed.
    """
    errors: list[str] = []
    definitions: list[Any] = []
    for file in sorted(files):
        try:
            definitions += parse(file.read_text(encoding="utf-8")).definitions
        except GraphQLError as error:
            errors.append(f"{file}: {error.message}")
    whole = DocumentNode(definitions=tuple(definitions))
    documents = Documents(schema, limits, allow_introspection=False)
    found: dict[str, Persisted] = {}
    used: set[str] = set()
    for name, document in separate_operations(whole).items():
        used |= _fragments(document)
        text = print_ast(document)
        errors += [
            f"{client}: {name or 'an operation'}: {fault}"
            for fault in _faults(documents, schema, text, limits)
        ]
        persisted = Persisted(name=name, document=text, clients=(client,))
        found[persisted.id] = persisted
    unused = sorted(_fragments(whole) - used)
    errors += [f"{client}: no operation uses the fragment {name}" for name in unused]
    if errors:
        raise ConfigError(errors)
    return found


def _fragments(document: DocumentNode) -> set[str]:
    return {each.name.value for each in document.definitions if isinstance(each, FragmentDefinitionNode)}


def _faults(documents: Documents, schema: GraphQLSchema, text: str, limits: Limits) -> list[str]:
    """Why an operation cannot be persisted."""
    try:
        document = documents.read(text)
        operation = document.operation(None)
        demand = demand_of(schema, document.parsed, operation, {}, lambda _: None)
    except Refused as invalid:
        return invalid.messages
    if operation.name is None:
        return ["it has no name: clients are counted by it"]
    faults = [error.message for error in excesses(demand, limits)]
    budget = budget_of(operation)
    if budget is None and operation.operation is not OperationType.SUBSCRIPTION:
        faults.append("it has no @budget(calls:, ms:)")
    if budget is None:
        return faults
    if demand.total_calls > budget.calls:
        faults.append(f"it makes {demand.total_calls:g} calls to upstreams, and its budget is {budget.calls}")
    if (ms := demand.levels * ASSUMED_LATENCY) > budget.ms:
        faults.append(
            f"it has {demand.levels} levels of calls, {ms} ms at {ASSUMED_LATENCY} ms each, "
            f"and its budget is {budget.ms} ms"
        )
    return faults
