"""Work that goes on by itself as tasks: the extension `io.modelcontextprotocol/tasks` of revision 2026-07-28.

A task is what its tool has begun: its id says which tool, and the id of the work. Nothing is stored here: the
pages that show the work and cancel it are tools themselves, and see to it that it is the caller's.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from frontispiece.agents import messages
from frontispiece.agents.calls import ToolCalls, result_of
from frontispiece.agents.messages import CAPABILITIES_KEY, Json, McpError, Method, text_of
from frontispiece.agents.tools import PageTool
from frontispiece.pages.page import Task
from frontispiece.pages.request import PageRequest

EXTENSION: Final = "io.modelcontextprotocol/tasks"

EXTENSIONS: Final[Json] = {"extensions": {EXTENSION: {}}}
"""The capability of clients and servers that have tasks."""

UNKNOWN: Final = frozenset({401, 403, 404, 410, 422})
"""The statuses of pages for what is not there, or not the caller's."""


def is_declared(params: Json) -> bool:
    """Whether the client of a request has tasks."""
    declared: object = params
    for key in ("_meta", CAPABILITIES_KEY, "extensions"):
        declared = declared.get(key) if isinstance(declared, dict) else None
    return isinstance(declared, dict) and EXTENSION in declared


class Tasks:
    """The tasks of an agent API."""

    def __init__(self, tools: Mapping[str, PageTool], calls: ToolCalls) -> None:
        self._tools = {name: tool for name, tool in tools.items() if tool.tool.task is not None}
        self._calls = calls

    @property
    def methods(self) -> Mapping[str, Method]:
        """The methods of the extension; none where no tool has tasks."""
        if not self._tools:
            return {}
        return {"tasks/get": self._get, "tasks/update": self._update, "tasks/cancel": self._cancel}

    @property
    def capabilities(self) -> Json:
        """The capabilities of a server that has tasks; none without them."""
        return EXTENSIONS if self._tools else {}

    def created(self, tool: PageTool, result: Json) -> Json:
        """The task that a call has begun; its result where it has begun none."""
        answer = result.get("structuredContent", {})
        view = answer.get("result") if tool.confirm is not None else answer
        if tool.tool.task is None or not view:
            return result
        return {"resultType": "task", **_task(tool, tool.tool.task, view)[0]}

    async def _get(self, params: Json, request: PageRequest) -> Json:
        tool, task, key = self._find(params)
        assert tool.follow is not None, "checked at the start"
        view, notes = await self._view(tool.follow, key, request)
        found, is_failed = _task(tool, task, view)
        if found["status"] == "completed":
            result = result_of({"result": view} if tool.confirm is not None else view, notes)
            found["result"] = {**result, "isError": True} if is_failed else result
        return found

    async def _update(self, params: Json, request: PageRequest) -> Json:
        """No task asks for input; so what is sent is ignored, as the extension demands."""
        await self._get(params, request)
        return {}

    async def _cancel(self, params: Json, request: PageRequest) -> Json:
        """Cancel it if that is still possible: the client sees by `tasks/get` what has become of it."""
        tool, _, key = self._find(params)
        if tool.cancel is None:
            return await self._update(params, request)
        await self._view(tool.cancel, key, request, may_refuse=True)
        return {}

    async def _view(
        self, tool: PageTool, key: str, request: PageRequest, *, may_refuse: bool = False
    ) -> tuple[Json, list[str]]:
        """The view of a page on the work with this id, and notes about what it lacks.

        Raises:
            McpError: there is none of the caller's, or it cannot be read now.
        """
        assert tool.key is not None, "checked at the start"
        result = await self._calls.result(tool, {tool.key: key}, request)
        first, *notes = [content["text"] for content in result["content"]]
        if not result.get("isError"):
            return result["structuredContent"], notes
        problem = msgspec.json.decode(first)
        if problem["status"] in UNKNOWN:
            raise McpError(messages.INVALID_PARAMS, "There is no such task.")
        if may_refuse and problem["status"] == 409:  # noqa: PLR2004 (a conflict with what has happened already)
            return {}, notes
        raise McpError(messages.INTERNAL_ERROR, first)

    def _find(self, params: Json) -> tuple[PageTool, Task, str]:
        """The tool of a task, and the id of its work.

        Raises:
            McpError: there is no such task, or the client has not said that it has tasks.
        """
        if not is_declared(params):
            data = {"requiredCapabilities": EXTENSIONS}
            raise McpError(messages.CAPABILITY_MISSING, f"This needs the extension {EXTENSION}.", data)
        name, _, key = text_of(params, "taskId").partition(":")
        tool = self._tools.get(name)
        if tool is None or tool.tool.task is None:
            raise McpError(messages.INVALID_PARAMS, "There is no such task.")
        return tool, tool.tool.task, key


def _task(tool: PageTool, task: Task, view: Json) -> tuple[Json, bool]:
    """The task that a view is of, and whether it failed: such a one is completed, with an error."""
    state = task.state(msgspec.convert(view, tool.endpoint.plan.view_type))
    found = {
        "taskId": f"{tool.tool.name}:{state.id}",
        "status": "completed" if state.status == "failed" else state.status,
        "createdAt": state.began,
        "lastUpdatedAt": state.changed,
        "ttlMs": None,
        "pollIntervalMs": int(task.poll_interval * 1000),
    }
    return found | ({"statusMessage": state.message} if state.message else {}), state.status == "failed"
