"""Fields made ready to run for the life of an app: what each parameter takes, and its policies."""

import inspect
from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

from frontispiece.errors import ConfigError
from frontispiece.graphql.graph import SUBSCRIPTION, Field, Graph
from frontispiece.pages.annotations import without_mark
from frontispiece.pages.api import ApiParts
from frontispiece.pages.compiled import CompiledPage
from frontispiece.pages.page import Page
from frontispiece.pages.plan import Input, Origin, Plan, Step
from frontispiece.pages.request import PageRequest


def camel(name: str) -> str:
    """A name of Python as GraphQL has it."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


class CompiledField:
    """A field, ready to run."""

    def __init__(self, field: Field, step: Step, parent: str | None, graph: Graph, parts: ApiParts) -> None:
        self.declared = field
        self.owner = field.owner if isinstance(field.owner, str) else field.owner.__name__
        self.name = field.source.name
        self.coordinate = f"{self.owner}.{camel(self.name)}"
        """`Type.field`, as in the schema."""
        self.parent = parent
        """The parameter that takes the object; None for fields of operation types."""
        self.function = field.source.function
        self.result_type = step.result_type
        if field.owner == SUBSCRIPTION:
            (self.result_type, *_) = get_args(step.result_type)
        self.arguments = {i.name: i for i in step.inputs if i.origin is Origin.BODY}
        self.provided = {i.name: i.type for i in step.inputs if i.origin is Origin.PROVIDED}
        self.knows_caller = step.knows_caller or PageRequest in self.provided.values()
        """Whether its result may depend on the caller."""
        page = Page(f"{graph.path}/{self.coordinate}", deadline=graph.deadline)
        plan = Plan(page=page, steps=(step,), view=dict, view_inputs=(), view_type=step.result_type)
        self.page = CompiledPage(plan, parts.app, parts.shared)
        """Runs the function alone, with its policies."""
        self.measured_calls: float | None = None
        """Calls to upstreams for it at one place of a response: a moving average; None before the first."""

    def measure(self, calls: int) -> None:
        """Take over the calls of an operation."""
        before = calls if self.measured_calls is None else self.measured_calls
        self.measured_calls = before + (calls - before) / 8


def compiled_fields(graph: Graph, parts: ApiParts) -> list[CompiledField]:
    """Every field of a graph.

    Raises:
        ConfigError: some cannot work; every error is listed.
    """
    errors: list[str] = []
    taken: set[str] = set()
    found = []
    for field in graph.fields:
        try:
            step, parent = _step(field, parts.providers)
            compiled = CompiledField(field, step, parent, graph, parts)
        except (TypeError, NameError, ValueError) as error:
            errors.append(f"{graph.path}: {field.source.name}: {error}")
            continue
        if compiled.coordinate in taken:
            errors.append(f"{graph.path}: {compiled.coordinate} is declared twice: leave one of them")
        taken.add(compiled.coordinate)
        found.append(compiled)
    if errors:
        raise ConfigError(errors)
    return found


def _step(field: Field, providers: Mapping[Any, Any]) -> tuple[Step, str | None]:
    """A field's inputs, and the name of the one that takes the object.

    Raises:
        TypeError: a parameter or the result has no type, or no parameter takes the object.
    """
    function = field.source.function
    hints = get_type_hints(function, include_extras=True)
    if "return" not in hints:
        raise TypeError("its result has no type: annotate it")
    parameters = inspect.signature(function).parameters
    if untyped := [name for name in parameters if name not in hints]:
        raise TypeError(f"{', '.join(untyped)}: annotate each parameter")
    if field.owner == SUBSCRIPTION and not inspect.isasyncgenfunction(function):
        raise TypeError("a subscription is an async generator: it yields events")
    parent = None if isinstance(field.owner, str) else _parent(hints, field.owner)
    inputs = []
    for name, parameter in parameters.items():
        hint = without_mark(hints[name])
        is_provided = hint in providers or hint is PageRequest
        origin = Origin.SOURCE if name == parent else Origin.PROVIDED if is_provided else Origin.BODY
        inputs.append(Input(name=name, origin=origin, type=hint, default=parameter.default))
    return _WithoutNeeds(source=field.source, inputs=tuple(inputs)), parent


class _WithoutNeeds(Step):
    """A step that waits for no source: its object is passed in."""

    @property
    def needs(self) -> list[str]:
        """No other sources."""
        return []


def _parent(hints: Mapping[str, Any], owner: type) -> str:
    for name, hint in hints.items():
        if name != "return" and isinstance(hint, type) and issubclass(owner, hint) and hint is not object:
            return name
    raise TypeError(f"no parameter takes the {owner.__name__}")
