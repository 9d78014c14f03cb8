"""Declared pages become plans, or are refused when the app is built, with every error at once."""

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Literal

import msgspec
import pytest

from frontispiece.errors import ConfigError
from frontispiece.pages import Header, Page, Query
from frontispiece.pages.plan import Origin, Plan, plans

UNTYPED = object()
PATH = "/books/{isbn}"


class Shelf:
    """A type that the app provides."""


class Change(msgspec.Struct):
    """Nothing that a query could contain."""


OF_QUERY: Any = Query
"""The same for types that are known only when the test runs."""


class Colour(Enum):
    """What a query parameter may be."""

    RED = "red"


Function = Callable[..., Any]
Named = tuple[str, Function]


def function(name: str, returns: Any = int, /, *, plain: bool = False, **parameters: Any) -> Function:
    """A function of parameters with these types; it is a declaration only, and never called."""

    async def source() -> Any: ...
    def view() -> Any: ...

    declared: Any = view if plain else source
    declared.__name__ = name
    kind = inspect.Parameter.KEYWORD_ONLY
    declared.__signature__ = inspect.Signature([inspect.Parameter(each, kind) for each in parameters])
    types = {each: kind for each, kind in parameters.items() if kind is not UNTYPED}
    declared.__annotations__ = types if returns is UNTYPED else {**types, "return": returns}
    return declared  # type: ignore[no-any-return]


def page_of(*sources: Function | Named, path: str = PATH, optional: str = "", **view: Any) -> Page:
    """A page of these sources, of which one may be optional, and a view of these parameters."""
    page = Page(path, deadline=1.0)
    for each in sources:
        name, source = each if isinstance(each, tuple) else (each.__name__, each)
        page.source(name=name, fallback=int if name == optional else None)(source)
    page.view(function("view", plain=True, **view))
    return page


def planned(*pages: Page) -> list[Plan]:
    return plans(pages, [Shelf])


def errors_of(*pages: Page) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        planned(*pages)
    return refused.value.errors


ONE = function("one")
REFUSED: dict[str, tuple[Page, str]] = {
    "an unknown parameter": (
        page_of(function("odd", press=object), odd=int),
        "the parameter press is no source, placeholder or provided type",
    ),
    "a parameter without a type": (
        page_of(function("odd", press=UNTYPED), odd=int),
        "the parameter press has no type",
    ),
    "a source that is not used": (page_of(ONE), "the source one is not used"),
    "a source that does not await": (
        page_of(function("quick", plain=True), quick=int),
        "a source is an async function",
    ),
    "a source that needs itself": (
        page_of(function("one", one=int), one=int),
        "sources wait for each other: one → one",
    ),
    "a required source behind an optional one": (
        page_of(function("maybe"), function("surely", maybe=int), optional="maybe", surely=int),
        "surely is required but depends on optional maybe",
    ),
    "two sources of one name": (
        page_of(("twice", ONE), ("twice", function("two")), twice=int),
        "the page has a source twice already",
    ),
    "a source named as a placeholder": (
        page_of(("isbn", ONE), isbn=int),
        "isbn is a placeholder of the path",
    ),
    "a placeholder that is mistyped": (
        page_of(function("one", isnb=str), one=int, isbn=str),
        "type: did you mean 'isbn'?; a query parameter has a default, or is declared isnb: Query[…]",
    ),
    "a source that is mistyped": (
        page_of(function("shelf"), shelf=int, shlef=int),
        "the parameter shlef is no source, placeholder or provided type: did you mean 'shelf'?",
    ),
    "a parameter of two types": (
        page_of(function("one", isbn=str), one=int, isbn=int),
        "the parameter isbn has another type or default elsewhere on the page",
    ),
    "a result that a source cannot take": (
        page_of(function("shelf", list[str]), function("one", shelf=dict[str, str]), one=int),
        "the source shelf returns list[str], not dict[str, str]",
    ),
    "a result that the view cannot take": (
        page_of(function("shelf", list[str]), shelf=list[int]),
        "the source shelf returns list[str], not list[int]",
    ),
    "a header that proves who calls": (
        page_of(authorization=Header[str]),
        "the header authorization proves who calls: ask for Identity",
    ),
    "a path without a slash": (page_of(path="no-slash"), "'no-slash' does not begin with a slash"),
    **{
        f"the name {name}": (page_of((name, ONE), one=int), "appears in headers")
        for name in ("größe", "_title", "a-b", "a b", "a;b")
    },
    **{
        f"a query parameter {kind}": (page_of(wanted=OF_QUERY[kind]), "the parameter wanted is no source")
        for kind in (Change, object, dict[str, int], set[str], list[Change], Change | None)
    },
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_page_that_cannot_work_is_refused(what: str) -> None:
    page, message = REFUSED[what]
    errors = errors_of(page)
    assert any(message in error for error in errors), errors


def test_every_error_of_every_page_is_named() -> None:
    pages = [page for page, _ in REFUSED.values()]
    for number, page in enumerate(pages):
        page.method = f"M{number}"
    reported = errors_of(*pages)
    for what, (_, message) in REFUSED.items():
        assert any(message in error for error in reported), what


def test_a_cycle_is_named_in_the_order_of_waiting() -> None:
    cyclic = [function("one", three=int), function("two", one=int), function("three", two=int)]
    [error] = errors_of(page_of(*cyclic, two=int))
    around = error.split(": ")[3].split(" → ")
    needs = {"one": "three", "two": "one", "three": "two"}
    assert around == [around[0], needs[around[0]], needs[needs[around[0]]], around[0]]


def test_a_page_has_one_view_which_is_a_plain_function() -> None:
    none, two, late = Page("/none", deadline=1.0), page_of(), Page("/late", deadline=1.0)
    two.view(function("another", plain=True))
    late.view(function("awaits"))

    errors = errors_of(none, two, late)

    assert errors[0] == "/none: a page has one @page.view, not 0"
    assert errors[1].endswith(f": {PATH}: a page has one @page.view, not 2")
    assert "/late: a view is a plain function" in errors[2]


def test_no_two_pages_serve_the_same_requests() -> None:
    same = [page_of(path=path) for path in ("/a/{b}", "/a/{b}", "/a/{c}", "/a/{b:path}", "/a/{b}")]
    same[-1].method = "PUT"
    assert [error.partition(": ")[2] for error in errors_of(*same)] == [
        "/a/{b}: another page serves GET already: leave one of them",
        "/a/{c}: another page serves GET already: leave one of them",
    ]


def test_a_query_parameter_is_declared_once_or_has_a_default() -> None:
    page = page_of(function("one", text=Query[str]), one=int, text=str)
    page.source(name="two")(defaulted := function("two", limit=int))
    defaulted.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what the planner reads
        [inspect.Parameter("limit", inspect.Parameter.KEYWORD_ONLY, default=5)]
    )
    page.views[:] = [function("view", plain=True, one=int, two=int, text=str)]

    [plan] = planned(page)

    assert {i.name: (i.origin, i.type, i.required) for i in plan.inputs.values()} == {
        "text": (Origin.QUERY, str, True),
        "limit": (Origin.QUERY, int, False),
    }


@pytest.mark.parametrize(
    ("kind", "many"),
    [
        *((kind, False) for kind in (str, int, float, bool, Colour, str | None, Literal["name", "price"])),
        (Annotated[int, msgspec.Meta(ge=1)], False),
        (Annotated[int, msgspec.Meta(ge=1)] | None, False),
        *((kind, True) for kind in (list[str], list[Colour], list[str] | None, tuple[int, ...])),
        (Annotated[list[str], msgspec.Meta(max_length=9)], True),
    ],
)
def test_what_text_can_stand_for_is_a_query_parameter(kind: Any, many: bool) -> None:  # noqa: FBT001 (named)
    [plan] = planned(page_of(wanted=OF_QUERY[kind]))
    wanted = plan.inputs["wanted"]
    assert (wanted.origin, wanted.many) == (Origin.QUERY, many)
