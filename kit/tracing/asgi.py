"""The spans of an app that speaks ASGI."""

from kit import redaction
from kit.asgi import App, Message, Receive, Scope, Send
from kit.tracing.core import Tracing, method_of


class Traced:
    """Around an app of FastAPI: each request that is not one for its health has a span."""

    def __init__(self, app: App, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or scope["path"].startswith("/health/"):
            await self._app(scope, receive, send)
            return
        method = method_of(scope["method"])
        about = {"http.request.method": method, "url.scheme": scope["scheme"]}
        with self._tracing.serving(method, scope["headers"], about) as span:

            async def answer(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.answered(message["status"])
                await send(message)

            try:
                await self._app(scope, receive, answer)
            finally:
                route = getattr(scope.get("route"), "path", None)
                if route is not None:
                    raw = scope.get("raw_path", b"").decode("latin-1")
                    path = redaction.path(raw, redaction.personal(scope.get("path_params", {})))
                    span.name(f"{method} {route}", {"http.route": route, "url.path": path})
