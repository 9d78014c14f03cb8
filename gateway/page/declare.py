"""How a page is written down: its sources, its view, and what each of them may ask for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from gateway.page.attempts import Hedge, Retry
from gateway.page.cache import Cache

Loaded = TypeVar("Loaded")
Fallback = Callable[[], Any]


class BodyMarker:
    """Marks the parameter that takes the request's JSON body."""


Body = Annotated[Loaded, BodyMarker]
"""`change: Body[Change]` takes the request's JSON body, validated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One part of a page: an async function, and what happens when it fails.

    Args:
        name: by which other sources and the view ask for its result.
        function: the async function itself.
        timeout: seconds that it may work, once its inputs are there; None for the page's deadline alone.
        fallback: makes what stands in for the result when an upstream fails; None makes the source required.
        cache: how long its result may be used again, None for never.
        retry: how it is tried again, None for never.
        hedge: when it is asked a second time though the first try goes on, None for never.
    """

    name: str
    function: Callable[..., Awaitable[Any]]
    timeout: float | None = None
    fallback: Fallback | None = None
    cache: Cache | None = None
    retry: Retry | None = None
    hedge: Hedge | None = None


@dataclass(eq=False)
class Page:
    """A screen's worth of data, from one or many services, in one answer.

    A source's parameters are named after the sources it needs, after the path's placeholders and query
    parameters, or have a type that the app provides: a service client, the caller's identity, the request.

    Args:
        path: its template, such as `/products/{sku}`.
        deadline: seconds until it is answered, whatever its sources do.
        method: the HTTP method that asks for it.
        status: of the answer when all goes well.
        vary: request headers that the answer depends on, for caches.
    """

    path: str
    deadline: float
    method: str = "GET"
    status: int = 200
    vary: tuple[str, ...] = ()
    sources: list[Source] = field(default_factory=list, init=False)
    views: list[Callable[..., Any]] = field(default_factory=list, init=False)

    def source(
        self,
        *,
        name: str | None = None,
        timeout: float | None = None,
        fallback: Fallback | None = None,
        cache: Cache | None = None,
        retry: Retry | None = None,
        hedge: Hedge | None = None,
    ) -> Callable[[Callable[..., Awaitable[Loaded]]], Callable[..., Awaitable[Loaded]]]:
        """Declare a source, named as the function unless `name` says otherwise.

        With a `fallback` it is optional: a failing upstream (down, slow, refusing, answering nonsense) is
        answered by `fallback()`. Without one, that failure is the page's. A source with `retry` or `hedge`
        makes idempotent calls only.
        """

        def declare(function: Callable[..., Awaitable[Loaded]]) -> Callable[..., Awaitable[Loaded]]:
            known_as = name or function.__name__
            self.sources.append(
                Source(
                    name=known_as,
                    function=function,
                    timeout=timeout,
                    fallback=fallback,
                    cache=cache,
                    retry=retry,
                    hedge=hedge,
                )
            )
            return function

        return declare

    def view(self, function: Callable[..., Loaded]) -> Callable[..., Loaded]:
        """Declare what the client sees: a plain function of sources and inputs."""
        self.views.append(function)
        return function
