"""The app of the admin port: it answers those who have its token, and no web page of another origin."""

import hmac
import re
from collections.abc import Container
from functools import partial
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from frontispiece.gateway.admin.audit import Audit
from frontispiece.gateway.admin.endpoints import ENDPOINTS, AdminEndpoint
from frontispiece.gateway.console import Console, ConsoleSettings, file, is_file
from frontispiece.http.asgi import Receive, Scope, Send
from frontispiece.http.headers import SAFE_METHODS
from frontispiece.http.loopback import is_loopback_host
from frontispiece.http.media_types import media_type
from frontispiece.http.messages import Headers, IncomingRequest, Reply, field
from frontispiece.http.problems import Problem
from frontispiece.http.router import MethodNotAllowed
from frontispiece.security import InvalidToken, bearer_token, invalid_token_problem
from frontispiece.settings import Settings
from frontispiece.telemetry import redaction

if TYPE_CHECKING:
    from frontispiece.gateway.edge import Gateway

MIN_TOKEN_LENGTH: Final = 16
HOW_TO_MAKE_ONE: Final = "make one with `openssl rand -hex 32`"

_TOKEN = re.compile(rf"[A-Za-z0-9._~+/=-]{{{MIN_TOKEN_LENGTH},}}")
_HOST = re.compile(r"(?:\[([^][]+)]|([^][:]+))(?::[0-9]*)?")

CONSOLE: Final = "/console/"
OTLP: Final = "/console/otlp/"
NO_FORMS: Final = frozenset({"application/json", "application/x-protobuf"})
"""Media types that no form of a web page sends."""

OFF: Final = "off"


class AdminSettings(Settings):
    """The admin port's address and names."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    admin: str = Field(OFF, description="host:port of the admin port, on loopback or a network of its own.")
    admin_token: str = Field(
        "",
        repr=False,
        validate_default=True,
        description="The bearer token that callers of the admin port need; required beyond loopback.",
    )
    admin_hosts: list[str] = Field(
        default_factory=list,
        description="Names, as JSON, by which the admin port is called, besides addresses and localhost.",
    )

    console: ConsoleSettings = Field(default_factory=ConsoleSettings)

    @field_validator("admin")
    @classmethod
    def _host_and_port(cls, text: str) -> str:
        host, _, port = text.rpartition(":")
        if text != OFF and not (host and port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
            raise ValueError(f'{text!r} is no address: write "127.0.0.1:9100", or "{OFF}"')
        return text

    @field_validator("admin_token")
    @classmethod
    def _protects(cls, token: str, info: ValidationInfo) -> str:
        host = info.data.get("admin", OFF).rpartition(":")[0]
        if token and not _TOKEN.fullmatch(token):
            raise ValueError(f"a token has {MIN_TOKEN_LENGTH} letters and digits, or more: {HOW_TO_MAKE_ONE}")
        if host and not token and not is_loopback_host(host.strip("[]")):
            raise ValueError(f"an admin port beyond loopback needs a token: {HOW_TO_MAKE_ONE}")
        return token

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port; None without an admin port."""
        host, _, port = self.admin.rpartition(":")
        return (host, int(port)) if host else None

    @property
    def names(self) -> frozenset[str]:
        """The host names that requests may use."""
        host = self.address[0] if self.address else "localhost"
        return frozenset(name.lower() for name in ("localhost", host, *self.admin_hosts))


class AdminApp:
    """Serves `ENDPOINTS` and the console: requests to the server by `respond`, the lifespan by ASGI."""

    def __init__(self, gateway: "Gateway", settings: AdminSettings) -> None:
        self.audit = Audit()
        self.console = Console(gateway, settings.console, self.audit)
        self._gateway = gateway
        self._names = settings.names
        self._token = settings.admin_token

    def begin_drain(self) -> None:
        """End what would never end by itself: the server stops."""
        self.console.begin_drain()

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the lifespan."""
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.console.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def respond(self, request: IncomingRequest) -> Reply:
        """The response to a request.

        Raises:
            Problem: the request is refused.
        """
        path = request.target.partition(b"?")[0].decode("latin-1")
        check_host(request.headers, self._names)
        check_origin(request.headers)
        if is_file(path):
            return await file(request.method, path)
        exports = path.startswith(OTLP) and self._token
        check_token(request.headers, self._token, export_token(self._token) if exports else "")
        if path.startswith(CONSOLE):
            check_csrf(request.method, request.headers)
            return await self.console.respond(request)
        if path not in ENDPOINTS:
            raise Problem(404, "no-route", f"The admin port has {', '.join(['/console', *ENDPOINTS])}.")
        method, endpoint = ENDPOINTS[path]
        if request.method != method and (request.method, method) != ("HEAD", "GET"):
            raise MethodNotAllowed(["GET", "HEAD"] if method == "GET" else [method]).problem()
        check_csrf(method, request.headers)
        if method in SAFE_METHODS:
            return await endpoint(self._gateway, request)
        return await self._audited(endpoint, request)

    async def _audited(self, endpoint: AdminEndpoint, request: IncomingRequest) -> Reply:
        """The response of an action, which is recorded whatever becomes of it."""
        path, mark, query = request.target.decode("latin-1").partition("?")
        action = f"{request.method} {path}{mark}{redaction.path(query)}"
        record = partial(self.audit.add, request.client_ip or "unknown", action)
        try:
            reply = await endpoint(self._gateway, request)
        except Problem as problem:
            record(problem.status, "; ".join([str(problem), *problem.members.get("errors", ())]))
            raise
        except BaseException as failure:
            record(HTTPStatus.INTERNAL_SERVER_ERROR, f"failed: {failure!r}")
            raise
        record(reply.status, reply.body.decode() if isinstance(reply.body, bytes) else "")
        return reply


def check_host(headers: Headers, names: Container[str]) -> None:
    """Refuse a `Host` that is neither a name of this port nor an address.

    A web page reaches the port by a name of its own that leads here (DNS rebinding).

    Raises:
        Problem: 421 `host-unknown`.
    """
    found = _HOST.fullmatch((field(headers, b"host") or b"").decode("latin-1").lower())
    host = (found[1] or found[2]) if found else ""
    if host not in names and not _is_address(host):
        detail = "The admin port is not called by this name: see GATEWAY_ADMIN_HOSTS."
        raise Problem(421, "host-unknown", detail)


def check_origin(headers: Headers) -> None:
    """Refuse what a page of another origin sends.

    Raises:
        Problem: 403 `cross-site`.
    """
    host = field(headers, b"host") or b""
    own = {b"http://" + host, b"https://" + host}
    if any(value not in own for name, value in headers if name == b"origin"):
        raise Problem(403, "cross-site", "No other site's page may call the admin port.")


def export_token(token: str) -> str:
    """The token by which apps export traces and logs to the console, of the admin port's token."""
    return hmac.digest(token.encode(), OTLP.encode(), "sha256").hex()


def check_token(headers: Headers, *tokens: str) -> None:
    """Let only callers in that have one of the tokens, unless the first is empty.

    Raises:
        Problem: 401 `token-missing` or `token-invalid`.
    """
    if not tokens[0]:
        return
    authorization = (field(headers, b"authorization") or b"").decode("latin-1")
    sent = bearer_token(authorization, "This needs a bearer token: that of GATEWAY_ADMIN_TOKEN.").encode()
    if not any(hmac.compare_digest(sent, token.encode()) for token in tokens if token):
        raise invalid_token_problem(InvalidToken("The token is not that of GATEWAY_ADMIN_TOKEN"))


def check_csrf(method: str, headers: Headers) -> None:
    """Refuse changes that a form of a web page could send.

    Raises:
        Problem: 403 `csrf-header-missing`.
    """
    if method in SAFE_METHODS or field(headers, b"x-csrf") == b"1":
        return
    kind = media_type((field(headers, b"content-type") or b"").decode("latin-1")).lower()
    if kind not in NO_FORMS:
        detail = "Changes need X-CSRF: 1, or content in JSON."
        raise Problem(403, "csrf-header-missing", detail)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
