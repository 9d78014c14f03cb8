"""Whatever bytes a client sends, a service gets one well-formed request, or none."""

import pytest

from frontispiece.testing import hostile_requests
from tests.frontispiece.gateway.attacks.conftest import Attacked
from tests.support.recorder import statuses

POST = b"POST /files/a HTTP/1.1\r\nHost: shop.test\r\n"
GET = b"GET /files/a HTTP/1.1\r\nHost: shop.test\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = b"GET /files/smuggled HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"
LAST = b"0\r\n\r\n"


async def test_what_two_readers_could_take_differently_is_refused_with_all_that_follows(
    attacked: Attacked,
) -> None:
    for case, sent in hostile_requests("/files/a").items():
        answer = await attacked.say(sent)

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


async def test_an_absolute_form_has_any_host_that_host_may_have_and_no_other(attacked: Attacked) -> None:
    end = b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

    for host in (b"HTTP://SHOP.test", b"http://my_shop", b"http://[::1]:80", b"https://shop.test:"):
        assert statuses(await attacked.say(b"GET " + host + b"/files/a?" + end)) == [200], host
    for host in (b"http://", b"http://:80", b"http://a@b", b"http://a,b", b"http://[::1", b"ftp://a"):
        assert statuses(await attacked.say(b"GET " + host + b"/files/a" + end)) == [400], host


async def test_names_that_cgi_would_take_for_others_go_no_further(attacked: Attacked) -> None:
    names = b"X_Forwarded_For", b"X_Internal_Token", b"Content_Length", b"Transfer_Encoding"

    answer = await attacked.say(GET + b": 5\r\n".join(names) + b": 5\r\nConnection: close\r\n\r\n")

    assert statuses(answer) == [200]
    (request,) = attacked.upstream.requests
    assert not [known for known, _ in request.headers if b"_" in known]
