"""Whatever comes over the wire, there is an answer or a failure that says so, and never the wrong answer."""

import asyncio
from contextlib import suppress

import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.upstream import Headers, UpstreamError
from gateway.upstream.native import NativeTransport
from tests.gateway.upstream.peer import GOOD, Line, get, peer

Answer = tuple[int, Headers, bytes]

quickly = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
loops = st.sampled_from([asyncio.new_event_loop, uvloop.new_event_loop])

SNIPPETS = [
    *(b"\r\n", b"\n", b"\r", b"\0", b" ", b":", b";", b"0", b"5", b"ffff", b"\r\n\r\n", b"0\r\n\r\n", b"-1"),
    *(
        b"HTTP/1.1 ",
        b"HTTP/1.0 ",
        b"200 OK\r\n",
        b"100 Continue\r\n\r\n",
        b"101 X\r\n\r\n",
        b"204 No\r\n\r\n",
    ),
    *(
        b"content-length: 5\r\n",
        b"transfer-encoding: chunked\r\n",
        b"connection: close\r\n",
        b"upgrade: x\r\n",
    ),
    *(b"hello", b"5\r\nhello\r\n", b" folded\r\n", b"x-a: b\r\n", GOOD),
]
pieces = st.lists(st.binary(max_size=20) | st.sampled_from(SNIPPETS), max_size=20)

values = st.text("abc XYZ;,=\"'\xe4", max_size=20).map(lambda text: text.strip().encode("latin-1"))
names = st.sampled_from([b"x-a", b"x-b", b"set-cookie", b"vary", b"etag"])
fields = st.lists(st.tuples(names, values), max_size=6)
contents = st.binary(max_size=200)


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, Answer]:
    """A valid answer as it is written, and what it means."""
    headers, content = draw(fields), draw(contents)
    status = draw(st.sampled_from([200, 201, 404, 500, 599]))
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n"]))
    chunks = draw(st.booleans())
    framing = (b"transfer-encoding", b"chunked") if chunks else (b"content-length", b"%d" % len(content))
    headers.insert(draw(st.integers(0, len(headers))), framing)
    body = content
    if chunks:
        cut = draw(st.integers(0, len(content)))
        body = b"".join(b"%x;a=b\r\n%b\r\n" % (len(c), c) for c in (content[:cut], content[cut:]) if c)
        body += b"0\r\n" + draw(st.sampled_from([b"", b"trailer: a\r\n"])) + b"\r\n"
    head = b"HTTP/1.1 %d Said\r\n" % status + b"".join(b"%b: %b\r\n" % field for field in headers)
    return interim + head + b"\r\n" + body, (status, headers, content)


@st.composite
def cut(draw: st.DrawFn, said: bytes) -> list[bytes]:
    """The same in pieces."""
    places = sorted(draw(st.lists(st.integers(0, len(said)), max_size=8)))
    return [said[a:b] for a, b in zip([0, *places], [*places, len(said)], strict=True)]


@st.composite
def mutated(draw: st.DrawFn) -> list[bytes]:
    """A valid answer with something cut out, doubled or put in, in pieces."""
    said, _ = draw(answers())
    for _ in range(draw(st.integers(1, 3))):
        a, b = sorted((draw(st.integers(0, len(said))), draw(st.integers(0, len(said)))))
        put = draw(st.sampled_from([b"", said[a:b] * 2, *SNIPPETS]) | st.binary(max_size=4))
        said = said[:a] + put + said[min(b, a + draw(st.sampled_from([0, 1, 1000]))) :]
    return draw(cut(said))


async def exchange(said: list[bytes]) -> tuple[Answer | UpstreamError, Answer]:
    """What comes of a peer that says this and no more, and the next answer by the same transport."""

    async def talk(line: Line) -> None:
        await line.request()
        await line.say(*said)
        with suppress(OSError, RuntimeError):  # the client has closed the connection by itself
            line.writer.write_eof()
        await line.left()

    async with asyncio.timeout(10), peer(talk) as server, NativeTransport(server.url) as transport:

        async def ask() -> Answer:
            async with await transport.send(get()) as reply:
                return reply.status, reply.headers, await reply.read(1_000_000)

        first: Answer | UpstreamError
        try:
            first = await ask()
        except UpstreamError as failure:
            first = failure
        await server.lines[0].ended.wait()
        return first, await ask()


def outcome(loop: object, said: list[bytes]) -> Answer | UpstreamError:
    """The same, when the answer after it is the right one."""
    with asyncio.Runner(loop_factory=loop) as runner:  # type: ignore[arg-type]
        first, second = runner.run(exchange(said))
    assert second == (200, [(b"content-length", b"4")], b"good")
    return first


@quickly
@given(loops, pieces)
def test_any_bytes_at_all_end_in_an_answer_or_a_failure(loop: object, said: list[bytes]) -> None:
    outcome(loop, said)


@quickly
@given(loops, pieces)
def test_any_bytes_after_a_status_line_do_too(loop: object, said: list[bytes]) -> None:
    outcome(loop, [b"HTTP/1.1 200 OK\r\n", *said])


@quickly
@given(loops, st.data())
def test_an_answer_means_the_same_in_whatever_pieces_it_comes(loop: object, data: st.DataObject) -> None:
    said, meant = data.draw(answers())

    assert outcome(loop, data.draw(cut(said))) == meant


@quickly
@given(loops, mutated())
def test_an_answer_with_a_mistake_in_it_ends_in_an_answer_or_a_failure(
    loop: object, said: list[bytes]
) -> None:
    outcome(loop, said)


@quickly
@given(loops, st.data())
def test_an_answer_that_is_cut_short_is_never_taken_for_whole(loop: object, data: st.DataObject) -> None:
    said, _ = data.draw(answers())
    end = data.draw(st.integers(0, len(said) - 1))

    assert isinstance(outcome(loop, data.draw(cut(said[:end]))), UpstreamError)
