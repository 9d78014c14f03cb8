"""Pages in front of a real service; apps of pages on sockets: alone, behind a gateway, mounted in one."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from inspect import Parameter, Signature
from typing import Any

import httpx
from msgspec.structs import replace

from frontispiece.http.asgi import App
from frontispiece.pages import Page, PageRequest, Provider
from frontispiece.pages.app import PageApp
from frontispiece.settings import Directory
from frontispiece.upstream import Reply, Request, Service, Upstream, open_upstream
from tests.support.serving import Serve, client_of, servers
from tests.support.tables import route, route_table
from tests.support.world import gateway_of

WAYS = ["alone", "behind a gateway", "mounted in a gateway"]

ROUTES = route_table(route("/{rest:path}", to="pages", methods=["GET", "POST"], timeout="30s"))

_mounted: list[App] = []


def reply_of(app: PageApp, request: Request) -> Coroutine[Any, Any, Reply]:
    """The reply of one of the app's pages, without ASGI."""
    replying = app.reply(request)
    assert replying is not None
    return replying


def mounted() -> App:
    """What the address in the gateway's registry names: the latest app."""
    return _mounted[-1]


@asynccontextmanager
async def url_of(app: App, way: str) -> AsyncIterator[str]:
    """The address at which the app is served in one of the `WAYS`."""
    async with servers() as serve:
        yield await _served(app, way, serve)


async def _served(app: App, way: str, serve: Serve) -> str:
    if way == "alone":
        return await serve(app)
    if way == "behind a gateway":
        address = await serve(app)
    else:
        _mounted.append(app)
        address = "app://tests.support.pages:mounted"
    return await serve(gateway_of(ROUTES, {"pages": address}))


@asynccontextmanager
async def reached(app: App, way: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app, served in one of the `WAYS`."""
    async with url_of(app, way) as url, client_of(url) as http:
        yield http


def page_of(
    *sources: Callable[..., Awaitable[Any]] | tuple[Callable[..., Awaitable[Any]], dict[str, Any]],
    path: str = "/page",
    deadline: float = 60.0,
    **options: Any,
) -> Page:
    """A page of these sources, some of them with a policy; its view is what each of them gives, by name."""
    page = Page(path, deadline=deadline, **options)
    for each in sources:
        source, policy = each if isinstance(each, tuple) else (each, {})
        page.source(**policy)(source)
    names = [source.name for source in page.sources]

    def view(**results: Any) -> Any:
        return results

    parameters = [Parameter(name, Parameter.KEYWORD_ONLY, annotation=Any) for name in names]
    view.__signature__ = Signature(parameters)  # type: ignore[attr-defined]  # what the engine reads
    view.__annotations__ = {**dict.fromkeys(names, Any), "return": Any}
    page.view(view)
    return page


def ware_page(*sources: Callable[..., Awaitable[Any]], deadline: float = 60.0, **policy: Any) -> Page:
    """A page at `/ware` of these sources, all with this policy; its view is the source named `ware`."""
    page = Page("/ware", deadline=deadline)
    for source in sources:
        page.source(name=getattr(source, "__name__", "ware"), **policy)(source)

    @page.view
    def view(ware: Any) -> Any:
        return ware

    return page


class Things:
    """The client of a service of things."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def thing(self, name: str) -> Any:
        """One of them, by its name."""
        return await self._service.get(f"/things/{name}", Any)

    async def events(self, name: str, last_event_id: bytes | None) -> Reply:
        """What happens to one of them, as it comes."""
        headers = ((b"last-event-id", last_event_id),) if last_event_id else ()
        return await self._service.open(f"/things/{name}/events", headers=headers)


def things_at(upstream: Upstream) -> Mapping[Any, Provider]:
    """How pages get `Things`, bound to their request and told who makes it."""

    def provide(inbound: PageRequest) -> Things:
        said = inbound.header("authorization")
        proof = said.encode() if said else None
        return Things(upstream.within(replace(inbound.context, authorization=lambda _service: proof)))

    return {Things: provide}


@asynccontextmanager
async def things_of(service: App) -> AsyncIterator[Mapping[Any, Provider]]:
    """How pages get `Things`, which are at this service, on a socket of its own."""
    async with (
        servers() as serve,
        open_upstream("things", await serve(service), Directory()) as upstream,
    ):
        yield things_at(upstream)
