"""Whatever comes over the wire, there is an answer or a failure that says so, and never the wrong answer."""

import asyncio
from contextlib import suppress

import uvloop
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontispiece.upstream import Headers, InvalidResponse, UpstreamError
from frontispiece.upstream.transports.http1 import Http1Transport
from frontispiece.upstream.transports.http1.response_head import parse_head
from frontispiece.upstream.transports.http1.response_parser import ResponseParser
from tests.frontispiece.upstream.peer import GOOD, Line, get, peer

Answer = tuple[int, Headers, bytes]

quickly = settings(
    max_examples=60,
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
def cut(draw: st.DrawFn, sent: bytes) -> list[bytes]:
    """The same in pieces."""
    places = sorted(draw(st.lists(st.integers(0, len(sent)), max_size=8)))
    return [sent[a:b] for a, b in zip([0, *places], [*places, len(sent)], strict=True)]


@st.composite
def mutated(draw: st.DrawFn) -> list[bytes]:
    """A valid answer with something cut out, doubled or put in, in pieces."""
    sent, _ = draw(answers())
    for _ in range(draw(st.integers(1, 3))):
        a, b = sorted((draw(st.integers(0, len(sent))), draw(st.integers(0, len(sent)))))
        put = draw(st.sampled_from([b"", sent[a:b] * 2, *SNIPPETS]) | st.binary(max_size=4))
        sent = sent[:a] + put + sent[min(b, a + draw(st.sampled_from([0, 1, 1000]))) :]
    return draw(cut(sent))


async def exchange(sent: list[bytes]) -> tuple[Answer | UpstreamError, Answer]:
    """What comes of a peer that says this and no more, and the next answer by the same transport."""

    async def talk(line: Line) -> None:
        await line.request()
        await line.say(*sent)
        with suppress(OSError, RuntimeError):  # the client has closed the connection by itself
            line.writer.write_eof()
        await line.left()

    async with asyncio.timeout(30), peer(talk) as server, Http1Transport(server.url) as transport:

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


def outcome(loop: object, sent: list[bytes]) -> Answer | UpstreamError:
    """The same, when the answer after it is the right one."""
    with asyncio.Runner(loop_factory=loop) as runner:  # type: ignore[arg-type]
        first, second = runner.run(exchange(sent))
    assert second == (200, [(b"content-length", b"4")], b"good")
    return first


@quickly
@given(loops, pieces | pieces.map(lambda sent: [b"HTTP/1.1 200 OK\r\n", *sent]) | mutated())
def test_any_bytes_at_all_end_in_a_response_or_a_failure(loop: object, sent: list[bytes]) -> None:
    outcome(loop, sent)


@quickly
@given(loops, st.data())
def test_an_answer_means_the_same_in_whatever_pieces_it_comes(loop: object, data: st.DataObject) -> None:
    sent, meant = data.draw(answers())

    assert outcome(loop, data.draw(cut(sent))) == meant


@quickly
@given(loops, st.data())
def test_an_answer_that_is_cut_short_is_never_taken_for_whole(loop: object, data: st.DataObject) -> None:
    sent, _ = data.draw(answers())
    end = data.draw(st.integers(0, len(sent) - 1))

    assert isinstance(outcome(loop, data.draw(cut(sent[:end]))), UpstreamError)


# Without a socket: many more examples in the same time.

offline = settings(quickly, max_examples=150)

VALUES = [
    *(b"close", b"keep-alive", b"upgrade", b"Close, x", b"x,keep-alive", b"chunked", b"gzip", b",chunked"),
    *(b"5", b"05", b"-5", b"5, 5", b"1" * 30, b" 5\t", b"", b"\t", b"a\tb", b"\x7f", b"\x80", b"a b"),
]
NAMES = [b"content-length", b"Transfer-Encoding", b"CONNECTION", b"x-a", b"a b", b"", b"upgrade", b"x\xe4"]
lines = st.builds(
    lambda name, colon, value: name + colon + value,
    st.sampled_from(NAMES),
    st.sampled_from([b": ", b":", b":\t ", b" :", b""]),
    st.sampled_from(VALUES) | st.binary(max_size=4),
)
status_lines = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 404", b"HTTP/1.1 200 ", b"HTTP/1.1 599 \x80\t x"]
) | st.builds(
    lambda version, status, reason: b"HTTP/%b %b%b" % (version, status, reason),
    st.sampled_from([b"1.1", b"1.0", b"0.9", b"2.0", b"1.2", b"11"]),
    st.sampled_from([b"200", b"204", b"20", b"2000", b"600", b"700", b" 200", b"20x", b"304"]),
    st.binary(max_size=3),
)
heads = st.builds(
    lambda first, fields: b"\r\n".join([first, *fields]), status_lines, st.lists(lines, max_size=4)
).filter(lambda head: (head + b"\r\n\r\n").index(b"\r\n\r\n") == len(head))


class Llhttp:
    """What llhttp, the parser of Node, makes of a head."""

    def __init__(self, head: bytes) -> None:
        self.headers: Headers = []
        self.head = head
        self.keeps_alive = False
        self.parser = parser = HttpResponseParser(self)
        try:
            parser.feed_data(head + b"\r\n\r\n")
            self.accepted = self.complete
        except (HttpParserError, HttpParserUpgrade):
            self.accepted = False
        self.status = parser.get_status_code()
        self.version = parser.get_http_version()

    complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.complete = True
        self.keeps_alive = self.parser.should_keep_alive()  # after a message without a body it has forgotten

    def is_refused_here(self) -> bool:
        """Whether it is one of the heads that only we refuse."""
        codings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
        return (
            b"\0" in self.head
            or not self.head.startswith(b"HTTP/1.")
            or any(len(value) > 18 for name, value in self.headers if name == b"content-length")
            or self.version not in {"1.0", "1.1"}
            or not 200 <= self.status <= 599
            or (codings not in ([], [b"chunked"]) or (bool(codings) and self.version == "1.0"))
        )


@offline
@given(heads)
def test_a_head_means_what_it_means_to_llhttp_or_is_refused(head: bytes) -> None:
    other = Llhttp(head)
    try:
        status, headers, _, reusable = parse_head(head, bodyless=False)
    except InvalidResponse:
        assert not other.accepted or other.is_refused_here()
    else:
        assert other.accepted
        assert (status, headers, reusable) == (other.status, other.headers, other.keeps_alive)


Parsed = tuple[int, Headers, bytes, bool, bool, list[tuple[int, Headers]]] | type[InvalidResponse]


def parsed(sent: list[bytes]) -> Parsed:
    """What the parser makes of these pieces and the end of the connection."""
    interim: list[tuple[int, Headers]] = []
    parser = ResponseParser("GET", lambda status, headers: interim.append((status, headers)))
    content = b""
    try:
        for piece in filter(None, sent):
            parser.feed(piece)
            content += parser.take() if parser.status else b""
    except InvalidResponse:
        return InvalidResponse
    parser.feed_eof()
    headers = parser.headers if parser.status else []
    return parser.status, headers, content, parser.complete, parser.reusable, interim


@offline
@given(st.data())
def test_right_or_wrong_an_answer_means_the_same_in_pieces(data: st.DataObject) -> None:
    pieces = data.draw(mutated() | answers().map(lambda answer: [answer[0]]))
    sent = b"".join(pieces)

    assert (
        parsed([sent]) == parsed(data.draw(cut(sent))) == parsed([sent[n : n + 1] for n in range(len(sent))])
    )
