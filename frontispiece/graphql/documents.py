"""Documents: parsed, and checked against a schema, once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cachetools import LRUCache
from graphql import (
    DirectiveNode,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    IntValueNode,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
    visit,
)
from graphql.language import REMOVE, Visitor

from frontispiece.graphql.errors import Refused, excess, refusal
from frontispiece.graphql.graph import Limits
from frontispiece.pages.usage import Budget

CACHED_DOCUMENTS: Final = 512


@dataclass(frozen=True, kw_only=True)
class Document:
    """A valid document.

    Args:
        plain: without `@defer` and `@stream`: for clients that take one response.
        is_incremental: whether these differ.
        operations: by name; the name is empty for one without.
    """

    parsed: DocumentNode
    plain: DocumentNode
    is_incremental: bool
    operations: Mapping[str, OperationDefinitionNode]

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation of this name, or the only one.

        Raises:
            Refused: there is none.
        """
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        if name is None or name not in self.operations:
            raise Refused(refusal("Name one of the document's operations in operationName."))
        return self.operations[name]


class Documents:
    """Documents by their text, checked against a schema, those used last."""

    def __init__(self, schema: GraphQLSchema, limits: Limits, *, allow_introspection: bool) -> None:
        self._schema = schema
        self._limits = limits
        self._rules = [*specified_rules, *([] if allow_introspection else [NoSchemaIntrospectionCustomRule])]
        self._known: LRUCache[str, Document] = LRUCache(CACHED_DOCUMENTS)

    def read(self, text: str) -> Document:
        """The document of this text.

        Raises:
            Refused: it cannot be parsed, is too long, or does not fit the schema.
        """
        if (known := self._known.get(text)) is not None:
            return known
        try:
            parsed = parse(text, max_lexical_tokens=self._limits.tokens)
            if (selections := _selections(parsed)) > self._limits.selections:
                raise Refused(excess("selections", selections, self._limits.selections))
            faults = validate(self._schema, parsed, self._rules, max_errors=20)
        except GraphQLError as error:
            raise Refused(error) from error
        except RecursionError:
            raise Refused(refusal("The document is nested too deeply.", "demand-exceeded")) from None
        if faults:
            raise Refused(*faults)
        document = _document(parsed)
        self._known[text] = document
        return document


def _selections(document: DocumentNode) -> int:
    """The fields and spreads in a document: its validation takes the square of them."""
    nodes: list[Any] = list(document.definitions)
    count = 0
    while nodes:
        if (selected := getattr(nodes.pop(), "selection_set", None)) is not None:
            count += len(selected.selections)
            nodes += selected.selections
    return count


class _WithoutIncrements(Visitor):
    """Removes the directives by which a response comes in several parts."""

    removed = 0

    def enter_directive(self, node: DirectiveNode, *_: Any) -> Any:
        if node.name.value not in {"defer", "stream"}:
            return None
        self.removed += 1
        return REMOVE


def _document(parsed: DocumentNode) -> Document:
    visitor = _WithoutIncrements()
    plain = visit(parsed, visitor)
    operations = {
        each.name.value if each.name else "": each
        for each in parsed.definitions
        if isinstance(each, OperationDefinitionNode)
    }
    return Document(parsed=parsed, plain=plain, is_incremental=visitor.removed > 0, operations=operations)


def budget_of(operation: OperationDefinitionNode) -> Budget | None:
    """The budget of an operation; None without one, and for one in variables, which its client would set."""
    figures = {
        each.name.value: int(each.value.value)
        for directive in operation.directives or ()
        if directive.name.value == "budget"
        for each in directive.arguments or ()
        if isinstance(each.value, IntValueNode)
    }
    return Budget(**figures) if len(figures) == len(Budget.__slots__) else None
