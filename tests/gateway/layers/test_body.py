"""The longest body of a route, whoever is behind it."""

from collections.abc import AsyncIterator

import pytest

from gateway import table
from gateway.call import Call
from gateway.layers.body import at_most
from gateway.upstream import Reply, Request
from gateway.upstream.mounted import MountedTransport
from kit.faults import Faulty
from kit.problems import Problem
from tests.support.stub import Stub, fine


class Uploaded:
    """A body that comes in pieces, and how many of them were wanted."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces
        self.wanted = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            self.wanted += 1
            yield piece


def call(body: bytes | AsyncIterator[bytes], *headers: tuple[bytes, bytes]) -> Call:
    return Call(
        params={},
        method="POST",
        query=b"",
        headers=list(headers),
        body=body,
        request_id=b"7",
        scheme="http",
        peer="192.0.2.7",
    )


async def reading(given: Call) -> Reply:
    """Answers what it was sent."""
    content = given.body
    if not isinstance(content, bytes):
        content = b"".join([chunk async for chunk in content])
    return Reply.whole(200, content, [])


async def test_what_is_no_longer_than_it_may_be_passes() -> None:
    handler = at_most(4)(reading)

    assert (await handler(call(b"four"))).body == b"four"
    assert (await handler(call(aiter(Uploaded(b"fo", b"ur"))))).body == b"four"
    assert (await handler(call(aiter(Uploaded(b"four")), (b"content-length", b"4")))).body == b"four"
    assert (await at_most(0)(reading)(call(b""))).body == b""


async def test_a_length_that_is_too_long_is_refused_before_anything_is_read() -> None:
    body = Uploaded(b"fi", b"ve!")

    with pytest.raises(Problem, match="at most 4 B") as refused:
        await at_most(4)(reading)(call(aiter(body), (b"content-length", b"5")))

    assert (refused.value.status, refused.value.members, body.wanted) == (413, {"limit": 4}, 0)


async def test_a_body_without_a_length_is_read_no_further_than_it_may_be() -> None:
    body = Uploaded(b"fo", b"ur", b"!", b"and", b"more")

    with pytest.raises(Problem, match="at most 4 B"):
        await at_most(4)(reading)(call(aiter(body)))

    assert body.wanted == 3


async def test_a_mounted_app_never_sees_the_end_of_a_body_that_is_cut_off() -> None:
    app = Stub(fine)

    async with MountedTransport(app) as transport:

        async def forwarding(given: Call) -> Reply:
            return await transport.send(Request(method="POST", target="/", body=given.body))

        with pytest.raises(Problem, match="at most 4 B"):
            await at_most(4)(forwarding)(call(aiter(Uploaded(b"four", b"!"))))

        await app.last.ended.wait()
    assert app.last.body == b"four"


@pytest.mark.parametrize("size", ["1", "1 KiB", "1kb", "-1B", "1.5MiB", "", "1KiB ", 1])
def test_what_is_no_size_is_refused(size: object) -> None:
    route = f'[[routes]]\npath = "/a"\nto = "things"\nauth = "none"\nbody = {size!r}\n'

    with pytest.raises(Faulty, match="is no size") as refused:
        table.parse('[services.things]\nurl = "http://things"\n' + route)
    assert "body: " in refused.value.faults[0]


def test_sizes_are_read_as_people_write_them() -> None:
    for size, is_size in (("0B", 0), ("512B", 512), ("64KiB", 65_536), ("1MiB", 1 << 20), ("2GiB", 2 << 30)):
        route = f'[[routes]]\npath = "/a"\nto = "things"\nauth = "none"\nbody = "{size}"\n'
        (read,) = table.parse('[services.things]\nurl = "http://things"\n' + route).routes
        assert read.body == is_size
