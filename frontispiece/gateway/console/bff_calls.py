"""Counts the calls of mounted apps to their services, only while a console watches."""

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from frontispiece.gateway.observability.upstream_metrics import UpstreamStats
from frontispiece.http.messages import Reply, Request
from frontispiece.pages import PageApp
from frontispiece.upstream.client import UpstreamConnector
from frontispiece.upstream.errors import UpstreamClientError
from frontispiece.upstream.observed import End
from frontispiece.upstream.outcome import FAILED, when_released

if TYPE_CHECKING:
    from frontispiece.gateway.edge import Gateway


class Calls(UpstreamStats):
    """The calls of one app to one service."""

    __slots__ = ("errors",)

    def __init__(self) -> None:
        super().__init__(None)
        self.errors = 0


class BffCalls:
    """Counts the calls of each mounted app to each of its services, between `start` and `stop`."""

    def __init__(self, gateway: "Gateway") -> None:
        self.counts: dict[str, Calls] = {}
        """By the names of both, as `web/notes`."""
        self._gateway = gateway
        self._observed: dict[UpstreamConnector, Callable[[], None]] = {}

    def start(self) -> None:
        """Count the calls of the apps that are mounted now; to be called again after a reload."""
        for bff, app in mounted(self._gateway).items():
            for name, service in app.services.items():
                if service is not None and service not in self._observed:
                    calls = self.counts.setdefault(f"{bff}/{name}", Calls())
                    self._observed[service] = service.observe(partial(_start, calls))

    def stop(self) -> None:
        """Count no more."""
        for end in self._observed.values():
            end()
        self._observed.clear()


def mounted(gateway: "Gateway") -> dict[str, PageApp]:
    """The apps of pages in the gateway's process, by the names of their services."""
    upstreams = gateway.snapshot.upstreams.items()
    return {name: upstream.app for name, upstream in upstreams if isinstance(upstream.app, PageApp)}


def _start(calls: Calls, request: Request) -> tuple[Request, End]:
    began = perf_counter()
    calls.requests += 1
    calls.in_flight += 1

    def end(ended: Reply | BaseException) -> None:
        calls.durations.add(perf_counter() - began)
        if isinstance(ended, BaseException):
            refused = not isinstance(ended, Exception) or isinstance(ended, UpstreamClientError)
            calls.errors += not refused  # nor is a call that was cancelled the service's error
            calls.end()
            return
        calls.errors += ended.status >= FAILED
        when_released(ended, calls.end)

    return request, end
