"""A transport that is observed: opened and closed with the one within, and transparent to replies."""

from frontispiece.upstream import Request, Upstream
from frontispiece.upstream.observed import End
from tests.frontispiece.upstream.fakes import GET, Fake


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
