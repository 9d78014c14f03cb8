"""The timeline of an aggregate, where the gateway may expose it."""

from pathlib import Path

import msgspec
import pytest

from frontispiece.gateway.app import GatewaySettings, create_app
from frontispiece.pages.timeline import MEDIA_TYPE, PageTrace, SourceTrace, TraceOutcome
from frontispiece.settings import Directory
from tests.frontispiece.gateway.aggregates.conftest import ITEMS, PARTS, SERVICES, Join, aggregate, said
from tests.support.serving import Serve, client_of, nobody_there
from tests.support.stub import Stub, answering
from tests.support.tables import route_table

WANTS_TIMELINE = {"Accept": MEDIA_TYPE}


def seen(explained: PageTrace) -> dict[str, SourceTrace]:
    return {source.name: source for source in explained.timeline.sources}


async def test_a_timeline_shows_parts_and_their_calls(join: Join) -> None:
    world = await join(PARTS, said('{"l":["x","y"]}'), ITEMS, expose_timeline=True)

    response = await world.http.get("/a/A", headers=WANTS_TIMELINE)

    assert response.headers["content-type"] == MEDIA_TYPE
    assert response.headers["cache-control"] == "no-store"
    explained = msgspec.json.decode(response.content, type=PageTrace)
    assert explained.view == {"product": {"l": ["x", "y"]}, "stock": None, "items": [1]}
    assert (explained.timeline.page, explained.timeline.status) == ("/a/{sku}", 200)
    parts = seen(explained)
    assert parts["items"].needs == ["product"]
    assert [(c.upstream, c.target, c.answer) for c in parts["product"].calls] == [("catalog", "/p/A", "200")]
    assert sorted((c.target, c.answer) for c in parts["items"].calls) == [("/i/x", "200"), ("/i/y", "500")]
    assert [c.answer for c in parts["stock"].calls] == ["unavailable"]
    assert (parts["stock"].outcome, parts["stock"].reason) == (TraceOutcome.FALLBACK, "unavailable")
    assert (parts["items"].outcome, parts["items"].reason) == (TraceOutcome.DONE, "failed")


async def test_a_problem_is_shown_with_what_led_to_it(join: Join) -> None:
    world = await join(PARTS, answering(404, b""), expose_timeline=True)

    response = await world.http.get("/a/A", headers=WANTS_TIMELINE)

    explained = msgspec.json.decode(response.content, type=PageTrace)
    assert (explained.timeline.status, explained.view) == (404, None)
    assert explained.problem["source"] == "product"
    assert seen(explained)["items"].began is None


@pytest.mark.parametrize(("setting", "media_type"), [("true", MEDIA_TYPE), (None, "application/json")])
async def test_a_setting_of_the_gateway_says_whether_it_may_tell(
    serve: Serve,
    signing_key: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    setting: str | None,
    media_type: str,
) -> None:
    (tmp_path / "routes.toml").write_text(
        route_table(aggregate('parts.product = { from = "catalog:/p" }'), services=SERVICES)
    )
    services = dict.fromkeys(("inventory", "gone"), nobody_there())
    directory = Directory(services={**services, "catalog": await serve(Stub(said("{}")))})
    if setting is not None:
        monkeypatch.setenv("GATEWAY_EXPOSE_TIMELINE", setting)
    settings = GatewaySettings(routes=tmp_path / "routes.toml", directory=directory, signing_key=signing_key)

    async with client_of(await serve(create_app(settings))) as http:
        response = await http.get("/a/A", headers=WANTS_TIMELINE)

    assert response.headers["content-type"] == media_type
