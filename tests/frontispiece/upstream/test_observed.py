"""A transport that is observed: opened and closed with the one within, and transparent to replies."""

import pytest

from frontispiece.upstream import Reply, Request, Upstream
from frontispiece.upstream.observed import End, ObservedTransport
from tests.frontispiece.upstream.fakes import GET, Fake


async def test_an_observer_may_replace_the_request_and_sees_every_end(service: Fake) -> None:
    ends: list[Reply | BaseException] = []
    other = Request(method="GET", target="/other")
    observed = ObservedTransport(service, lambda _: (other, ends.append))

    reply = await observed.send(GET)
    service.answer = failing
    with pytest.raises(ZeroDivisionError) as failure:
        await observed.send(GET)

    assert service.requests == [other, other]
    assert ends == [reply, failure.value]


async def failing(_request: Request) -> Reply:
    raise ZeroDivisionError


async def test_an_upstream_is_observed_until_that_ends(service: Fake) -> None:
    seen: list[Request] = []
    upstream = Upstream("things", service)
    unobserved = upstream.send

    def start(request: Request) -> tuple[Request, End]:
        seen.append(request)
        return request, lambda _: None

    end = upstream.observe(start)
    await upstream.send(GET)
    end()
    await upstream.send(GET)

    assert (seen, service.requests) == ([GET], [GET, GET])
    assert upstream.send == unobserved  # nothing of it is left in the way of a request


async def test_a_request_without_an_observer_is_sent_as_it_is(service: Fake) -> None:
    async with ObservedTransport(service, lambda _: None) as transport:
        assert service.open
        await transport.send(GET)
    assert (service.open, service.requests) == (False, [GET])
