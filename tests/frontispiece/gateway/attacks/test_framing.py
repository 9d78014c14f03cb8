"""Whatever bytes a client sends, a service gets one well-formed request, or none."""

import pytest

from tests.frontispiece.gateway.attacks.conftest import Attacked
from tests.support.recorder import statuses

POST = b"POST /files/a HTTP/1.1\r\nHost: shop.test\r\n"
GET = b"GET /files/a HTTP/1.1\r\nHost: shop.test\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = b"GET /files/smuggled HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"
LAST = b"0\r\n\r\n"

REFUSED = {
    "CL.TE": POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST,
    "TE.CL": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n1\r\nZ\r\n" + LAST,
    "the same length twice": POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nZ",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 70\r\n\r\nZ",
    "a list of lengths": POST + b"Content-Length: 1, 1\r\n\r\nZ",
    "a length with a sign": POST + b"Content-Length: +1\r\n\r\nZ",
    "a length in hexadecimal": POST + b"Content-Length: 0x1\r\n\r\nZ",
    "an empty length": POST + b"Content-Length: \r\n\r\n",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a length beyond all numbers": POST + b"Content-Length: 99999999999999999999999\r\n\r\nZ",
    "a folded field": GET + b"X-A: a\r\n b\r\n\r\n",
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + LAST,
    "a folded length": POST + b"Content-Length:\r\n 1\r\n\r\nZ",
    "a space before the first field": b"GET /files/a HTTP/1.1\r\n X-A: a\r\nHost: shop.test\r\n\r\n",
    "bare LF everywhere": b"GET /files/a HTTP/1.1\nHost: shop.test\n\n",
    "a bare LF after a field": GET + b"X-A: b\nX-B: c\r\n\r\n",
    "a bare LF as the end": GET + b"\n",
    "a bare CR in a field": GET + b"X-A: b\rX-B: c\r\n\r\n",
    "a space before the colon": GET + b"X-A : b\r\n\r\n",
    "a space before the coding's colon": POST + b"Transfer-Encoding : chunked\r\n\r\n" + LAST,
    "NUL in a value": GET + b"X-A: a\0b\r\n\r\n",
    "NUL in a name": GET + b"X-A\0: ab\r\n\r\n",
    "a control character in a value": GET + b"X-A: a\x01b\r\n\r\n",
    "a line without a colon": GET + b"X-A\r\n\r\n",
    "a field without a name": GET + b": a\r\n\r\n",
    "a coding that is not chunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n" + LAST,
    "a quoted coding": POST + b'Transfer-Encoding: "chunked"\r\n\r\n' + LAST,
    "a vertical tab before the coding": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + LAST,
    "a tab after the coding": POST + b"Transfer-Encoding: chunked\t\r\n\r\n" + LAST,
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + LAST,
    "the coding twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST,
    "another coding inside": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + LAST,
    "another coding outside": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + LAST,
    "a coding in HTTP/1.0": b"POST /files/a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST,
    "an upgrade with a body": POST
    + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc"
    + SMUGGLED,
    "an upgrade with chunks": POST
    + b"Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n"
    + LAST,
    "HTTP/0.9": b"GET /files/a\r\n\r\n",
    "HTTP/1.2": b"GET /files/a HTTP/1.2\r\nHost: shop.test\r\n\r\n",
    "HTTP/2 without a word before": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2.0 in words": b"GET /files/a HTTP/2.0\r\nHost: shop.test\r\n\r\n",
    "a tunnel": b"CONNECT shop.test:80 HTTP/1.1\r\nHost: shop.test\r\n\r\n" + SMUGGLED,
    "an authority as the target": b"GET shop.test:80 HTTP/1.1\r\nHost: shop.test\r\n\r\n",
    "an asterisk as the target": b"OPTIONS * HTTP/1.1\r\nHost: shop.test\r\n\r\n",
    "another scheme": b"GET file:///files/a HTTP/1.1\r\nHost: shop.test\r\n\r\n",
    "a user in the target": b"GET http://shop.test@evil.test/files/a HTTP/1.1\r\nHost: shop.test\r\n\r\n",
    "a fragment in the target": b"GET /files/a#b HTTP/1.1\r\nHost: shop.test\r\n\r\n",
    "a fragment behind a query": b"GET /files/a?b=c#d&e=f HTTP/1.1\r\nHost: shop.test\r\n\r\n",
    "a fragment in an address": b"GET http://shop.test/files/a#b HTTP/1.1\r\nHost: shop.test\r\n\r\n",
    "a space in the target": b"GET /files/a b HTTP/1.1\r\nHost: shop.test\r\n\r\n",
    "bytes beyond ASCII in the target": b"GET /files/\xff HTTP/1.1\r\nHost: shop.test\r\n\r\n",
    "a method that nobody knows": b"BREW /files/a HTTP/1.1\r\nHost: shop.test\r\n\r\n",
    "a method in small letters": b"get /files/a HTTP/1.1\r\nHost: shop.test\r\n\r\n",
    "no host": b"GET /files/a HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"Host: inside.test\r\n\r\n",
    "a host with a path": b"GET /files/a HTTP/1.1\r\nHost: shop.test/inside\r\n\r\n",
    "a list of hosts": b"GET /files/a HTTP/1.1\r\nHost: shop.test, inside.test\r\n\r\n",
    "a host with a user": b"GET /files/a HTTP/1.1\r\nHost: a@shop.test\r\n\r\n",
}


async def test_what_two_readers_could_take_differently_is_refused_with_all_that_follows(
    attacked: Attacked,
) -> None:
    for case, sent in REFUSED.items():
        answer = await attacked.say(sent, SMUGGLED)

        (status,) = statuses(answer)
        assert status in {400, 501, 505}, case
        assert b"content-type: application/problem+json\r\n" in answer, case
        assert b"connection: close\r\n" in answer.lower(), case
        assert not attacked.upstream.bytes, case


BROKEN_BODIES = {
    "a bare LF after the size": b"1\nZ\r\n" + LAST,
    "a bare LF after an extension": b"1;a\nZ\r\n" + LAST,
    "a space after the size": b"1 \r\nZ\r\n" + LAST,
    "a size with 0x": b"0x1\r\nZ\r\n" + LAST,
    "a negative size": b"-1\r\nZ\r\n" + LAST,
    "a size beyond all numbers": b"10000000000000001\r\nZ\r\n" + LAST,
    "more than the size says": b"1\r\nZZ\r\n" + LAST,
    "a length in the trailer": b"1\r\nZ\r\n0\r\nContent-Length: 5\r\n\r\n",
    "a folded trailer": b"1\r\nZ\r\n0\r\nX-A: b\r\n c\r\n\r\n",
}


@pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
async def test_a_body_that_breaks_off_is_never_whole_at_the_service(attacked: Attacked, body: bytes) -> None:
    answer = await attacked.say(CHUNKED + body + SMUGGLED)

    assert statuses(answer) == [400]
    assert not any(request.complete or b"smuggled" in request.line for request in attacked.upstream.requests)
    assert attacked.upstream.errors == []


TAKEN = {
    "a chunk with an extension": (CHUNKED + b"1;a=b\r\nZ\r\n" + LAST, b"Z"),
    "a coding in capitals": (POST + b"Transfer-Encoding: CHUNKED\r\n\r\n1\r\nZ\r\n" + LAST, b"Z"),
    "a GET with a body": (GET + b"Content-Length: 70\r\n\r\n" + b"Z" * 70, b"Z" * 70),
    "a body that looks like a request": (
        POST + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
        SMUGGLED,
    ),
    "trailers": (CHUNKED + b"1\r\nZ\r\n0\r\nX-Forwarded-For: 6.6.6.6\r\nX-Late: 1\r\n\r\n", b"Z"),
}


@pytest.mark.parametrize(("sent", "body"), TAKEN.values(), ids=TAKEN)
async def test_what_is_unusual_and_plain_reaches_the_service_as_one_request(
    attacked: Attacked, sent: bytes, body: bytes
) -> None:
    answer = await attacked.say(sent + b"GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert statuses(answer) == [200, 404]
    (request,) = attacked.upstream.requests
    assert (request.complete, request.body) == (True, body)
    assert len(request.all(b"content-length") + request.all(b"transfer-encoding")) == 1
    assert request.all(b"x-forwarded-for") == [b"127.0.0.1"]
    assert request.all(b"x-late") == []
    assert attacked.upstream.errors == []


async def test_an_upgrade_that_is_not_spoken_is_answered_and_ends_the_connection(attacked: Attacked) -> None:
    answer = await attacked.say(GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + SMUGGLED)

    assert statuses(answer) == [200]
    assert [request.line for request in attacked.upstream.requests] == [b"GET /files/a"]


async def test_nothing_is_read_after_a_connection_was_to_be_closed(attacked: Attacked) -> None:
    answer = await attacked.say(GET + b"Connection: close\r\n\r\n" + SMUGGLED)

    assert statuses(answer) == [200]
    assert [request.line for request in attacked.upstream.requests] == [b"GET /files/a"]


async def test_a_refusal_comes_after_the_answers_to_earlier_requests(attacked: Attacked) -> None:
    answer = await attacked.say(GET + b"\r\n" + b"GET /files/b HTTP/1.1\r\nX-A : b\r\n\r\n" + SMUGGLED)

    assert statuses(answer) == [200, 400]
    assert answer.index(b"\r\n\r\nhi") < answer.index(b"HTTP/1.1 400 ")
    assert [request.line for request in attacked.upstream.requests] == [b"GET /files/a"]


async def test_of_an_absolute_form_the_host_that_it_names_counts(attacked: Attacked) -> None:
    end = b" HTTP/1.1\r\nHost: inside.test\r\nConnection: close\r\n\r\n"

    assert statuses(await attacked.say(b"GET http://shop.test/inside" + end)) == [404]
    assert statuses(await attacked.say(b"GET http://shop.test:8080/files/a?b=c" + end)) == [200]
    (request,) = attacked.upstream.requests
    assert request.line == b"GET /files/a?b=c"
    assert request.all(b"x-forwarded-host") == [b"shop.test:8080"]


async def test_the_scheme_of_an_absolute_form_may_be_in_capitals(attacked: Attacked) -> None:
    end = b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

    assert statuses(await attacked.say(b"GET HTTP://SHOP.test/files/a" + end)) == [200]


async def test_names_that_cgi_would_take_for_others_go_no_further(attacked: Attacked) -> None:
    names = b"X_Forwarded_For", b"X_Internal_Token", b"Content_Length", b"Transfer_Encoding"

    answer = await attacked.say(GET + b": 5\r\n".join(names) + b": 5\r\nConnection: close\r\n\r\n")

    assert statuses(answer) == [200]
    (request,) = attacked.upstream.requests
    assert not [known for known, _ in request.headers if b"_" in known]
