"""The demand of an operation: its depth, aliases and directives, its objects, and its calls to upstreams."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    GRAPHQL_MAX_INT,
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_composite_type,
)

from frontispiece.graphql.errors import Refused, excess, refusal
from frontispiece.graphql.fields import CompiledField
from frontispiece.graphql.graph import Limits
from frontispiece.graphql.schema import FIELD

CALL_COST: Final = 10
"""What a call to an upstream costs, in objects."""

LIMIT: Final = "limit"
"""The argument that says how many items a list, or the lists of a field's object, have at most."""

NESTED_SIZE: Final = 5
"""Items of a list that an item of another list has in itself, such as an article's pictures."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """The demand of a selection on one object.

    Args:
        objects: that the response may have.
        calls: to upstreams, that are made once for all objects at one place.
        calls_each: that are made for each object.
        levels: of calls, one after the other.
    """

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    objects: int = 0
    calls: float = 0
    calls_each: float = 0
    levels: int = 0

    def __add__(self, other: "Demand") -> "Demand":
        """The demand of two selections on the same object together."""
        return Demand(
            depth=max(self.depth, other.depth),
            aliases=self.aliases + other.aliases,
            directives=self.directives + other.directives,
            objects=self.objects + other.objects,
            calls=self.calls + other.calls,
            calls_each=self.calls_each + other.calls_each,
            levels=max(self.levels, other.levels),
        )

    @property
    def total_calls(self) -> float:
        """Calls to upstreams."""
        return self.calls + self.calls_each

    @property
    def cost(self) -> float:
        """Objects and calls as one figure."""
        return self.objects + CALL_COST * self.total_calls


def demand_of(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    calls_of: Callable[[CompiledField], float | None] = lambda field: field.measured_calls,
) -> Demand:
    """The demand of a valid operation with these variables.

    The document has its fragments. `calls_of` gives the calls at one place of a response, None where they are
    not known.

    Raises:
        Refused: a list cannot be streamed as it says.
    """
    root = schema.get_root_type(operation.operation)
    assert root is not None, "the operation is valid"
    defaults = {
        each.variable.name.value: int(each.default_value.value)
        for each in operation.variable_definitions or ()
        if isinstance(each.default_value, IntValueNode)
    }
    walk = _Walk(schema, document, {**defaults, **variables}, calls_of)
    own = Demand(directives=len(operation.directives or ()))
    return own + walk.selections(operation.selection_set, root, 1)


def excesses(demand: Demand, limits: Limits) -> Iterator[GraphQLError]:
    """Where a demand is over its limits."""
    for name in ("depth", "aliases", "directives", "cost"):
        value, limit = getattr(demand, name), getattr(limits, name)
        if value > limit:
            yield excess(name, value, limit)


class _Walk:
    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        variables: Mapping[str, Any],
        calls_of: Callable[[CompiledField], float | None],
    ) -> None:
        self._schema = schema
        self._variables = variables
        self._calls_of = calls_of
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._known: dict[tuple[str, int], Demand] = {}
        """The demand of each fragment with a size of lists: a fragment may be spread a thousand times."""

    def selections(self, selections: SelectionSetNode, kind: GraphQLNamedType, size: int) -> Demand:
        """The demand of a selection on one object whose lists have this size."""
        total = Demand()
        for each in selections.selections:
            if isinstance(each, FieldNode):
                total += self._field(each, kind, size)
            elif isinstance(each, InlineFragmentNode):
                total += Demand(directives=len(each.directives or ()))
                condition = each.type_condition
                of_type = self._schema.type_map[condition.name.value] if condition else kind
                total += self.selections(each.selection_set, of_type, size)
            elif isinstance(each, FragmentSpreadNode):
                total += Demand(directives=len(each.directives or ()))
                total += self._fragment(self._fragments[each.name.value], size)
        return total

    def _fragment(self, fragment: FragmentDefinitionNode, size: int) -> Demand:
        key = fragment.name.value, size
        if key not in self._known:
            of_type = self._schema.type_map[fragment.type_condition.name.value]
            self._known[key] = self.selections(fragment.selection_set, of_type, size)
        return self._known[key]

    def _field(self, node: FieldNode, kind: GraphQLNamedType, size: int) -> Demand:
        for each in node.directives or ():
            if each.name.value == "stream" and self._number(each.arguments, "initialCount", 0) in {None, -1}:
                raise Refused(refusal("The initialCount of @stream may neither be null nor negative."))
        own = Demand(aliases=1 if node.alias else 0, directives=len(node.directives or ()), depth=1)
        definition = self._schema.get_field(kind, node.name.value)  # type: ignore[arg-type]  # a composite type
        if definition is None or node.name.value.startswith("__"):
            return own
        field: CompiledField | None = definition.extensions.get(FIELD)
        if field is not None:
            size = field.declared.list_size
        if (argument := definition.args.get(LIMIT)) is not None:
            limit = self._number(node.arguments, LIMIT, argument.default_value)
            if limit is None:  # null stands for the default, as for the field's function
                limit = self._number((), LIMIT, argument.default_value)
            size = size if limit is None else max(limit, 0)
        own += self._calls(field)
        named = get_named_type(definition.type)
        if not is_composite_type(named) or node.selection_set is None:
            return own
        items, size = (size, NESTED_SIZE) if _is_list(definition) else (1, size)
        inner = self.selections(node.selection_set, named, size)
        return own + Demand(
            depth=inner.depth + 1,
            aliases=inner.aliases,
            directives=inner.directives,
            objects=min(items * (1 + inner.objects), GRAPHQL_MAX_INT),
            calls=inner.calls,
            calls_each=min(items * inner.calls_each, GRAPHQL_MAX_INT),
            levels=own.levels + inner.levels,
        )

    def _calls(self, field: CompiledField | None) -> Demand:
        if field is None:
            return Demand()
        if (measured := self._calls_of(field)) is not None:
            return Demand(calls=measured, levels=1)
        return Demand(levels=1, **{"calls" if field.declared.batched else "calls_each": 1})

    def _number(self, arguments: Iterable[ArgumentNode] | None, name: str, default: Any) -> int | None:
        """The whole number that an argument is coerced to, -1 for all below; None when it is none."""
        value = default
        for each in arguments or ():
            if each.name.value != name:
                continue
            if isinstance(each.value, IntValueNode):
                value = int(each.value.value)
            elif isinstance(each.value, VariableNode):
                value = self._variables.get(each.value.name.value, default)
            elif isinstance(each.value, NullValueNode):
                value = None
        return max(-1, int(min(value, GRAPHQL_MAX_INT))) if isinstance(value, int | float) else None


def _is_list(definition: GraphQLField) -> bool:
    kind = definition.type
    return isinstance(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, GraphQLList)
