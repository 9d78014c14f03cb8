"""From the declared parts of a route to a page: each part is a source, what it reads are its inputs."""

import inspect
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import Raw

from gateway.aggregate.asking import Asking
from gateway.aggregate.fan import Fan
from gateway.aggregate.parts import Part
from gateway.aggregate.reading import keys, text
from gateway.aggregate.references import EACH, Placeholder
from gateway.aggregate.shape import Shape
from gateway.page import Page
from gateway.page.graph import Plan, plans
from gateway.table import Route
from gateway.upstream import Unreachable

Work = Callable[..., Coroutine[Any, Any, "Answer"]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a part's upstream said (None when it did not, or when many did), and what of it is shown."""

    said: Raw | None
    shown: Any


def plan_of(route: Route) -> Plan:
    """The plan of the page that answers a route with parts."""
    (plan,) = plans([_page(route, route.parts or {})], {Asking})
    return plan


def _page(route: Route, parts: Mapping[str, Part]) -> Page:
    made = Page(route.path, deadline=route.timeout.total_seconds())
    calls = _free({*parts, *route.template.names})
    for name, part in parts.items():
        work = _fan_out(part, calls) if part.each else _single(part, calls)
        reads = {p.name: Answer if p.path else str for p in [*part.from_.placeholders, *part.reads]}
        reads.pop(EACH, None)
        made.source(
            name=name,
            timeout=part.timeout.total_seconds() if part.timeout else None,
            fallback=_stand_in(part.stand_in) if part.optional else None,
        )(_typed(work, {**reads, calls: Asking}, Answer))
    made.view(_typed(_view(parts), dict.fromkeys(parts, Answer), dict[str, Any]))
    return made


def _free(taken: Collection[str]) -> str:
    """The name of the input that is the request's `Asking`: one that nothing else has."""
    name = "asking"
    while name in taken:
        name += "_"
    return name


def _single(part: Part, calls: str) -> Work:
    address, shape = part.from_, Shape.of(part)
    placeholders = tuple(address.placeholders)

    async def work(**inputs: Any) -> Answer:
        asking: Asking = inputs[calls]
        passed = asking.passed_on(part.query) if part.query else ()
        said = await asking.ask(address.service, address.target(_values(placeholders, inputs), passed))
        return Answer(said, shape.apply(said) if shape else said)

    return work


def _fan_out(part: Part, calls: str) -> Work:
    each = part.each
    assert each is not None
    fan = Fan(part)
    placeholders = tuple(p for p in part.from_.placeholders if p.name != EACH)

    async def work(**inputs: Any) -> Answer:
        wanted = keys(_said(each, inputs), each.path, each.field)
        return Answer(None, await fan.read(inputs[calls], wanted, _values(placeholders, inputs)))

    return work


def _values(placeholders: Iterable[Placeholder], inputs: Mapping[str, Any]) -> dict[Placeholder, str]:
    return {p: text(_said(p, inputs), p.path, p.field) if p.path else inputs[p.name] for p in placeholders}


def _said(placeholder: Placeholder, inputs: Mapping[str, Any]) -> Raw:
    answer: Answer = inputs[placeholder.name]
    if answer.said is None:
        raise Unreachable(f"it cannot be asked without {placeholder.name}, which did not answer")
    return answer.said


def _stand_in(shown: Any) -> Callable[[], Answer]:
    return lambda: Answer(None, shown)


def _view(parts: Iterable[str]) -> Callable[..., dict[str, Any]]:
    names = tuple(parts)

    def view(**answers: Answer) -> dict[str, Any]:
        """One member for each part."""
        return {name: answers[name].shown for name in names}

    return view


def _typed(function: Callable[..., Any], inputs: Mapping[str, Any], returns: Any) -> Callable[..., Any]:
    """The function with these parameters: a page reads its edges off them."""
    function.__annotations__ = {**inputs, "return": returns}
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what `inspect` looks at first
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind)
            for name, kind in inputs.items()
        ],
        return_annotation=returns,
    )
    return function
