"""Fake services behind a BFF or a gateway: respx answers what a test says they do."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import respx

DOMAIN: Final = "test"
"""Reserved for tests (RFC 6761): no fake service can be a real one."""


class Upstreams:
    """Fake services by name: `upstreams["notes"].get("/notes/1").respond(json={…})`.

    Each is a respx router for the service's address; a call that no route matches fails the test.
    """

    def __init__(self, router: respx.MockRouter) -> None:
        self._router = router
        self._services: dict[str, respx.MockRouter] = {}

    def __getitem__(self, name: str) -> respx.MockRouter:
        """The router of a service, which exists from now on."""
        if name not in self._services:
            router = respx.MockRouter(
                base_url=f"http://{name}.{DOMAIN}", assert_all_called=False, assert_all_mocked=True
            )
            self._router.route(host=f"{name}.{DOMAIN}").mock(side_effect=router.async_handler)
            self._services[name] = router
        return self._services[name]

    def addresses(self, names: Iterable[str]) -> dict[str, str]:
        """Addresses of fake services, as `SERVICES` has them."""
        return {name: f"httpx+http://{name}.{DOMAIN}" for name in (*names, *self._services)}

    def clear(self) -> None:
        """Forget what they answer."""
        for router in self._services.values():
            router.clear()


@contextmanager
def fake_upstreams() -> Iterator[Upstreams]:
    """Fake services for the duration of the block; calls to loopback reach real servers."""
    with respx.mock(assert_all_called=False) as router:
        fakes = Upstreams(router)
        router.route(host="127.0.0.1").pass_through()
        yield fakes
