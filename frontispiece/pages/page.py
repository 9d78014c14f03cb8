"""The declaration of a page: its sources and its view."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar

from frontispiece.pages.result_cache import Cache
from frontispiece.pages.retry import Hedge, Retry
from frontispiece.pages.usage import Budget

Loaded = TypeVar("Loaded")
Fallback = Callable[[], Any]


class BodyMarker:
    """Marks the parameter that takes the request's JSON body."""


class QueryMarker:
    """Marks a query parameter that the request must have."""


class HeaderMarker:
    """Marks a parameter that takes a request header."""


Query = Annotated[Loaded, QueryMarker]
"""`text: Query[str]` takes a query parameter that must be there; one with a default needs no mark."""

Header = Annotated[Loaded, HeaderMarker]
"""`idempotency_key: Header[str]` takes the header `Idempotency-Key`; one with a default may be missing."""

Body = Annotated[Loaded, BodyMarker]
"""`change: Body[Change]` takes the request's JSON body, validated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One part of a page: an async function with its policies.

    Args:
        timeout: seconds that it may run, once its inputs exist; None for the page's deadline alone.
        fallback: makes the result when an upstream fails; None makes the source required.
    """

    name: str
    function: Callable[..., Awaitable[Any]]
    timeout: float | None = None
    fallback: Fallback | None = None
    cache: Cache | None = None
    retry: Retry | None = None
    hedge: Hedge | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskState:
    """What has become of the work that a tool began.

    Args:
        id: of the work, as the pages take it that show and cancel it.
        status: `failed` when it came to nothing, though nobody cancelled it.
        began: when, by RFC 3339.
        changed: when it last changed.
        message: how it is getting on, in words; empty for none.
    """

    id: str
    status: Literal["working", "completed", "cancelled", "failed"]
    began: str
    changed: str
    message: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """How agents follow the work that a tool begins and that goes on by itself.

    Args:
        follow: the page that shows it: a tool with the same view, which needs the work's id alone.
        cancel: the page that cancels it, also such a tool; None when it cannot be cancelled.
        state: the state of the work, from that view.
        poll_interval: seconds after which looking again is worth it.
    """

    follow: "Page"
    cancel: "Page | None" = None
    state: Callable[[Any], TaskState]
    poll_interval: float = 2.0


@dataclass(frozen=True, slots=True)
class Tool:
    """How agents use a page, over `frontispiece.agents`; a page without one is none of theirs.

    Args:
        title: what it does, in words: `find books` is the tool `find_books`.
        description: when to use it, for the agent; the first paragraph of the view's docstring when left out.
        scopes: those that a caller must have; nobody else sees the tool.
        confirm: the page that shows what the tool is about to do, for what spends money: the first call
            answers with this page and a confirmation, the second needs it. None for tools that act at once.
        max_bytes: of its answer as JSON; what is beyond is left out, and the answer says so.
        paged: the list of the view that may be too long: the argument `offset` says where it begins.
        task: how to follow the work that it begins; None when its answer is all.
        budget: what one use may cost; calls beyond it are not made. None for any number.
        uri: a template such as `book:{isbn}`, by which the page is a resource, too; None for no resource.
    """

    title: str
    description: str = ""
    scopes: tuple[str, ...] = ()
    confirm: "Page | None" = None
    max_bytes: int = 8000
    paged: str | None = None
    budget: Budget | None = None
    task: Task | None = None
    uri: str | None = None

    @property
    def name(self) -> str:
        """By which agents call it."""
        return self.title.replace(" ", "_")


@dataclass(eq=False)
class Page:
    """All data of a screen, from one or many services, in one response.

    A source's parameters are named after the sources it needs, after the path's placeholders, query
    parameters (with a default, or declared `Query[str]`) and headers (`Header[str]`), or have a type that the
    app provides: a service client, the caller's identity, the request.

    Args:
        path: its template, such as `/things/{id}`.
        deadline: seconds until it responds, whatever its sources do.
        method: its HTTP method.
        status: of a successful response.
        vary: request headers that the response depends on, for caches.
        headers: response headers that its sources set (`set_response_header`), for its OpenAPI document.
        location: the path, in the app, of what a request made, from the view: the header `Location`.
        needed: whether the app is not ready while a service is away that this page cannot do without.
        agent: the tool that agents have of it; None for none.
    """

    path: str
    deadline: float
    method: str = "GET"
    status: int = 200
    vary: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    location: Callable[[Any], str] | None = None
    needed: bool = True
    agent: Tool | None = None
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

        With a `fallback` it is optional: when an upstream fails (down, slow, refusing, invalid response), its
        result is `fallback()`. Without one, the failure is the page's. A source with `retry` or `hedge`
        makes idempotent calls only.
        """

        def declare(function: Callable[..., Awaitable[Loaded]]) -> Callable[..., Awaitable[Loaded]]:
            self.sources.append(
                Source(
                    name=name or function.__name__,
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
        """Declare what the client sees: a plain function of sources and inputs.

        One that returns a `Reply` passes on a service's response as it comes, such as server-sent events.
        """
        self.views.append(function)
        return function
