"""From a declared page to a plan that can be run; every fault of every page is told at once."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from graphlib import CycleError, TopologicalSorter
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from gateway.page.declare import BodyMarker, Page, Source
from gateway.page.edges import fits
from gateway.page.inbound import Inbound
from gateway.path import Template
from kit.faults import Faulty
from kit.tokens import Identity

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
"""What a source may be called: a token of `Page-Degraded` (RFC 9651) and of `Server-Timing`."""


class Origin(Enum):
    """Where an input comes from."""

    SOURCE = auto()
    PATH = auto()
    QUERY = auto()
    BODY = auto()
    PROVIDED = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One parameter of a source or view."""

    name: str
    origin: Origin
    type: Any
    default: Any = inspect.Parameter.empty

    @property
    def required(self) -> bool:
        """Whether the request must bring it."""
        return self.default is inspect.Parameter.empty

    @property
    def many(self) -> bool:
        """Whether a query parameter may come several times."""
        return any(get_origin(kind) in {list, tuple} for kind in (self.type, *get_args(self.type)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A source with its inputs."""

    source: Source
    inputs: tuple[Input, ...]

    @property
    def needs(self) -> list[str]:
        """The sources it waits for."""
        return [i.name for i in self.inputs if i.origin is Origin.SOURCE]

    @property
    def gives(self) -> Any:
        """The type of its result."""
        return get_type_hints(self.source.function).get("return", Any)

    @property
    def knows_caller(self) -> bool:
        """Whether the caller's identity is among its inputs."""
        return any(i.type is Identity for i in self.inputs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A page that can be run: its steps in an order in which inputs come first, and its view."""

    page: Page
    steps: tuple[Step, ...]
    view: Callable[..., Any]
    view_inputs: tuple[Input, ...]
    answers: Any
    """The type of the view."""

    @property
    def inputs(self) -> dict[str, Input]:
        """Every input that the request brings, by name."""
        every = [i for step in self.steps for i in step.inputs] + list(self.view_inputs)
        return {i.name: i for i in every if i.origin in {Origin.PATH, Origin.QUERY, Origin.BODY}}

    @property
    def provided(self) -> dict[str, Any]:
        """The types of all inputs that the app provides, by name."""
        every = [i for step in self.steps for i in step.inputs] + list(self.view_inputs)
        return {i.name: i.type for i in every if i.origin is Origin.PROVIDED}


def plans(pages: Iterable[Page], provided: Iterable[Any]) -> list[Plan]:
    """The plans of pages whose functions may ask for the provided types.

    Raises:
        Faulty: some page cannot work.
    """
    faults: list[str] = []
    taken: set[tuple[str, Any]] = set()
    made = []
    for page in pages:
        if (asked := (page.method, _shape(page.path))) in taken:
            faults.append(f"{page.path}: {page.method} is answered by another page already")
        taken.add(asked)
        made.append(_Planner(page, frozenset(provided) | {Inbound}, faults).plan())
    if faults:
        raise Faulty(faults)
    return [plan for plan in made if plan is not None]


def _shape(path: str) -> Any:
    """What templates of the same paths have in common; of what is none, itself: it is refused elsewhere."""
    try:
        return Template.parse(path).shape
    except ValueError:
        return path


class _Planner:
    def __init__(self, page: Page, provided: frozenset[Any], faults: list[str]) -> None:
        self._page = page
        self._provided = provided
        self._faults = faults
        self._sources: dict[str, Source] = {}
        self._placeholders = self._names()
        self._outside: dict[str, Input] = {}

    def plan(self) -> Plan | None:
        known = len(self._faults)
        for source in self._page.sources:
            if self._sources.setdefault(source.name, source) is not source:
                self._fault(source.function, f"the page has a source {source.name} already")
            if source.name in self._placeholders:
                self._fault(source.function, f"{source.name} is a placeholder of the path")
            if not NAME.fullmatch(source.name):
                self._fault(source.function, f"{source.name} stands in headers: take letters, digits and _")
            if not inspect.iscoroutinefunction(source.function):
                self._fault(source.function, "a source is an async function")
        steps = {s.name: Step(source=s, inputs=self._inputs(s.function)) for s in self._sources.values()}
        if len(self._page.views) != 1:
            self._faults.append(f"{self._page.path}: a page has one view, not {len(self._page.views)}")
        for view in self._page.views:
            if inspect.iscoroutinefunction(view):
                self._fault(view, "a view is a plain function: what it awaits belongs in a source")
        views = [self._inputs(view) for view in self._page.views]
        order = self._ordered(steps)
        self._check_use(steps, views)
        if len(self._faults) > known:
            return None
        view = self._page.views[0]
        return Plan(
            page=self._page,
            steps=tuple(steps[name] for name in order),
            view=view,
            view_inputs=views[0],
            answers=get_type_hints(view).get("return", Any),
        )

    def _names(self) -> tuple[str, ...]:
        try:
            return Template.parse(self._page.path).names
        except ValueError as fault:
            self._faults.append(str(fault))
            return ()

    def _inputs(self, function: Callable[..., Any]) -> tuple[Input, ...]:
        hints = get_type_hints(function, include_extras=True)
        inputs = []
        for name, parameter in inspect.signature(function).parameters.items():
            if name not in hints and name not in self._sources:
                self._fault(function, f"the parameter {name} has no type")
                continue
            hint = hints.get(name, Any)
            origin = self._origin(name, hint)
            if origin is None:
                self._fault(function, f"the parameter {name} is no source, placeholder or provided type")
                continue
            taken = Input(name=name, origin=origin, type=_bare(hint, origin), default=parameter.default)
            if origin is not Origin.SOURCE and self._outside.setdefault(name, taken) != taken:
                self._fault(
                    function, f"the parameter {name} has another type or default elsewhere on the page"
                )
            inputs.append(taken)
        return tuple(inputs)

    def _origin(self, name: str, hint: Any) -> Origin | None:
        if name in self._sources:
            return Origin.SOURCE
        if name in self._placeholders:
            return Origin.PATH
        if get_origin(hint) is Annotated and BodyMarker in get_args(hint):
            return Origin.BODY
        if hint in self._provided:
            return Origin.PROVIDED
        return Origin.QUERY if _fits_query(hint) else None

    def _ordered(self, steps: Mapping[str, Step]) -> list[str]:
        try:
            return list(TopologicalSorter({name: step.needs for name, step in steps.items()}).static_order())
        except CycleError as fault:
            circle = " → ".join(reversed(fault.args[1]))
            self._fault(self._sources[fault.args[1][0]].function, f"sources wait for each other: {circle}")
            return []

    def _check_use(self, steps: Mapping[str, Step], views: list[tuple[Input, ...]]) -> None:
        for view, inputs in zip(self._page.views, views, strict=True):
            self._check_edges(view, inputs, steps)
        used = {i.name for view in views for i in view} | {n for step in steps.values() for n in step.needs}
        for name, step in steps.items():
            if name not in used and views:
                self._fault(step.source.function, f"nobody uses the source {name}")
            self._check_edges(step.source.function, step.inputs, steps)
            if step.source.cache is not None and any(i.type is Inbound for i in step.inputs):
                self._fault(step.source.function, f"{name} is cached: it cannot depend on the whole request")
            optional = [need for need in step.needs if self._sources[need].fallback is not None]
            if step.source.fallback is None and optional:
                behind = ", ".join(optional)
                self._fault(step.source.function, f"{name} is required but stands behind optional {behind}")

    def _check_edges(
        self, function: Callable[..., Any], inputs: tuple[Input, ...], steps: Mapping[str, Step]
    ) -> None:
        """What a function is given by sources is what it asks for."""
        for i in inputs:
            if i.origin is Origin.SOURCE and not fits(given := steps[i.name].gives, i.type):
                shown = f"{inspect.formatannotation(given)}, not {inspect.formatannotation(i.type)}"
                self._fault(function, f"the source {i.name} gives {shown}")

    def _fault(self, function: Callable[..., Any], what: str) -> None:
        code = inspect.unwrap(function).__code__
        self._faults.append(f"{code.co_filename}:{code.co_firstlineno}: {self._page.path}: {what}")


def _bare(hint: Any, origin: Origin) -> Any:
    return get_args(hint)[0] if origin is Origin.BODY else hint


def _fits_query(hint: Any) -> bool:
    """Whether text can stand for a value of this type: scalars, literals, their unions with None, lists."""
    if get_origin(hint) is Annotated:
        return _fits_query(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return True
    if get_origin(hint) in {Union, UnionType, list, tuple}:
        return all(_fits_query(argument) for argument in get_args(hint) if argument is not ...)
    return isinstance(hint, type) and issubclass(hint, (str, int, float, bool, Enum, type(None)))
