"""An agent API as an endpoint: from a message to a reply."""

from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Final

import msgspec

from frontispiece.agents import messages
from frontispiece.agents.calls import ToolCalls
from frontispiece.agents.messages import Json, McpError, Message, Method, text_of
from frontispiece.agents.resources import Resources
from frontispiece.agents.tasks import Tasks, is_declared
from frontispiece.agents.tools import compiled_tools
from frontispiece.pages.api import ApiParts
from frontispiece.pages.compiled import CompiledPage
from frontispiece.pages.endpoint import SkipOptional, read_in_time
from frontispiece.pages.request import PageRequest
from frontispiece.upstream import Reply

NEVER_FRESH: Final = {"ttlMs": 0, "cacheScope": "private"}
"""Lists may not be cached: another caller gets others."""


class AgentEndpoint:
    """Serves the tools of a BFF.

    Args:
        path: its path.
        server: its name, title and version, for agents.
        instructions: how its tools go together.
        parts: those of its BFF.
        enforces: whether no call beyond a tool's budget is made.

    Raises:
        ConfigError: some tool cannot work; every error is listed.
    """

    methods = ("POST",)
    websocket = None
    pages: Sequence[CompiledPage] = ()
    """None of its own: its tools run the pages of its BFF."""

    def __init__(
        self, path: str, server: Json, instructions: str, parts: ApiParts, *, enforces: bool = True
    ) -> None:
        self.path = path
        self._calls = ToolCalls(path, parts, enforces=enforces)
        self.usage = self._calls.usage
        self.skip_optional: SkipOptional | None = None  # the pages themselves do without
        self._server = server
        self._instructions = instructions
        self._identify = parts.identify
        self.tools = compiled_tools(parts)
        self._tasks = Tasks(self.tools, self._calls)
        self._resources = Resources(list(self.tools.values()))
        self.deadline = max((2 * tool.page.deadline for tool in self.tools.values()), default=1.0)
        self._methods: dict[str, Method] = {
            "initialize": self._initialize,
            "server/discover": self._discover,
            "ping": _ping,
            "tools/list": self._list_tools,
            "tools/call": self._call_tool,
            "resources/list": self._list_resources,
            "resources/templates/list": self._list_templates,
            "resources/read": self._read_resource,
            **self._tasks.methods,
        }

    def check(self) -> None:
        """Nothing is made by the first request."""

    async def reply(self, request: PageRequest, body: bytes | AsyncIterator[bytes]) -> Reply:
        """The response to a message.

        Raises:
            Problem: the request is refused.
        """
        request = self._identify(request)
        body = await read_in_time(body, request.context.deadline)
        message: Message | None = None
        try:
            message = messages.read(request, body)
            messages.check_version(request, message)
            if message.id is msgspec.UNSET:
                return messages.accepted()
            content = await self._method(message.method)(message.params, request)
        except McpError as error:
            return messages.failure(message, error)
        return messages.result(message, content, self._server)

    def _method(self, name: str) -> Method:
        if name not in self._methods:
            raise McpError(messages.METHOD_NOT_FOUND, f"There is no method {name}.")
        return self._methods[name]

    async def _initialize(self, params: Json, _request: PageRequest) -> Json:
        wanted = params.get("protocolVersion")
        version = wanted if wanted in messages.WITH_HANDSHAKE else messages.WITH_HANDSHAKE[-1]
        return {"protocolVersion": version, "serverInfo": self._server, **self._about()}

    async def _discover(self, _params: Json, _request: PageRequest) -> Json:
        versions = [*messages.WITH_HANDSHAKE, *messages.MODERN]
        about = self._about()
        about["capabilities"] |= self._tasks.capabilities
        return {"supportedVersions": versions, **about, **NEVER_FRESH}

    def _about(self) -> Json:
        nothing: Json = {}
        return {"capabilities": {"tools": nothing, "resources": nothing}, "instructions": self._instructions}

    async def _list_tools(self, _params: Json, request: PageRequest) -> Json:
        visible = [tool.description for tool in self.tools.values() if tool.is_visible_to(request.identity)]
        return {"tools": visible, **NEVER_FRESH}

    async def _list_resources(self, _params: Json, _request: PageRequest) -> Json:
        return {"resources": [], **NEVER_FRESH}  # there are too many: agents find them by tools

    async def _list_templates(self, _params: Json, request: PageRequest) -> Json:
        return {"resourceTemplates": self._resources.templates(request.identity), **NEVER_FRESH}

    async def _read_resource(self, params: Json, request: PageRequest) -> Json:
        uri = text_of(params, "uri")
        found = self._resources.find(uri)
        if found is None:
            raise McpError(messages.RESOURCE_NOT_FOUND, f"There is no resource {uri}.", {"uri": uri})
        tool, arguments = found
        answer = await self._calls.result(tool, arguments, request)
        text = answer["content"][0]["text"]
        if answer.get("isError"):
            is_failure = msgspec.json.decode(text)["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR
            code = messages.INTERNAL_ERROR if is_failure else messages.RESOURCE_NOT_FOUND
            raise McpError(code, text, {"uri": uri})
        contents = [{"uri": uri, "mimeType": "application/json", "text": text}]
        return {"contents": contents, "_meta": {"notes": answer["content"][1:]}, **NEVER_FRESH}

    async def _call_tool(self, params: Json, request: PageRequest) -> Json:
        name = text_of(params, "name")
        tool = self.tools.get(name)
        if tool is None:
            raise McpError(messages.INVALID_PARAMS, f"There is no tool {name}.")
        arguments = params.get("arguments")
        arguments = {} if arguments is None else arguments
        if not isinstance(arguments, dict):
            raise McpError(messages.INVALID_PARAMS, "arguments is an object.")
        result = await self._calls.result(tool, arguments, request)
        return self._tasks.created(tool, result) if is_declared(params) else result


async def _ping(_params: Json, _request: PageRequest) -> Json:
    return {}
