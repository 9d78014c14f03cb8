"""From a declared page to a plan that can be run; all errors of all pages are reported at once."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from graphlib import CycleError, TopologicalSorter
from typing import Any, get_args, get_origin, get_type_hints

from frontispiece.errors import ConfigError, nearest
from frontispiece.http.headers import CREDENTIALS
from frontispiece.http.paths import Template
from frontispiece.pages.annotations import fits_query, is_marked, without_mark
from frontispiece.pages.page import BodyMarker, HeaderMarker, Page, QueryMarker, Source
from frontispiece.pages.request import PageRequest
from frontispiece.pages.type_check import fits
from frontispiece.security import Identity

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
"""The name of a source, which is a token of `Page-Degraded` (RFC 9651) and of `Server-Timing`."""


class Origin(Enum):
    """Where an input comes from."""

    SOURCE = auto()
    PATH = auto()
    QUERY = auto()
    HEADER = auto()
    BODY = auto()
    PROVIDED = auto()


FROM_REQUEST = frozenset({Origin.PATH, Origin.QUERY, Origin.HEADER, Origin.BODY})
"""Where a request itself has an input."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One parameter of a source or view."""

    name: str
    origin: Origin
    type: Any
    default: Any = inspect.Parameter.empty

    @property
    def header(self) -> str:
        """The name of the request header that a header parameter takes."""
        return self.name.replace("_", "-")

    @property
    def required(self) -> bool:
        """Whether the request must contain it."""
        return self.default is inspect.Parameter.empty

    @property
    def many(self) -> bool:
        """Whether a query parameter may be repeated."""
        return any(get_origin(kind) in {list, tuple} for kind in (self.type, *get_args(self.type)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A source with its inputs."""

    source: Source
    inputs: tuple[Input, ...]

    @property
    def needs(self) -> list[str]:
        """The sources that it depends on."""
        return [i.name for i in self.inputs if i.origin is Origin.SOURCE]

    @property
    def result_type(self) -> Any:
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
    view_type: Any

    @property
    def inputs(self) -> dict[str, Input]:
        """Every input from the request, by name."""
        every = [i for step in self.steps for i in step.inputs] + list(self.view_inputs)
        return {i.name: i for i in every if i.origin in FROM_REQUEST}

    @property
    def provided(self) -> dict[str, Any]:
        """The types of all inputs that the app provides, by name."""
        every = [i for step in self.steps for i in step.inputs] + list(self.view_inputs)
        return {i.name: i.type for i in every if i.origin is Origin.PROVIDED}


def plans(pages: Iterable[Page], provided: Iterable[Any], app: str | None = None) -> list[Plan]:
    """The plans of pages whose functions may ask for the provided types.

    Raises:
        ConfigError: some page cannot work.
    """
    errors: list[str] = []
    taken: set[tuple[str, Any]] = set()
    made = []
    for page in pages:
        if (endpoint := (page.method, _shape(page.path))) in taken:
            errors.append(f"{_place(page)}: another page serves {page.method} already: leave one of them")
        taken.add(endpoint)
        made.append(_Planner(page, frozenset(provided) | {PageRequest}, errors, app).plan())
    if errors:
        raise ConfigError(errors)
    return [plan for plan in made if plan is not None]


def _shape(path: str) -> Any:
    """What templates of the same paths have in common; an invalid template is reported elsewhere."""
    try:
        return Template.parse(path).shape
    except ValueError:
        return path


class _Planner:
    def __init__(self, page: Page, provided: frozenset[Any], errors: list[str], app: str | None) -> None:
        self._page = page
        self._app = app
        self._provided = provided
        self._errors = errors
        self._sources: dict[str, Source] = {}
        self._placeholders = self._names()
        self._outside: dict[str, Input] = {}
        functions = [*(source.function for source in page.sources), *page.views]
        hints = [each for f in functions for each in get_type_hints(f, include_extras=True).items()]
        self._query_names = {name for name, hint in hints if is_marked(hint, QueryMarker)}

    def plan(self) -> Plan | None:
        before = len(self._errors)
        for source in self._page.sources:
            if self._sources.setdefault(source.name, source) is not source:
                self._error(source.function, f"the page has a source {source.name} already")
            if source.name in self._placeholders:
                self._error(source.function, f"{source.name} is a placeholder of the path")
            if not NAME.fullmatch(source.name):
                self._error(
                    source.function, f"the name {source.name} appears in headers: use letters, digits and _"
                )
            if not inspect.iscoroutinefunction(source.function):
                self._error(source.function, "a source is an async function: write async def")
        steps = {s.name: Step(source=s, inputs=self._inputs(s.function)) for s in self._sources.values()}
        if len(self._page.views) != 1:
            found = len(self._page.views)
            self._errors.append(f"{_place(self._page)}: a page has one @page.view, not {found}")
        for view in self._page.views:
            if inspect.iscoroutinefunction(view):
                self._error(view, "a view is a plain function: what it awaits belongs in a source")
        views = [self._inputs(view) for view in self._page.views]
        order = self._ordered(steps)
        self._check_use(steps, views)
        if len(self._errors) > before:
            return None
        view = self._page.views[0]
        return Plan(
            page=self._page,
            steps=tuple(steps[name] for name in order),
            view=view,
            view_inputs=views[0],
            view_type=get_type_hints(view).get("return", Any),
        )

    def _names(self) -> tuple[str, ...]:
        try:
            return Template.parse(self._page.path).names
        except ValueError as error:
            self._errors.append(f"{_place(self._page)}: {error}")
            return ()

    def _inputs(self, function: Callable[..., Any]) -> tuple[Input, ...]:
        hints = get_type_hints(function, include_extras=True)
        inputs = []
        for name, parameter in inspect.signature(function).parameters.items():
            if name not in hints and name not in self._sources:
                self._error(function, f"the parameter {name} has no type")
                continue
            hint = hints.get(name, Any)
            origin = self._origin(name, hint, parameter.default)
            if origin is None:
                self._error(function, self._unknown(name, hint))
                continue
            found = Input(name=name, origin=origin, type=without_mark(hint), default=parameter.default)
            if origin is Origin.HEADER and found.header.encode() in CREDENTIALS:
                self._error(function, f"the header {found.header} proves who calls: ask for Identity")
            if origin is not Origin.SOURCE and self._outside.setdefault(name, found) != found:
                self._error(
                    function, f"the parameter {name} has another type or default elsewhere on the page"
                )
            inputs.append(found)
        return tuple(inputs)

    def _origin(self, name: str, hint: Any, default: Any) -> Origin | None:
        if name in self._sources:
            return Origin.SOURCE
        if name in self._placeholders:
            return Origin.PATH
        if is_marked(hint, BodyMarker):
            return Origin.BODY
        if is_marked(hint, HeaderMarker):
            return Origin.HEADER
        if hint in self._provided:
            return Origin.PROVIDED
        optional = default is not inspect.Parameter.empty
        return Origin.QUERY if (optional or name in self._query_names) and fits_query(hint) else None

    def _unknown(self, name: str, hint: Any) -> str:
        """Why a parameter comes from nowhere, with the nearest name that would."""
        returned = [get_type_hints(source.function).get("return") for source in self._sources.values()]
        if self._app is not None and inspect.isclass(hint) and not fits_query(hint) and hint not in returned:
            place, kind = f'clients={{…}} of bff("{self._app}")', hint.__name__
            return f'the parameter {name}: its type {kind} is not in {place}: add it there, {kind}: "SERVICE"'
        message = f"the parameter {name} is no source, placeholder or provided type"
        message += nearest(name, [*self._sources, *self._placeholders])
        if fits_query(hint):
            message += f"; a query parameter has a default, or is declared {name}: Query[…]"
        return message

    def _ordered(self, steps: Mapping[str, Step]) -> list[str]:
        try:
            return list(TopologicalSorter({name: step.needs for name, step in steps.items()}).static_order())
        except CycleError as error:
            circle = " → ".join(reversed(error.args[1]))
            self._error(
                self._sources[error.args[1][0]].function,
                f"sources wait for each other: {circle}: one of them takes a parameter too many",
            )
            return []

    def _check_use(self, steps: Mapping[str, Step], views: list[tuple[Input, ...]]) -> None:
        for view, inputs in zip(self._page.views, views, strict=True):
            self._check_edges(view, inputs, steps)
        used = {i.name for view in views for i in view} | {n for step in steps.values() for n in step.needs}
        for name, step in steps.items():
            if name not in used and views:
                self._error(
                    step.source.function,
                    f"the source {name} is not used: take it as a parameter, or remove it",
                )
            self._check_edges(step.source.function, step.inputs, steps)
            if step.source.cache is not None and any(i.type is PageRequest for i in step.inputs):
                self._error(step.source.function, f"{name} is cached: it cannot depend on the whole request")
            optional = [need for need in step.needs if self._sources[need].fallback is not None]
            if step.source.fallback is None and optional:
                behind = ", ".join(optional)
                self._error(
                    step.source.function,
                    f"{name} is required but depends on optional {behind}: give it a fallback, too",
                )

    def _check_edges(
        self, function: Callable[..., Any], inputs: tuple[Input, ...], steps: Mapping[str, Step]
    ) -> None:
        """Check that sources return what the function takes."""
        for i in inputs:
            if i.origin is Origin.SOURCE and not fits(returned := steps[i.name].result_type, i.type):
                shown = f"{inspect.formatannotation(returned)}, not {inspect.formatannotation(i.type)}"
                self._error(function, f"the source {i.name} returns {shown}: annotate both alike")

    def _error(self, function: Callable[..., Any], message: str) -> None:
        self._errors.append(f"{_line(function)}: {self._page.path}: {message}")


def _place(page: Page) -> str:
    """A page by the first of its functions, and its path."""
    functions = [*(source.function for source in page.sources), *page.views]
    return f"{_line(functions[0])}: {page.path}" if functions else page.path


def _line(function: Callable[..., Any]) -> str:
    code = inspect.unwrap(function).__code__
    return f"{code.co_filename}:{code.co_firstlineno}"
