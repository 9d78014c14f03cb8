# mypy: disable-error-code="empty-body"
"""What a page declares, as it is understood. Its functions are declarations only: none is ever called."""

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Literal

import msgspec
import pytest

from gateway.page import Page
from gateway.page.graph import Origin, Plan, plans
from kit.faults import Faulty


class Change(msgspec.Struct):
    """Nothing that a query could bring."""


class Colour(Enum):
    """What a query parameter may be."""

    RED = "red"


def page(path: str = "/a/{sku}") -> Page:
    return Page(path, deadline=1.0)


def plan(page: Page) -> Plan:
    (made,) = plans([page], [])
    return made


def faults_of(*pages: Page) -> list[str]:
    with pytest.raises(Faulty) as refusal:
        plans(pages, [])
    return refusal.value.faults


def place(function: Callable[..., Any]) -> str:
    """Where a fault says that this function stands."""
    return f"{__file__}:{inspect.getsourcelines(function)[1]}: "


def test_sources_are_ordered_so_that_inputs_come_first_however_they_are_written() -> None:
    made = page()

    @made.source()
    async def last(middle: int, first: int) -> int: ...

    @made.source()
    async def middle(first: int) -> int: ...

    @made.source()
    async def first(sku: str) -> int: ...

    @made.view
    def view(last: int) -> int: ...

    assert [step.source.name for step in plan(made).steps] == ["first", "middle", "last"]


@pytest.mark.parametrize(
    ("kind", "many"),
    [
        (str, False),
        (int, False),
        (float, False),
        (bool, False),
        (Colour, False),
        (str | None, False),
        (Literal["name", "price"], False),
        (Annotated[int, msgspec.Meta(ge=1)], False),
        (Annotated[int, msgspec.Meta(ge=1)] | None, False),
        (list[str], True),
        (list[Colour], True),
        (list[str] | None, True),
        (tuple[int, ...], True),
        (Annotated[list[str], msgspec.Meta(max_length=9)], True),
    ],
)
def test_what_text_can_stand_for_is_a_query_parameter(kind: Any, many: bool) -> None:  # noqa: FBT001 (named)
    made = page()

    @made.view
    def view(wanted: kind) -> int: ...

    wanted = plan(made).inputs["wanted"]
    assert (wanted.origin, wanted.many) == (Origin.QUERY, many)


@pytest.mark.parametrize("kind", [Change, object, dict[str, int], set[str], list[Change], Change | None])
def test_what_text_cannot_stand_for_is_a_fault(kind: Any) -> None:
    made = page()

    @made.view
    def view(wanted: kind) -> int: ...

    assert faults_of(made) == [
        place(view) + "/a/{sku}: the parameter wanted is no source, placeholder or provided type"
    ]


def test_a_source_that_waits_for_itself_is_a_circle() -> None:
    made = page()

    @made.source()
    async def one(one: int) -> int: ...

    @made.view
    def view(one: int) -> int: ...

    assert faults_of(made) == [place(one) + "/a/{sku}: sources wait for each other: one → one"]


def test_a_longer_circle_is_told_in_the_order_of_waiting() -> None:
    made = page()

    @made.source()
    async def one(three: int) -> int: ...

    @made.source()
    async def two(one: int) -> int: ...

    @made.source()
    async def three(two: int) -> int: ...

    @made.view
    def view(two: int) -> int: ...

    (fault,) = faults_of(made)
    around = fault.rpartition(": ")[2].split(" → ")
    needs = {"one": "three", "two": "one", "three": "two"}
    assert around == [around[0], needs[around[0]], needs[needs[around[0]]], around[0]]


def test_all_faults_of_all_pages_are_told_at_once() -> None:
    viewless, crowded, lost = page("/viewless"), page("/crowded"), page("no-slash")

    @viewless.source()
    async def one(two: int, what: object) -> int: ...

    @viewless.source()
    async def two(one: int) -> int: ...

    @crowded.source(fallback=int)
    async def optional() -> int: ...

    @crowded.source()  # type: ignore[arg-type]  # the fault itself
    def late(optional: int, nothing) -> int: ...  # type: ignore[no-untyped-def]  # noqa: ANN001 (the fault itself)

    @crowded.source()
    async def idle() -> int: ...

    @crowded.view
    def view(late: int, unheard_of: Change) -> int: ...

    @lost.view
    def found() -> int: ...

    told = "\n".join(faults_of(viewless, crowded, lost))

    for fault in [
        "/viewless: a page has one view, not 0",
        "/viewless: the parameter what is no source",
        "/viewless: sources wait for each other",
        "/crowded: a source is an async function",
        "/crowded: the parameter nothing has no type",
        "/crowded: late is required but stands behind optional optional",
        "/crowded: nobody uses the source idle",
        "/crowded: the parameter unheard_of is no source",
        "'no-slash' does not begin with a slash",
    ]:
        assert fault in told
    assert len(told.splitlines()) == 9


def test_one_source_may_serve_many_pages_under_names_of_its_own() -> None:
    async def stock(sku: str) -> int: ...

    first, second = page("/first/{sku}"), page("/second/{sku}")
    first.source()(stock)
    second.source(name="pieces", fallback=int)(stock)

    @first.view
    def one(stock: int) -> int: ...

    @second.view
    def other(pieces: int) -> int: ...

    made = plans([first, second], [])
    assert [[step.source.name for step in each.steps] for each in made] == [["stock"], ["pieces"]]
