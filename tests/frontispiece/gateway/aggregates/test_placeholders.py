"""No value in a placeholder leads anywhere but to the place that the table names."""

from urllib.parse import unquote

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from frontispiece.gateway.aggregates.target_template import Placeholder, TargetTemplate
from frontispiece.http.paths import decode_segment, segments_of
from frontispiece.upstream import InvalidResponse
from tests.frontispiece.gateway.aggregates.conftest import Join, said

PARTS = 'parts.p = { from = "catalog:/p" }\nparts.b = { from = "inventory:/b/{p.id}/end?v={p.v}" }'
ADDRESS = TargetTemplate.parse("x:/b/{p.id}/end?v={p.v}")
ANY = st.text(st.characters(codec="utf-8"))
ID, V = Placeholder("p", ("id",)), Placeholder("p", ("v",))


async def test_a_value_reaches_the_service_as_one_segment(join: Join) -> None:
    world = await join(PARTS)
    for value, segment in [
        ("plain-1.0_~", b"plain-1.0_~"),
        ("?x=1", b"%3Fx%3D1"),
        ("#top", b"%23top"),
        ("50%", b"50%25"),
        ("%2e%2e", b"%252e%252e"),
        ("a;b", b"a%3Bb"),
        ("a b+c", b"a%20b%2Bc"),
        ("größe ☕", b"gr%C3%B6%C3%9Fe%20%E2%98%95"),
        ("...", b"..."),
        ("x" * 1024, b"x" * 1024),
    ]:
        world.catalog.answer = said(msgspec.json.encode({"id": value, "v": "1"}))

        assert (await world.http.get("/a/A")).status_code == 200, value
        assert world.inventory.last.path == b"/b/" + segment + b"/end", value
        assert world.inventory.last.query == b"v=1", value


async def test_a_value_that_could_change_the_path_makes_no_call(join: Join) -> None:
    world = await join(PARTS)
    for value in [
        "..",
        ".",
        "",
        "../admin",
        "a/b",
        "/",
        "\\",
        "a\\b",
        "\x00",
        "a\r\nHost: x",
        "\x7f",
        "\x85",
        "x" * 1025,
    ]:
        world.catalog.answer = said(msgspec.json.encode({"id": value, "v": "1"}))

        answer = await world.http.get("/a/A")

        assert answer.status_code == 502, value
        assert answer.json()["detail"].startswith(("b: it cannot be asked: p.id ", "b: p.id: this is longer"))
        assert not world.inventory.requests, value


async def test_an_ambiguous_path_is_refused_without_a_call(join: Join) -> None:
    world = await join('parts.a = { from = "catalog:/p/{sku}" }')
    for value in ["..", "%2e%2e", "a%2fb", "a%5Cb", "%00", "%ff"]:
        answer = await world.http.get(f"/a/{value}")

        assert answer.status_code in {400, 404}, value
        assert not world.catalog.requests, value


@given(ANY, ANY)
@example("..", "x")
@example("a/../b", "&v=2")
def test_whatever_the_values_the_target_has_the_shape_of_the_table_or_there_is_none(
    path: str, v: str
) -> None:
    try:
        target = ADDRESS.target({ID: path, V: v})
    except InvalidResponse:
        return

    assert target.isascii()
    raw, _, query = target.partition("?")
    assert [decode_segment(segment) for segment in segments_of(raw.encode())] == ["b", path, "end"]
    assert query.startswith("v=")
    assert "&" not in query
    assert unquote(query.removeprefix("v=")) == v


@given(st.text("ab1-._~ ü", min_size=1).filter(lambda text: text not in {".", ".."}))
def test_harmless_values_are_never_refused_and_routes_read_them_as_they_were(value: str) -> None:
    target = ADDRESS.target({ID: value, V: "1"})

    assert decode_segment(segments_of(target.partition("?")[0].encode())[1]) == value
