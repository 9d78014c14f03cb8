"""An agent API as an endpoint: from a message to a reply."""

import dataclasses
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from http import HTTPStatus
from time import perf_counter
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from frontispiece.agents import messages
from frontispiece.agents.confirmations import ARGUMENT, Confirmations, digest, idempotency_key
from frontispiece.agents.messages import Json, McpError, Message
from frontispiece.agents.resources import Resources
from frontispiece.agents.shortening import shorten
from frontispiece.agents.tools import PageTool
from frontispiece.errors import ConfigError
from frontispiece.http.problems import Problem, internal
from frontispiece.pages.api import ApiParts
from frontispiece.pages.compiled import CompiledPage
from frontispiece.pages.endpoint import Endpoint, SkipOptional, read_whole
from frontispiece.pages.request import PageRequest
from frontispiece.pages.usage import Usage
from frontispiece.security import Identity
from frontispiece.upstream import CallCount, ClientDisconnected, Reply

log = logging.getLogger(__name__)
audit = logging.getLogger("frontispiece.agents.audit")

Method = Callable[[Json, PageRequest], Awaitable[Json]]
"""Makes the result of a method, of its parameters."""

NEVER_FRESH: Final = {"ttlMs": 0, "cacheScope": "private"}
"""What agents may do with lists: those of another caller differ."""


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
        self.usage = Usage(f"{parts.app}:{path}")
        self._enforces = enforces
        self.skip_optional: SkipOptional | None = None  # the pages themselves do without
        self._server = server
        self._instructions = instructions
        self._identify = parts.identify
        self._shows_calls = parts.accept_any_document
        self._confirmations = Confirmations(parts.secret)
        self.tools = _tools(parts)
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
        }

    def check(self) -> None:
        """Nothing is made by the first request."""

    async def reply(self, request: PageRequest, body: bytes | AsyncIterator[bytes]) -> Reply:
        """The response to a message.

        Raises:
            Problem: the request is refused.
        """
        request = self._identify(request)
        body = await read_whole(body, request.context.deadline)
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
        return {"supportedVersions": versions, **self._about(), **NEVER_FRESH}

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
        uri = _text(params, "uri")
        found = self._resources.find(uri)
        if found is None:
            raise McpError(messages.RESOURCE_NOT_FOUND, f"There is no resource {uri}.", {"uri": uri})
        tool, arguments = found
        answer = await self._answer(tool, arguments, request)
        text = answer["content"][0]["text"]
        if answer.get("isError"):
            is_failure = msgspec.json.decode(text)["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR
            code = messages.INTERNAL_ERROR if is_failure else messages.RESOURCE_NOT_FOUND
            raise McpError(code, text, {"uri": uri})
        contents = [{"uri": uri, "mimeType": "application/json", "text": text}]
        return {"contents": contents, "_meta": {"notes": answer["content"][1:]}, **NEVER_FRESH}

    async def _call_tool(self, params: Json, request: PageRequest) -> Json:
        name = _text(params, "name")
        tool = self.tools.get(name)
        if tool is None:
            raise McpError(messages.INVALID_PARAMS, f"There is no tool {name}.")
        arguments = params.get("arguments") or {}
        if not isinstance(arguments, dict):
            raise McpError(messages.INVALID_PARAMS, "arguments is an object.")
        return await self._answer(tool, arguments, request)

    async def _answer(self, tool: PageTool, arguments: Json, request: PageRequest) -> Json:
        """The result of a call, which the audit log has, whatever became of it."""
        outcome = "aborted"
        count, began = CallCount(self._limit(tool)), perf_counter()
        request = replace(request, context=dataclasses.replace(request.context, calls=count))
        try:
            _check_scopes(tool, request.identity)
            tool.check(arguments)
            answer, notes, outcome = await self._run(tool, arguments, request)
        except msgspec.ValidationError as error:
            outcome = "invalid-arguments"
            return _failed(Problem(422, outcome, f"The arguments do not fit: {error}."))
        except Problem as problem:
            outcome = problem.kind
            if problem.status in {401, 403} and problem.kind == "scope-missing":
                raise
            return _failed(problem)
        except ClientDisconnected:
            raise
        except Exception:  # a bug: the agent gets the request's id, and nothing of the inside
            log.exception("A tool failed")
            outcome = "internal-error"
            return _failed(internal(request.header("x-request-id")))
        finally:
            self._count(tool, count, perf_counter() - began)
            _record(tool, arguments, request, outcome)
        text = [{"type": "text", "text": msgspec.json.encode(answer).decode()}]
        text += [{"type": "text", "text": note} for note in notes]
        result: Json = {"content": text, "structuredContent": answer}
        return {**result, "_meta": {"calls": count.total}} if self._shows_calls else result

    def _limit(self, tool: PageTool) -> int | None:
        budget = tool.tool.budget
        return budget.calls if budget is not None and self._enforces else None

    def _count(self, tool: PageTool, count: CallCount, seconds: float) -> None:
        """Add a call to what the tool has cost; apps are not told apart, for there may be any number."""
        name, budget = tool.tool.name, tool.tool.budget
        self.usage.record("", name, count.total + count.refused, seconds, budget)
        if budget is not None and count.total + count.refused > budget.calls:
            self.usage.count_excess("enforce" if self._enforces else "measure")

    async def _run(
        self, tool: PageTool, arguments: Json, request: PageRequest
    ) -> tuple[Json, list[str], str]:
        """The answer, what it lacks, and what the audit log says."""
        if tool.confirm is None:
            answer, notes = await _view(tool, tool.endpoint, arguments, request)
            return answer, notes, "answered"
        assert request.identity is not None, "tools that confirm have scopes"
        confirmation = arguments.pop(ARGUMENT, None)
        caller, name = request.identity, tool.tool.name
        if confirmation is None:
            summary, notes = await _view(tool, tool.confirm, arguments, request)
            issued = self._confirmations.issue(caller, name, arguments)
            return {"summary": summary, "confirmation": issued}, notes, "confirmation-issued"
        self._confirmations.check(caller, name, arguments, confirmation)
        key = idempotency_key(confirmation)
        answer, notes = await _view(tool, tool.endpoint, arguments, request, key)
        return {"result": answer}, notes, "confirmed"


async def _view(
    tool: PageTool, endpoint: Endpoint, arguments: Json, request: PageRequest, key: bytes | None = None
) -> tuple[Any, list[str]]:
    """What a page shows, shortened, and what it lacks.

    Raises:
        Problem: the page answers with it.
    """
    reply = await endpoint.reply(*tool.request(request, arguments, endpoint, key))
    assert isinstance(reply.body, bytes), "a tool's page has a view"
    answer = msgspec.json.decode(reply.body)
    notes = [f"Left out: {left_out}." for left_out in shorten(answer, tool.tool.max_bytes)]
    if degraded := reply.header(b"page-degraded"):
        notes.append(f"Not known now: {degraded.decode('latin-1')}.")
    return answer, notes


def _check_scopes(tool: PageTool, caller: Identity | None) -> None:
    if missing := " ".join(sorted(tool.missing_scopes(caller))):
        challenge = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{missing}"'}
        status = 403 if caller is not None and not caller.is_guest else 401
        raise Problem(status, "scope-missing", f"This needs the scope {missing}.", headers=challenge)


def _failed(problem: Problem) -> Json:
    """The result of a call that failed, which the agent may put right."""
    return {"content": [{"type": "text", "text": problem.body().decode()}], "isError": True}


def _record(tool: PageTool, arguments: Json, request: PageRequest, outcome: str) -> None:
    caller = request.identity
    audit.info(
        "%s called %s by %s, arguments %s: %s",
        caller.subject if caller else "a guest",
        tool.tool.name,
        (caller.client if caller else "") or "an unknown app",
        digest(arguments)[:16],
        outcome,
    )


async def _ping(_params: Json, _request: PageRequest) -> Json:
    return {}


def _text(params: Json, name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str):
        raise McpError(messages.INVALID_PARAMS, f"{name} is a text.")
    return value


def _tools(parts: ApiParts) -> dict[str, PageTool]:
    """The tools of a BFF by name.

    Raises:
        ConfigError: some tool cannot work; every error is listed.
    """
    by_page = {endpoint.plan.page: endpoint for endpoint in parts.pages}
    errors: list[str] = []
    tools: dict[str, PageTool] = {}
    for page, endpoint in by_page.items():
        if (tool := page.agent) is None:
            continue
        made = PageTool(tool, endpoint, by_page.get(tool.confirm) if tool.confirm else None)
        errors += made.errors()
        if tools.setdefault(tool.name, made) is not made:
            errors.append(f"two tools are called {tool.name}")
        if tool.confirm is not None and not (tool.scopes and parts.secret):
            errors.append(f"the tool {tool.name}: what is confirmed needs scopes, and BFF_SIGNING_KEY")
    if errors:
        raise ConfigError(errors)
    return tools
