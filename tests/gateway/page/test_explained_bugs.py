"""Somebody looks on while a page has a bug, or is asked for what it cannot give."""

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta, Struct

from gateway.page import Page
from gateway.page.timeline import MEDIA_TYPE, Explained, Outcome
from tests.gateway.page.conftest import Serve

ASKS = {"Accept": MEDIA_TYPE, "X-Request-Id": "r-9"}


class Screen(Struct):
    """A view."""

    title: Any


def screen_page(bug: str) -> Page:
    page = Page("/screen", deadline=5.0)

    @page.source()
    async def title(number: Annotated[int, Meta(le=5)] = 1) -> Any:
        if bug == "source":
            raise KeyError("secret")
        return object() if bug == "writing" else number

    @page.view
    def view(title: Any) -> Screen:
        if bug == "view":
            raise KeyError("secret")
        return Screen(title)

    return page


@pytest.mark.parametrize("where", ["source", "view", "writing"])
async def test_a_bug_is_logged_and_told_with_the_timeline(
    serve: Serve, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    async with serve(screen_page(where), explains=True) as http:
        answer = await http.get("/screen", headers=ASKS)

    told = msgspec.json.decode(answer.content, type=Explained)
    assert (answer.status_code, told.timeline.status, told.view) == (200, 500, None)
    assert told.problem["type"] == "urn:frontispiece:problem:internal-error"
    assert "r-9" in told.problem["detail"]
    assert "secret" not in answer.text
    (source,) = told.timeline.sources
    assert source.outcome is (Outcome.FAILED if where == "source" else Outcome.DONE)
    assert [record.message for record in caplog.records if record.exc_info] == ["/screen failed"]


async def test_a_request_that_does_not_fit_is_answered_as_ever(serve: Serve) -> None:
    async with serve(screen_page("none"), explains=True) as http:
        answer = await http.get("/screen?number=9", headers=ASKS)
        assert (answer.status_code, answer.json()["errors"][0]["at"]) == (422, ["query", "number"])
        assert (await http.get("/nothing", headers=ASKS)).status_code == 404
