"""Which form of a page a client gets, by its `Accept`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from gateway.page import Page
from gateway.page.accept import FORMS, wanted
from tests.gateway.page.conftest import Serve

VIEW = "application/json"
LINES = "application/x-ndjson"
EVENTS = "text/event-stream"
TIMELINE = "application/vnd.frontispiece.timeline+json"

ASKED = [
    (LINES, LINES),
    (EVENTS, EVENTS),
    (f"{LINES}, */*", LINES),
    (f"*/*, {LINES}", LINES),
    (f"{LINES};q=0.9, */*;q=0.1", LINES),
    (f"{EVENTS}; charset=utf-8", EVENTS),
    (f" {EVENTS} ;q=1.000 , {LINES};Q=0.5", EVENTS),
    ("Application/X-NDJSON", LINES),
    (f"{LINES}, {EVENTS}", LINES),
    (f"{EVENTS}, {LINES}", EVENTS),
    (f"{LINES};q=0.2, {EVENTS};q=0.3", EVENTS),
    (f"text/html, {LINES}", LINES),
    (f"application/json;q=0.5, {LINES}", LINES),
    (f"{TIMELINE};q=0.8, application/json;q=0.5", VIEW),
    (f"{TIMELINE}, {LINES};q=0", VIEW),
    ("", VIEW),
    ("*/*", VIEW),
    ("application/json", VIEW),
    ("text/html", VIEW),
    ("text/*", VIEW),
    ("application/*", VIEW),
    (f"application/json, {LINES}", VIEW),
    (f"{LINES};q=0.5, application/json", VIEW),
    (f"{LINES};q=0.5, */*", VIEW),
    (f"{LINES};q=0", VIEW),
    (f"{LINES};q=0.000, text/html", VIEW),
    (f"{LINES};q=much", VIEW),
    (f"{LINES};q=nan", VIEW),
    (f"{LINES};q=-1", VIEW),
    (f"{LINES};q=1e1", VIEW),
    (f"{LINES};q=", VIEW),
    ("application/x-ndjsonp", VIEW),
    (f'"{LINES}"', VIEW),
    (f"{LINES}{',' * 2000}", VIEW),
    (",;,;=q,;;", VIEW),
    ("\xff\x00", VIEW),
]


class Heading(Struct):
    """A view."""

    title: str


def heading_page() -> Page:
    page = Page("/heading", deadline=5.0)

    @page.view
    def view() -> Heading:
        return Heading("fixed")

    return page


@pytest.mark.parametrize(("accept", "given"), ASKED)
async def test_what_is_named_and_wanted_most_is_given_and_else_the_view(
    serve: Serve, accept: str, given: str
) -> None:
    async with serve(heading_page()) as http:
        answer = await http.get("/heading", headers={b"Accept": accept.encode("latin-1")})

    assert (answer.status_code, answer.headers["content-type"]) == (200, given)


async def test_a_timeline_is_given_where_it_may_be(serve: Serve) -> None:
    async with serve(heading_page(), explains=True) as http:
        answer = await http.get("/heading", headers={"Accept": f"{TIMELINE}, */*;q=0.5"})
        plain = await http.get("/heading")

    assert answer.headers["content-type"] == TIMELINE
    assert (plain.headers["content-type"], plain.json()) == (VIEW, {"title": "fixed"})


async def test_who_says_nothing_gets_the_view(serve: Serve) -> None:
    async with serve(heading_page()) as http:
        del http.headers["accept"]
        answer = await http.get("/heading")

    assert (answer.headers["content-type"], answer.json()) == (VIEW, {"title": "fixed"})


async def test_a_page_that_changes_something_has_one_form_only(serve: Serve) -> None:
    page = Page("/heading", deadline=5.0, method="POST", status=201)

    @page.view
    def view() -> Heading:
        return Heading("fixed")

    async with serve(page, explains=True) as http:
        answers = [await http.post("/heading", headers={"Accept": form}) for form in FORMS]

    assert {(answer.status_code, answer.headers["content-type"]) for answer in answers} == {(201, VIEW)}


@given(
    st.text()
    | st.lists(st.sampled_from([*sorted(FORMS), "*/*", ",", ";", "q=", "0", ".5", "1", " "])).map("".join)
)
def test_whatever_it_says_it_can_be_read(accept: str) -> None:
    assert wanted(accept) in FORMS
