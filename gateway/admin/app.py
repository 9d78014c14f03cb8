"""The ASGI app of the admin port."""

import logging
from typing import Final

from prometheus_client import make_asgi_app

from gateway.admin import guard
from gateway.admin.pages import PAGES, Operated
from gateway.admin.settings import AdminSettings
from gateway.asgi import send_reply, told
from gateway.upstream import Reply
from kit.asgi import App, Receive, Scope, Send
from kit.problems import Problem, internal

log = logging.getLogger(__name__)

METRICS: Final = "/metrics"


def admin_app(gateway: Operated, settings: AdminSettings) -> App:
    """The app: `/metrics` in the formats of Prometheus, and the pages below `/admin`."""
    metrics = make_asgi_app(gateway.metrics.registry)
    names = settings.names

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for phase in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{phase}.complete"})
            return
        if scope["type"] != "http":
            raise RuntimeError(f"The admin port does not speak {scope['type']}.")
        try:
            guard.check_host(scope["headers"], names)
            if scope["path"] == METRICS:
                _allow("GET", scope["method"])
                await metrics(scope, receive, send)
                return
            reply = await _answer(gateway, scope)
        except Problem as problem:
            reply = told(problem, None)
        except Exception:  # a bug of ours, of which the operator is told that it happened
            log.exception("the admin port failed at %s", scope["path"])
            reply = told(internal(None), None)
        await send_reply(reply, send)

    return app


async def _answer(gateway: Operated, scope: Scope) -> Reply:
    if scope["path"] not in PAGES:
        raise Problem(404, "no-route", f"The admin port has {', '.join([METRICS, *PAGES])}.")
    method, page = PAGES[scope["path"]]
    _allow(method, scope["method"])
    guard.check_origin(method, scope["headers"])
    return await page(gateway, scope["query_string"])


def _allow(method: str, asked: str) -> None:
    allowed = ["GET", "HEAD"] if method == "GET" else [method]
    if asked not in allowed:
        allow = {"Allow": ", ".join(allowed)}
        raise Problem(405, "method-not-allowed", f"This answers {allow['Allow']}.", headers=allow)
