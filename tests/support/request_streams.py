"""Streams of requests as bytes: valid, unusual and mutated ones, cut anywhere."""

from hypothesis import strategies as st

SNIPPETS = [
    *(b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b";", b",", b"#", b"?", b"\xff", b"\r\n\r\n"),
    *(b"0", b"1", b"ffff", b"-1", b"+1", b"0\r\n\r\n", b"1\r\nZ\r\n", b" folded\r\n", b"Z" * 20),
    *(
        b" HTTP/1.1\r\n",
        b" HTTP/1.0\r\n",
        b" HTTP/2.0\r\n",
        b" HTTP/0.9\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ),
    *(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", b"Content-Length: 1\r\n", b"Content-Length: 1 \r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Transfer-Encoding:\r\n"),
    *(b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"),
    *(
        b"Expect: 100-continue\r\n",
        b"Host: b\r\n",
        b"http://",
        b"http://a@b/",
        b"https://[::1]:8/",
        b"X-A : b\r\n",
    ),
]

METHODS = [
    b"GET",
    b"POST",
    b"PUT",
    b"HEAD",
    b"OPTIONS",
    b"DELETE",
    b"PATCH",
    b"BREW",
    b"CONNECT",
    b"get",
    b"",
]
TARGETS = [
    *(
        b"/",
        b"/a",
        b"/early",
        b"/early?a",
        b"/a%2Fb?c=d&e",
        b"/a?b#c",
        b"//a",
        b"/\xc3\xa4",
        b"*",
        b"a",
        b"a:80",
    ),
    *(
        b"http://b/c?d",
        b"http://b",
        b"HTTP://b:81/",
        b"http://a@b/",
        b"https://[::1]:8/a#b",
        b"file:///a",
        b"?a",
    ),
]
VERSIONS = [b"HTTP/1.1"] * 12 + [b"HTTP/1.0", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b""]
FIELDS = [
    *(b"X-A: b", b"x-a:  c \t ", b"X-Empty:", b"Cookie: a=b; c=d", b"Accept: \xe4", b"Expect: 100-continue"),
    *(b"Connection: close", b"Connection: keep-alive", b"Connection: x-a, close", b"Upgrade: h2c"),
    *(
        b"Connection: Upgrade\r\nUpgrade: websocket",
        b"Content-Length: 0",
        b"Host: b",
        b"Transfer-Encoding: chunked",
    ),
]


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One request; most are valid."""
    usual = draw(st.integers(0, 3)) > 0
    method = draw(st.sampled_from(METHODS[:4] if usual else METHODS))
    target = draw(st.sampled_from(TARGETS[:5] if usual else TARGETS))
    version = b"HTTP/1.1" if usual else draw(st.sampled_from(VERSIONS))
    fields = draw(st.lists(st.sampled_from(FIELDS[:7] if usual else FIELDS), max_size=3))
    content = draw(st.binary(max_size=40) | st.just(b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"))
    framing = draw(st.sampled_from([b"none", b"length", b"chunks"]))
    body = b""
    if framing == b"length":
        fields.insert(draw(st.integers(0, len(fields))), b"Content-Length: %d" % len(content))
        body = content
    elif framing == b"chunks":
        fields.insert(draw(st.integers(0, len(fields))), b"Transfer-Encoding: chunked")
        at = draw(st.integers(0, len(content)))
        body = b"".join(
            b"%x;a=b\r\n%b\r\n" % (len(chunk), chunk) for chunk in (content[:at], content[at:]) if chunk
        )
        body += b"0\r\n" + draw(st.sampled_from([b"", b"X-Trailer: a\r\n"])) + b"\r\n"
    lines = [b" ".join((method, target, version)), b"Host: a", *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """What a client sends over one connection, in the pieces in which it arrives."""
    sent = b"".join(draw(st.lists(requests(), min_size=1, max_size=3)))
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        start, end = sorted((draw(st.integers(0, len(sent))), draw(st.integers(0, len(sent)))))
        inserted = draw(st.sampled_from([b"", sent[start:end] * 2, *SNIPPETS]) | st.binary(max_size=4))
        sent = sent[:start] + inserted + sent[min(end, start + draw(st.sampled_from([0, 1, 1000]))) :]
    places = sorted(draw(st.lists(st.integers(0, len(sent)), max_size=5)))
    pieces = [sent[start:end] for start, end in zip([0, *places], [*places, len(sent)], strict=True)]
    return [piece for piece in pieces if piece]
