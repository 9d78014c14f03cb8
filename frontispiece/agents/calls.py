"""Calls of tools: what they may cost, what they answer, and what is recorded of them."""

import logging
from time import perf_counter
from typing import Any

import msgspec
from msgspec.structs import replace

from frontispiece.agents.confirmations import ARGUMENT, Confirmations, digest, idempotency_key
from frontispiece.agents.messages import Json
from frontispiece.agents.shortening import shorten
from frontispiece.agents.tools import OFFSET, PageTool
from frontispiece.http.problems import Problem, internal
from frontispiece.pages.api import ApiParts
from frontispiece.pages.endpoint import Endpoint
from frontispiece.pages.request import PageRequest
from frontispiece.pages.usage import Usage
from frontispiece.security import Identity
from frontispiece.upstream import CallCount, ClientDisconnected

log = logging.getLogger(__name__)
audit = logging.getLogger("frontispiece.agents.audit")


class ToolCalls:
    """Runs the pages of tools."""

    def __init__(self, path: str, parts: ApiParts, *, enforces: bool) -> None:
        self.usage = Usage(f"{parts.app}:{path}")
        self._enforces = enforces
        self._shows_calls = parts.accept_any_document
        self._confirmations = Confirmations(parts.secret)

    async def result(self, tool: PageTool, arguments: Json, request: PageRequest) -> Json:
        """The result of a call, which the audit log has, whatever became of it.

        Raises:
            Problem: 401 or 403, the caller lacks a scope.
            ClientDisconnected: the client has gone away.
        """
        outcome = "aborted"
        count, began = CallCount(self._limit(tool)), perf_counter()
        request = replace(request, context=replace(request.context, calls=count))
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
        result = result_of(answer, notes)
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


def result_of(answer: Json, notes: list[str]) -> Json:
    """The result of a call that succeeded; the notes say what it lacks."""
    texts = [msgspec.json.encode(answer).decode(), *notes]
    return {"content": [{"type": "text", "text": text} for text in texts], "structuredContent": answer}


async def _view(
    tool: PageTool, endpoint: Endpoint, arguments: Json, request: PageRequest, key: bytes | None = None
) -> tuple[Any, list[str]]:
    """The view of a page, shortened, and notes about what it lacks.

    Raises:
        Problem: the page answers with it.
    """
    reply = await endpoint.reply(*tool.request(request, arguments, endpoint, key))
    assert isinstance(reply.body, bytes), "a tool's page has a view"
    answer = msgspec.json.decode(reply.body)
    name, offset = tool.tool.paged, arguments.get(OFFSET, 0)
    if name is None or endpoint is tool.confirm:  # nobody goes on with what is confirmed
        notes = _shortened(answer, tool)
    else:
        total = len(answer[name])
        items = answer[name] = answer[name][offset:]
        notes = _shortened(answer, tool)
        if offset >= total > 0:
            notes.append(f"This answer has {total} items of {name}, all of which {OFFSET}={offset} skips.")
        if (left := len(answer[name])) < len(items):
            notes.append(f"For the rest of {name}, call again with {OFFSET}={offset + left}.")
    if degraded := reply.header(b"page-degraded"):
        notes.append(f"Not known now: {degraded.decode('latin-1')}.")
    return answer, notes


def _shortened(answer: Any, tool: PageTool) -> list[str]:
    return [f"Left out: {left_out}." for left_out in shorten(answer, tool.tool.max_bytes)]


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
