"""The schema of a graph: GraphQL types of msgspec Structs, and the resolvers of fields.

Import this lazily: graphql-core takes a quarter of a second.
"""

import inspect
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from graphql import (
    DirectiveLocation,
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLDeferDirective,
    GraphQLDirective,
    GraphQLField,
    GraphQLFloat,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLStreamDirective,
    GraphQLString,
    specified_directives,
    validate_schema,
)

from frontispiece.errors import ConfigError
from frontispiece.graphql.fields import CompiledField, camel
from frontispiece.graphql.graph import MUTATION, QUERY, SUBSCRIPTION
from frontispiece.pages.plan import Input

FIELD = "field"
"""The extension of a GraphQL field by which its `CompiledField` is found."""

DATE_TIME = GraphQLScalarType(
    "DateTime",
    serialize=msgspec.to_builtins,
    description="A moment (RFC 3339).",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time",
)
MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer up to which every client's numbers are exact (RFC 8259, 6)."""

LONG = GraphQLScalarType(
    "Long",
    serialize=lambda value: value if abs(value) <= MAX_SAFE_INTEGER else str(value),
    description="A whole number: a string when it is beyond 2^53, where JSON's numbers are not exact.",
)
JSON = GraphQLScalarType("JSON", serialize=msgspec.to_builtins, description="Any JSON.")

SCALARS: dict[Any, Any] = {
    str: GraphQLString,
    int: GraphQLInt,
    float: GraphQLFloat,
    bool: GraphQLBoolean,
    datetime: DATE_TIME,
    Any: JSON,
    dict: JSON,
}

BUDGET = GraphQLDirective(
    "budget",
    [DirectiveLocation.QUERY, DirectiveLocation.MUTATION],
    {
        "calls": GraphQLArgument(GraphQLNonNull(GraphQLInt), description="Calls to upstreams."),
        "ms": GraphQLArgument(GraphQLNonNull(GraphQLInt), description="Milliseconds until the response."),
    },
    description="What the operation may cost: checked when it is persisted, and measured when it runs.",
)


def schema_of(fields: Sequence[CompiledField]) -> GraphQLSchema:
    """The schema of all fields.

    Raises:
        ConfigError: it is not valid; every error is listed.
    """
    builder = _Builder(fields)
    query, mutation, subscription = map(builder.root, (QUERY, MUTATION, SUBSCRIPTION))
    try:
        schema = GraphQLSchema(
            query,
            mutation,
            subscription,
            directives=[*specified_directives, GraphQLDeferDirective, GraphQLStreamDirective, BUDGET],
        )
        errors = [str(error) for error in validate_schema(schema)]
    except TypeError as error:
        errors = [str(error)]
    if errors:
        raise ConfigError(errors)
    return schema


class _Builder:
    def __init__(self, fields: Sequence[CompiledField]) -> None:
        self._fields: dict[str, list[CompiledField]] = defaultdict(list)
        self._types: dict[str, tuple[type, Any]] = {}
        for field in fields:
            self._fields[field.owner].append(field)

    def root(self, name: str) -> GraphQLObjectType | None:
        if not self._fields[name]:
            return None
        return GraphQLObjectType(name, lambda: self._resolved(name))

    def _resolved(self, owner: str) -> dict[str, GraphQLField]:
        return {camel(field.name): self._field(field) for field in self._fields[owner]}

    def _field(self, field: CompiledField) -> GraphQLField:
        is_subscription = field.owner == SUBSCRIPTION
        return GraphQLField(
            self._output(field.result_type),
            {camel(name): self._argument(i) for name, i in field.arguments.items()},
            resolve=_event if is_subscription else _resolver(field),
            subscribe=_subscriber(field) if is_subscription else None,
            description=_doc(field.function),
            extensions={FIELD: field},
        )

    def _argument(self, i: Input) -> GraphQLArgument:
        kind = self._input(i.type)
        if not i.required and isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        default = {} if i.required or i.default is None else {"default_value": i.default}
        return GraphQLArgument(kind, out_name=i.name, **default)

    def _output(self, hint: Any) -> Any:
        if hint is int:  # an Int of GraphQL ends at 2^31
            return GraphQLNonNull(LONG)
        return self._type(hint, self._object, self._output)

    def _input(self, hint: Any) -> Any:
        return self._type(hint, self._input_object, self._input)

    def _type(self, hint: Any, of_struct: Callable[[type], Any], again: Callable[[Any], Any]) -> Any:
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return again(arguments[0])
        if origin in {Union, UnionType}:
            some = [each for each in arguments if each is not NoneType]
            if len(some) == 1:
                return _nullable(again(some[0]))
        kind: Any = None
        if origin in {list, tuple}:
            kind = GraphQLList(again(arguments[0]))
        elif origin is Literal:
            kind = GraphQLString
        elif (scalar := SCALARS.get(origin or hint)) is not None:
            kind = scalar
        elif isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            kind = of_struct(hint)
        if kind is None:
            raise ConfigError(
                [f"{hint} is no type of GraphQL: take a Struct, a list, a scalar, or None beside"]
            )
        return kind if kind is JSON else GraphQLNonNull(kind)

    def _object(self, struct: type) -> GraphQLObjectType:
        name = struct.__name__
        return self._named(  # type: ignore[no-any-return]
            name,
            struct,
            lambda: GraphQLObjectType(name, lambda: self._attributes(struct), description=_doc(struct)),
        )

    def _attributes(self, struct: type) -> dict[str, GraphQLField]:
        hints = get_type_hints(struct, include_extras=True)
        resolved = self._resolved(struct.__name__)
        plain = {
            camel(name.rstrip("_")): GraphQLField(
                self._output(hints[name]), resolve=lambda parent, _info, name=name: getattr(parent, name)
            )
            for name in struct.__struct_fields__  # type: ignore[attr-defined]  # of a Struct
            if camel(name.rstrip("_")) not in resolved
        }
        return plain | resolved

    def _input_object(self, struct: type) -> GraphQLInputObjectType:
        name = struct.__name__.removesuffix("Input") + "Input"
        hints = get_type_hints(struct, include_extras=True)

        def fields() -> dict[str, GraphQLInputField]:
            return {
                camel(each.name): GraphQLInputField(
                    self._input(hints[each.name])
                    if each.required
                    else _nullable(self._input(hints[each.name])),
                    out_name=each.encode_name,
                )
                for each in msgspec.structs.fields(struct)
            }

        return self._named(  # type: ignore[no-any-return]
            name, struct, lambda: GraphQLInputObjectType(name, fields, description=_doc(struct))
        )

    def _named(self, name: str, kind: type, make: Callable[[], Any]) -> Any:
        if name in self._types:
            known, made = self._types[name]
            if known is not kind:
                raise ConfigError([f"two types are called {name}: {known} and {kind}"])
            return made
        made = make()
        self._types[name] = kind, made
        return made


def _nullable(kind: Any) -> Any:
    return kind.of_type if isinstance(kind, GraphQLNonNull) else kind


def _doc(of: Any) -> str | None:
    text = of.__doc__
    return inspect.cleandoc(text) if text else None


def _resolver(field: CompiledField) -> Callable[..., Any]:
    def resolve(parent: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        return info.context.resolve(field, parent, info.path, arguments)

    return resolve


def _subscriber(field: CompiledField) -> Callable[..., Any]:
    def subscribe(_root: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        return info.context.subscribe(field, info.path, arguments)

    return subscribe


def _event(event: Any, _info: GraphQLResolveInfo[Any], **_arguments: Any) -> Any:
    """The event itself is the object of a subscription's field."""
    return event
