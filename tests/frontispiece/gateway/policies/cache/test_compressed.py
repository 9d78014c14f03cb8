"""A stored response is compressed once for each coding, however often it is served."""

from random import Random
from typing import Any

import pytest

from frontispiece.gateway.call import Call
from frontispiece.gateway.policies.compression import encoders
from frontispiece.gateway.policies.compression.config import Compression
from frontispiece.gateway.policies.compression.encoders import Encoder, Workers
from frontispiece.gateway.policies.compression.layer import compression_layer
from frontispiece.upstream import Reply
from tests.support.cached import Received, World, call, read
from tests.support.codings import decoded

TEXT = b"much the same again and again. " * 100
FIELDS: dict[str, Any] = {"content_type": "text/plain", "cache_control": "max-age=60", "etag": '"1"'}


@pytest.fixture
def compressions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The coding of each body that is compressed."""
    begun: list[str] = []

    def counted(coding: str) -> Any:
        encoder = encoders.ENCODERS[coding]

        def make() -> Encoder:
            begun.append(coding)
            return encoder()

        return make

    for coding in encoders.ENCODERS:
        monkeypatch.setitem(encoders.ENCODERS, coding, counted(coding))
    return begun


class Client:
    """What a client gets through compression, cache and, where it is asked, collapsing."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._handler = compression_layer(Compression(), Workers())(world.handler)

    async def get(self, coding: str = "gzip", **fields: str) -> Received:
        return await read(await self._handler(call(accept_encoding=coding, **fields)))


async def test_a_hit_is_not_compressed_again(compressions: list[str]) -> None:
    client = Client(World())
    client.world.origin.says(200, TEXT, **FIELDS)
    for _ in range(4):
        for coding in ("gzip", "br", "zstd", "gzip;q=0.5, br"):
            answer = await client.get(coding)
            name = "br" if "," in coding else coding
            assert answer.headers["content-encoding"] == name
            assert answer.headers["content-length"] == str(len(answer.body))
            assert (answer.headers["etag"], answer.headers["vary"]) == ('W/"1"', "Accept-Encoding")
            assert decoded(answer.body, name) == TEXT
    plain = await client.get("identity")
    assert (plain.body, plain.headers["etag"]) == (TEXT, '"1"')
    assert sorted(compressions) == ["br", "gzip", "zstd"]
    assert client.world.requests == 1


async def test_what_does_not_become_shorter_is_not_tried_again(compressions: list[str]) -> None:
    client = Client(World())
    noise = Random(7).randbytes(2000)  # noqa: S311 (it guards nothing)
    client.world.origin.says(200, noise, **FIELDS)
    for _ in range(3):
        answer = await client.get()
        assert (answer.body, "content-encoding" in answer.headers) == (noise, False)
    assert compressions == ["gzip"]


async def test_another_response_is_compressed_anew_and_the_same_after_a_304_is_not(
    compressions: list[str],
) -> None:
    client = Client(World())
    client.world.origin.says(200, TEXT, **FIELDS)
    await client.get()
    client.world.clock.now += 61
    client.world.origin.says(304, etag='"1"', cache_control="max-age=60")
    for _ in range(2):
        assert decoded((await client.get()).body, "gzip") == TEXT
    assert compressions == ["gzip"]

    client.world.clock.now += 61
    client.world.origin.says(200, TEXT + b"!", **FIELDS | {"etag": '"2"'})
    for _ in range(2):
        answer = await client.get()
        assert decoded(answer.body, "gzip") == TEXT + b"!"
        assert answer.headers["etag"] == 'W/"2"'
    assert compressions == ["gzip", "gzip"]


async def test_a_weakened_tag_in_any_line_is_compared_with_the_stored_one() -> None:
    client = Client(World())
    client.world.origin.says(200, TEXT, **FIELDS)
    await client.get()
    request = call(accept_encoding="gzip")
    request.headers += [(b"if-none-match", b'"0"'), (b"if-none-match", b'W/"1"')]
    handler = compression_layer(Compression(), Workers())(client.world.handler)
    assert (await read(await handler(request))).status == 304


async def test_a_body_that_a_layer_changes_for_each_caller_is_stored_for_none(
    compressions: list[str],
) -> None:
    world = World()
    world.origin.says(200, TEXT, **FIELDS)

    async def with_nonce(request: Call) -> Reply:
        answer = await world.handler(request)
        answer.body = TEXT + (request.header(b"x-nonce") or b"")
        answer.headers = [field for field in answer.headers if field[0] != b"content-length"]
        return answer

    handler = compression_layer(Compression(), Workers())(with_nonce)
    for nonce in ("1", "2", "3"):
        answer = await read(await handler(call(accept_encoding="gzip", x_nonce=nonce)))
        assert decoded(answer.body, "gzip") == TEXT + nonce.encode()
    assert compressions == ["gzip", "gzip", "gzip"]
