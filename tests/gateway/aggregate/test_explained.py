"""What happens inside an aggregate, for those who run it: only where the gateway may tell."""

from pathlib import Path

import msgspec
import pytest

from gateway.app import GatewaySettings, create_app
from gateway.page.timeline import MEDIA_TYPE, Explained, Outcome, SourceSeen
from kit.settings import Directory
from tests.gateway.aggregate.conftest import Join, by_target, route, said
from tests.support.serving import Serve, client_of, nobody_there
from tests.support.stub import Stub, answering

PARTS = (
    'parts.product = { from = "catalog:/p/{sku}" }\n'
    'parts.stock = { from = "gone:/s", optional = true }\n'
    'parts.items = { from = "inventory:/i/{each}", each = "product.l", optional = true }'
)
WANTS_TIMELINE = {"Accept": MEDIA_TYPE}


def seen(explained: Explained) -> dict[str, SourceSeen]:
    return {source.name: source for source in explained.timeline.sources}


async def test_a_timeline_shows_parts_and_their_calls(join: Join) -> None:
    inventory = by_target({"/i/x": said("1"), "/i/y": answering(500, b"")})
    world = await join(PARTS, said('{"l":["x","y"]}'), inventory, explains=True)

    told = await world.http.get("/a/A", headers=WANTS_TIMELINE)

    assert told.headers["content-type"] == MEDIA_TYPE
    assert told.headers["cache-control"] == "no-store"
    explained = msgspec.json.decode(told.content, type=Explained)
    assert explained.view == {"product": {"l": ["x", "y"]}, "stock": None, "items": [1]}
    assert (explained.timeline.page, explained.timeline.status) == ("/a/{sku}", 200)
    parts = seen(explained)
    assert parts["items"].needs == ["product"]
    assert [(c.upstream, c.target, c.answer) for c in parts["product"].calls] == [("catalog", "/p/A", "200")]
    assert sorted((c.target, c.answer) for c in parts["items"].calls) == [("/i/x", "200"), ("/i/y", "500")]
    assert [c.answer for c in parts["stock"].calls] == ["unavailable"]
    assert (parts["stock"].outcome, parts["stock"].reason) == (Outcome.FALLBACK, "unavailable")
    assert (parts["items"].outcome, parts["items"].reason) == (Outcome.DONE, "failed")


async def test_a_problem_is_shown_with_what_led_to_it(join: Join) -> None:
    world = await join(PARTS, answering(404, b""), explains=True)

    told = await world.http.get("/a/A", headers=WANTS_TIMELINE)

    explained = msgspec.json.decode(told.content, type=Explained)
    assert (explained.timeline.status, explained.view) == (404, None)
    assert explained.problem["source"] == "product"
    assert seen(explained)["items"].began is None


async def test_a_gateway_that_may_not_tell_answers_as_always(join: Join) -> None:
    world = await join('parts.product = { from = "catalog:/p" }')

    told = await world.http.get("/a/A", headers=WANTS_TIMELINE)

    assert (told.headers["content-type"], told.json()) == (
        "application/json",
        {"product": {"sku": "A", "n": 1}},
    )


@pytest.mark.parametrize(("setting", "media_type"), [("true", MEDIA_TYPE), (None, "application/json")])
async def test_a_setting_of_the_gateway_says_whether_it_may_tell(
    serve: Serve,
    signing_key: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    setting: str | None,
    media_type: str,
) -> None:
    (tmp_path / "routes.toml").write_text(route('parts.product = { from = "catalog:/p" }'))
    services = dict.fromkeys(("inventory", "gone"), nobody_there())
    directory = Directory(services={**services, "catalog": await serve(Stub(said("{}")))})
    if setting is not None:
        monkeypatch.setenv("GATEWAY_EXPLAIN", setting)
    settings = GatewaySettings(routes=tmp_path / "routes.toml", directory=directory, signing_key=signing_key)

    async with client_of(await serve(create_app(settings))) as http:
        told = await http.get("/a/A", headers=WANTS_TIMELINE)

    assert told.headers["content-type"] == media_type
