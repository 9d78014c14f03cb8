"""JSON-RPC messages as streamable HTTP of the Model Context Protocol carries them, one a request.

Revision 2026-07-28 has no handshake: each request says its version, and its headers repeat its method and
the name of its tool, so that proxies need not read bodies. Revisions before it begin with `initialize`, of
which nothing is remembered, for this server has no sessions.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from frontispiece.http.json_nesting import is_nested_too_deeply
from frontispiece.http.media_types import is_json
from frontispiece.http.problems import Problem
from frontispiece.pages.request import PageRequest
from frontispiece.upstream import Reply

Json = dict[str, Any]

Method = Callable[[Json, PageRequest], Awaitable[Json]]
"""Makes the result of a method, of its parameters."""

MODERN: Final = ("2026-07-28",)
"""Revisions without a handshake."""

WITH_HANDSHAKE: Final = ("2025-06-18", "2025-11-25")
"""Those with one; in older ones a body may have several messages."""

VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY: Final = "io.modelcontextprotocol/clientCapabilities"
SERVER_KEY: Final = "io.modelcontextprotocol/serverInfo"

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
RESOURCE_NOT_FOUND: Final = -32002
HEADER_MISMATCH: Final = -32020
CAPABILITY_MISSING: Final = -32021
UNSUPPORTED_VERSION: Final = -32022

STATUS: Final[Mapping[int, int]] = {
    PARSE_ERROR: 400,
    INVALID_REQUEST: 400,
    INVALID_PARAMS: 400,
    HEADER_MISMATCH: 400,
    CAPABILITY_MISSING: 400,
    UNSUPPORTED_VERSION: 400,
    METHOD_NOT_FOUND: 404,
}
"""The HTTP statuses of errors in revisions without a handshake; 200 for others."""

NAMED_BY: Final[Mapping[str, str]] = {
    "tools/call": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
"""The parameter that the header `Mcp-Name` repeats, by method."""

_HEADERS: Final = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
_ENCODED: Final = "=?base64?", "?="


class McpError(Exception):
    """A request that is not carried out, with the error for its agent."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class VersionError(McpError):
    """The revision of a request is not served, or its headers and its body differ."""


class Message(Struct, frozen=True):
    """A request, or without `id` a notification."""

    method: str
    id: int | str | UnsetType = UNSET
    params: Json = {}

    @property
    def is_modern(self) -> bool:
        """Whether it is of a revision without a handshake."""
        meta = self.params.get("_meta")
        return isinstance(meta, dict) and VERSION_KEY in meta


class _Written(Message, frozen=True, kw_only=True):
    jsonrpc: str


def read(request: PageRequest, body: bytes) -> Message:
    """The message of a request.

    Raises:
        Problem: 415, the body is not JSON.
        McpError: it is no message.
    """
    if not is_json(request.header("content-type") or ""):
        raise Problem(415, "media-type-unsupported", "The body has to be application/json.")
    if is_nested_too_deeply(body):
        raise McpError(PARSE_ERROR, "This is nested too deeply.")
    try:
        message = msgspec.json.decode(body, type=_Written)
    except msgspec.ValidationError as error:
        raise McpError(INVALID_REQUEST, f"The body is one JSON-RPC message: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise McpError(PARSE_ERROR, str(error)) from None
    if message.jsonrpc != "2.0":
        raise McpError(INVALID_REQUEST, "This is not JSON-RPC 2.0.")
    return message


def text_of(params: Json, name: str) -> str:
    """A parameter that is a text.

    Raises:
        McpError: it is none.
    """
    value = params.get(name)
    if not isinstance(value, str):
        raise McpError(INVALID_PARAMS, f"{name} is a text.")
    return value


def check_version(request: PageRequest, message: Message) -> None:
    """Return when a message is of a revision that is served.

    Raises:
        VersionError: it is not, or the headers of the request say something else.
    """
    version = request.header("mcp-protocol-version")
    if not message.is_modern:
        if version is not None and version not in (*WITH_HANDSHAKE, *MODERN):
            raise _unsupported(version)
        if version in MODERN and message.id is not UNSET:
            raise VersionError(INVALID_PARAMS, f"params._meta lacks {VERSION_KEY}")
        return
    meta = message.params["_meta"]
    if CAPABILITIES_KEY not in meta:
        raise VersionError(INVALID_PARAMS, f"params._meta lacks {CAPABILITIES_KEY}")
    repeated = {"mcp-protocol-version": meta[VERSION_KEY], "mcp-method": message.method}
    if (name := NAMED_BY.get(message.method)) is not None and name in message.params:
        repeated["mcp-name"] = message.params[name]
    for header, value in repeated.items():
        if _decoded(request.header(header)) != value:
            raise VersionError(HEADER_MISMATCH, f"The header {header} does not repeat what the body says.")
    if meta[VERSION_KEY] not in MODERN:
        raise _unsupported(meta[VERSION_KEY])


def _unsupported(version: Any) -> VersionError:
    data = {"supported": [*WITH_HANDSHAKE, *MODERN], "requested": version}
    return VersionError(UNSUPPORTED_VERSION, "Unsupported protocol version", data)


def _decoded(value: str | None) -> str | None:
    """A header's value, in base64 where it has characters that headers cannot have."""
    begin, end = _ENCODED
    if value is None or not (value.startswith(begin) and value.endswith(end)):
        return value
    try:
        return base64.b64decode(value[len(begin) : -len(end)], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def result(message: Message, content: Json, server: Json) -> Reply:
    """The response with a method's result."""
    if message.is_modern:
        meta = {**content.get("_meta", {}), SERVER_KEY: server}
        content = {"resultType": "complete", **content, "_meta": meta}
    document = {"jsonrpc": "2.0", "id": message.id, "result": content}
    return Reply.whole(200, msgspec.json.encode(document), _HEADERS)


def failure(message: Message | None, error: McpError) -> Reply:
    """The response with an error; without a message, of what could not be read."""
    about = {"code": error.code, "message": str(error)}
    if error.data is not None:
        about["data"] = error.data
    is_known = message is not None and message.id is not UNSET
    document = {"jsonrpc": "2.0", "id": message.id if message and is_known else None, "error": about}
    is_status = message is None or message.is_modern or isinstance(error, VersionError)
    status = STATUS.get(error.code, 200) if is_status else 200
    return Reply.whole(status, msgspec.json.encode(document), _HEADERS)


def accepted() -> Reply:
    """The response to a notification, of which this server needs none."""
    return Reply.whole(202, b"", [])
