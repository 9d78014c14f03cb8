"""Pages that cannot work are refused when the app is built, with every fault at once."""

import re
from typing import Annotated, Literal

import pytest

from gateway.page import Body, Inbound, Page
from gateway.page.graph import Plan, plans
from kit.faults import Faulty


class Shelf:
    """A type that the app provides."""


def page(path: str = "/books/{isbn}") -> Page:
    """A page with a view of nothing."""
    made = Page(path, deadline=1.0)

    @made.view
    def view() -> str:
        return "nothing"

    return made


def planned(*pages: Page) -> list[Plan]:
    return plans(pages, [Shelf])


def faults_of(*pages: Page) -> list[str]:
    with pytest.raises(Faulty) as refusal:
        planned(*pages)
    return refusal.value.faults


async def book(isbn: str) -> str:
    return isbn


def test_every_fault_of_every_page_is_named_with_its_file_and_line() -> None:
    lonely, twofold = page(), Page("/two", deadline=1.0)

    @lonely.source()
    async def unused(isbn: str) -> str:
        return isbn

    @lonely.source()
    async def odd(isbn: str, press: object) -> str:
        return isbn

    faults = faults_of(lonely, twofold)

    assert len(faults) == 4
    assert all(re.match(rf"{re.escape(__file__)}:\d+: /books/{{isbn}}: ", fault) for fault in faults[:3])
    told = "\n".join(faults)
    assert "the parameter press is no source, placeholder or provided type" in told
    assert "nobody uses the source unused" in told
    assert "nobody uses the source odd" in told
    assert "/two: a page has one view, not 0" in told


def test_sources_that_wait_for_each_other_are_named_in_their_circle() -> None:
    circular = Page("/circle", deadline=1.0)

    @circular.source()
    async def hen(egg: str) -> str:
        return egg

    @circular.source()
    async def egg(hen: str) -> str:
        return hen

    @circular.view
    def view(hen: str) -> str:
        return hen

    [fault] = faults_of(circular)
    assert "sources wait for each other" in fault
    assert "hen → egg → hen" in fault or "egg → hen → egg" in fault


def test_a_required_source_behind_an_optional_one_is_a_fault() -> None:
    made = Page("/behind", deadline=1.0)

    @made.source(fallback=str)
    async def maybe() -> str:
        return "maybe"

    @made.source()
    async def surely(maybe: str) -> str:
        return maybe

    @made.view
    def view(surely: str) -> str:
        return surely

    assert "surely is required but stands behind optional maybe" in faults_of(made)[0]


def test_two_sources_of_one_name_or_of_a_placeholders_are_faults() -> None:
    made = Page("/books/{isbn}", deadline=1.0)
    made.source(name="isbn")(book)
    made.source(name="twice")(book)
    made.source(name="twice")(book)

    @made.view
    def view(isbn: str, twice: str) -> str:
        return isbn + twice

    told = "\n".join(faults_of(made))
    assert "isbn is a placeholder of the path" in told
    assert "the page has a source twice already" in told


def test_a_source_that_does_not_await_and_a_parameter_without_a_type_are_faults() -> None:
    made = Page("/plain", deadline=1.0)

    def plain() -> str:
        return "plain"

    async def untyped(something) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001 (the fault itself)
        return str(something)

    made.source()(plain)  # type: ignore[arg-type]  # the fault itself
    made.source()(untyped)

    @made.view
    def view(plain: str, untyped: str) -> str:
        return plain + untyped

    told = "\n".join(faults_of(made))
    assert "a source is an async function" in told
    assert "the parameter something has no type" in told


def test_one_parameter_with_two_types_is_a_fault() -> None:
    made = Page("/books/{isbn}", deadline=1.0)
    made.source()(book)

    @made.view
    def view(book: str, isbn: int) -> str:
        return book

    assert "the parameter isbn has another type or default elsewhere on the page" in faults_of(made)[0]


def test_a_page_with_two_views_is_a_fault() -> None:
    made = page()
    made.view(lambda: "another")

    assert "a page has one view, not 2" in faults_of(made)[0]


def test_a_view_that_awaits_is_a_fault() -> None:
    made = Page("/late", deadline=1.0)

    @made.view
    async def view() -> str:
        return "late"

    assert "a view is a plain function" in faults_of(made)[0]


def test_two_pages_for_the_same_requests_are_a_fault() -> None:
    one, same, changes = (page("/notes"), page("/notes"), Page("/notes", deadline=1.0, method="PUT"))
    changes.view(one.views[0])

    [fault] = faults_of(one, same, changes)
    assert fault == "/notes: GET is answered by another page already"


def test_two_pages_whose_paths_differ_in_names_only_are_a_fault() -> None:
    one, same, other = (page(path) for path in ("/notes/{a}", "/notes/{b}", "/notes/{a:path}"))

    [fault] = faults_of(one, same, other)
    assert fault == "/notes/{b}: GET is answered by another page already"


@pytest.mark.parametrize("name", ["größe", "_title", "a-b", "a b", "a;b"])
def test_a_source_whose_name_cannot_stand_in_headers_is_a_fault(name: str) -> None:
    made = Page("/notes", deadline=1.0)

    async def source() -> int:
        return 1

    made.source(name=name)(source)
    assert any("stands in headers" in fault for fault in faults_of(made))


def test_inputs_come_from_path_query_body_and_what_the_app_provides() -> None:
    made = Page("/books/{isbn}", deadline=1.0, method="PUT")

    @made.source()
    async def everything(
        isbn: Annotated[str, "annotated"],
        note: Body[dict[str, int]],
        shelf: Shelf,
        request: Inbound,
        tone: Literal["a", "b"] = "a",
        page: int | None = None,
        tags: list[str] | None = None,
    ) -> str:
        return isbn

    @made.view
    def view(everything: str) -> str:
        return everything

    [plan] = planned(made)
    origins = {i.name: i.origin.name for i in plan.steps[0].inputs}
    assert origins == {
        "isbn": "PATH",
        "note": "BODY",
        "shelf": "PROVIDED",
        "request": "PROVIDED",
        "tone": "QUERY",
        "page": "QUERY",
        "tags": "QUERY",
    }
    assert [i.name for i in plan.inputs.values() if i.many] == ["tags"]
