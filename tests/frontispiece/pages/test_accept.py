"""Which form of a page a client gets, by its `Accept`."""

import pytest
from msgspec import Struct

from frontispiece.pages import Page
from frontispiece.pages.endpoint import MEDIA_TYPES
from tests.frontispiece.pages.conftest import Serve

VIEW = "application/json"
LINES = "application/x-ndjson"
EVENTS = "text/event-stream"
TIMELINE = "application/vnd.frontispiece.timeline+json"

ACCEPTED = [
    (LINES, LINES),
    (EVENTS, EVENTS),
    (f"*/*, {LINES}", LINES),
    (f"{EVENTS}; charset=utf-8", EVENTS),
    ("Application/X-NDJSON", LINES),
    (f"{EVENTS}, {LINES}", EVENTS),
    (f"{LINES};q=0.2, {EVENTS};q=0.3", EVENTS),
    (f"text/html, {LINES}", LINES),
    (f"{TIMELINE};q=0.8, application/json;q=0.5", VIEW),
    (f"{TIMELINE}, {LINES};q=0", VIEW),
    ("", VIEW),
    ("text/html", VIEW),
    ("application/*", VIEW),
    (f"application/json, {LINES}", VIEW),
    (f"{LINES};q=0.5, */*", VIEW),
    (f"{LINES};q=much", VIEW),
    ("application/x-ndjsonp", VIEW),
    (f"{LINES}{',' * 2000}", VIEW),
    (",;,;=q,;;", VIEW),
    ("\xff\x00", VIEW),
]


class Heading(Struct):
    """A view."""

    title: str


def heading_page() -> Page:
    page = Page("/heading", deadline=60.0)

    @page.view
    def view() -> Heading:
        return Heading("fixed")

    return page


@pytest.mark.parametrize(("accept", "media_type"), ACCEPTED)
async def test_the_accepted_media_type_of_the_highest_quality_is_served_and_else_the_view(
    serve: Serve, accept: str, media_type: str
) -> None:
    async with serve(heading_page()) as http:
        answer = await http.get("/heading", headers={b"Accept": accept.encode("latin-1")})

    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)


async def test_a_page_that_changes_something_has_one_form_only(serve: Serve) -> None:
    page = Page("/heading", deadline=60.0, method="POST", status=201)

    @page.view
    def view() -> Heading:
        return Heading("fixed")

    async with serve(page, expose_timeline=True) as http:
        answers = [await http.post("/heading", headers={"Accept": form}) for form in MEDIA_TYPES]

    assert {(answer.status_code, answer.headers["content-type"]) for answer in answers} == {(201, VIEW)}
