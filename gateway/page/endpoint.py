"""A page as something that takes a request and gives a reply."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from time import perf_counter
from typing import Any

import msgspec

from gateway.alarm import Alarm
from gateway.page.accept import wanted
from gateway.page.answer import answer, explained, problem_of, timeline_of
from gateway.page.graph import Input, Origin, Plan
from gateway.page.inbound import Inbound, Provider
from gateway.page.program import Program
from gateway.page.progressive import ENCODERS, Progress
from gateway.page.run import Run, SourceFailed
from gateway.page.shared_cache import SharedStore
from gateway.page.timeline import MEDIA_TYPE
from gateway.upstream import Headers, Refused, Reply, now
from kit.problems import Problem, internal

log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
"""The longest request body in bytes that a page takes."""


class Endpoint:
    """Answers requests for one page.

    Args:
        plan: the page.
        app: the name of the app it belongs to.
        providers: make the inputs that are neither sources nor in the request.
        shared: where results are kept for all processes, None when nowhere.
        explains: whether a client may ask for a timeline instead of the view.
    """

    def __init__(
        self,
        plan: Plan,
        providers: Mapping[Any, Provider],
        *,
        app: str,
        shared: SharedStore | None = None,
        explains: bool = False,
    ) -> None:
        self.plan = plan
        self.program = Program(plan, app, shared)
        self._explains = explains
        self._inputs = list(plan.inputs.values())
        self._takes_body = any(i.origin is Origin.BODY for i in self._inputs)
        self._provided = _by_provider(plan.provided, providers)
        anonymous = [w for w in self.program.workers if not w.as_somebody]
        names = {name for worker in anonymous for name in worker.names}
        self._as_nobody = [(provide, mine & names) for provide, mine in self._provided if mine & names]

    async def reply(self, inbound: Inbound, body: bytes | AsyncIterator[bytes]) -> Reply:
        """The page's answer, begun within its deadline.

        Raises:
            Problem: the request does not fit, or a required source failed.
            ClientLeft: the request's body broke off.
        """
        deadline = inbound.context.deadline
        given = self._given(inbound, await _read(body, deadline) if self._takes_body else b"")
        as_nobody = self._given_as_nobody(inbound) if self._as_nobody else {}
        accept = inbound.header("accept") if self.plan.page.method == "GET" else None
        if accept is not None:
            form = wanted(accept)
            if encode := ENCODERS.get(form):
                progress = Progress(
                    self.program,
                    lambda settled: Run(self.program, given, deadline, as_nobody=as_nobody, settled=settled),
                    encode,
                )
                return await self._progressive(progress, form, inbound.header("x-request-id"))
            if self._explains and form == MEDIA_TYPE:
                run = Run(self.program, given, deadline, as_nobody=as_nobody, looked_on=True)
                return await self._explained(run, inbound.header("x-request-id"))
        run = Run(self.program, given, deadline, as_nobody=as_nobody)
        try:
            await run.finish()
        except SourceFailed as failed:
            raise self._told(failed) from failed
        return answer(self.plan.page, run, inbound.header("if-none-match"))

    async def _progressive(self, progress: Progress, media_type: str, request_id: str | None) -> Reply:
        try:
            first = await progress.begin()
        except SourceFailed as failed:
            raise self._told(failed) from failed
        except BaseException:
            await progress.close()
            raise
        headers: Headers = [
            (b"content-type", media_type.encode()),
            (b"cache-control", b"no-store"),
            (b"vary", ", ".join(["accept", *self.plan.page.vary]).encode()),
        ]
        frames = progress.frames(first, request_id)
        return Reply(status=self.plan.page.status, headers=headers, body=frames, release=progress.close)

    async def _explained(self, run: Run, request_id: str | None) -> Reply:
        view = problem = None
        try:
            await run.finish()
            view = msgspec.Raw(msgspec.json.encode(run.view()))
        except SourceFailed as failed:
            problem = self._told(failed)
        except Exception:  # a bug of ours, which is what somebody who asks for a timeline wants to see
            log.exception("%s failed", self.plan.page.path)
            problem = internal(request_id)
        status = self.plan.page.status if problem is None else problem.status
        timeline = timeline_of(self.plan, run, status=status, ended=perf_counter())
        return explained(timeline, view=view, problem=problem)

    def _told(self, failed: SourceFailed) -> Problem:
        level = logging.INFO if isinstance(failed.failure, Refused) else logging.WARNING
        log.log(level, "%s: %s", self.plan.page.path, failed)
        return problem_of(failed)

    def _given(self, inbound: Inbound, body: bytes) -> dict[str, Any]:
        """The values of all inputs that are no sources; every misfit of the request is told at once."""
        values: dict[str, Any] = {}
        for provide, names in self._provided:
            values |= dict.fromkeys(names, provide(inbound))
        errors: list[dict[str, Any]] = []
        for i in self._inputs:
            _take(i, inbound, body, values, errors)
        if errors:
            raise Problem(422, "invalid-request", "The request does not fit.", errors=errors)
        return values

    def _given_as_nobody(self, inbound: Inbound) -> dict[str, Any]:
        """What sources are provided with whose results are kept for everybody: made of no credentials."""
        anonymous = inbound.of_nobody()
        values: dict[str, Any] = {}
        for provide, names in self._as_nobody:
            values |= dict.fromkeys(names, provide(anonymous))
        return values


def _by_provider(
    provided: Mapping[str, Any], providers: Mapping[Any, Provider]
) -> list[tuple[Provider, frozenset[str]]]:
    """Each provider once, with the names of all inputs that it makes: a client is one for the whole page."""
    kinds = dict.fromkeys(provided.values())
    return [
        (providers.get(kind, _itself), frozenset(name for name, each in provided.items() if each == kind))
        for kind in kinds
    ]


async def _read(body: bytes | AsyncIterator[bytes], deadline: float) -> bytes:
    content = body if isinstance(body, bytes) else await _read_in_time(body, deadline)
    if len(content) > MAX_BODY:
        raise Problem(413, "body-too-large", f"A body has at most {MAX_BODY} bytes here.")
    return content


async def _read_in_time(body: AsyncIterator[bytes], deadline: float) -> bytes:
    """The body, or a beginning of it that is too large already."""
    content = bytearray()
    alarm = Alarm(deadline - now())
    try:
        async for chunk in body:
            content += chunk
            if len(content) > MAX_BODY:
                break
    except asyncio.CancelledError:
        if not alarm.meant_this():
            raise
        raise Problem(408, "body-too-slow", "The body did not come in time.") from None
    finally:
        alarm.off()
    return bytes(content)


def _take(
    i: Input, inbound: Inbound, body: bytes, values: dict[str, Any], errors: list[dict[str, Any]]
) -> None:
    try:
        values[i.name] = _value(i, inbound, body)
    except msgspec.MsgspecError as misfit:
        errors.append({"at": [i.origin.name.lower(), i.name], "message": str(misfit)})
    except RecursionError:
        errors.append({"at": [i.origin.name.lower(), i.name], "message": "This is nested too deeply."})
    except UnicodeDecodeError:
        errors.append({"at": [i.origin.name.lower(), i.name], "message": "This is not UTF-8."})


def _value(i: Input, inbound: Inbound, body: bytes) -> Any:
    if i.origin is Origin.BODY:
        return msgspec.json.decode(body, type=i.type)
    if i.origin is Origin.PATH:
        value = inbound.path[i.name]
        return value if i.type is str else msgspec.convert(value, i.type, strict=False)
    given = inbound.query.get(i.name)
    if given is None:
        if i.required:
            raise msgspec.ValidationError("This parameter is missing.")
        return i.default
    return msgspec.convert(given if i.many else given[-1], i.type, strict=False)


def _itself(inbound: Inbound) -> Inbound:
    return inbound
