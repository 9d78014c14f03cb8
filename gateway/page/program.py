"""A plan made ready to run, for the life of an app: sources with their policies, kept results and budgets."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import is_dataclass
from typing import Any

import msgspec

from gateway.budget import Budget
from gateway.page.attempts import earning, hedged, retried
from gateway.page.cache import KeptResults
from gateway.page.cache_key import key_of
from gateway.page.declare import Source
from gateway.page.graph import Input, Origin, Plan, Step
from gateway.page.shared_cache import SharedStore


class Worker:
    """A source, ready to work."""

    __slots__ = (
        "_keyed",
        "as_somebody",
        "cached",
        "degraded",
        "dependents",
        "index",
        "kept",
        "name",
        "names",
        "needs",
        "repeatable",
        "source",
        "work",
    )

    def __init__(self, step: Step, index: int, page: str, shared: SharedStore | None) -> None:
        source = step.source
        self.source = source
        self.index = index
        self.name = source.name
        self.names = tuple(i.name for i in step.inputs)
        self.needs = len(step.needs)
        self.dependents: list[Worker] = []
        self.repeatable = source.retry is not None or source.hedge is not None
        self.work = _with_policies(source)
        self.kept: KeptResults | None = None
        self.as_somebody = True
        self.degraded: Counter[str] = Counter()
        """How often it fell back or fell short, by reason."""
        self.cached: Counter[str] = Counter()
        """How often its cache gave the result, by how it came to it."""
        self._keyed: tuple[str, ...] = ()
        if source.cache is not None:
            self.kept = KeptResults(f"{page} {source.name}", source.cache, step.gives, shared)
            self._keyed = tuple(i.name for i in step.inputs if not _is_client(i))
            self.as_somebody = step.knows_caller

    def key(self, arguments: Mapping[str, Any]) -> bytes:
        """What tells this call's result from others: all its inputs but the clients."""
        return key_of([arguments[name] for name in self._keyed])


class Program:
    """A page, ready to run."""

    def __init__(self, plan: Plan, app: str = "", shared: SharedStore | None = None) -> None:
        self.plan = plan
        title = f"{app} {plan.page.method} {plan.page.path}"
        self.workers = tuple(Worker(step, index, title, shared) for index, step in enumerate(plan.steps))
        named = {worker.name: worker for worker in self.workers}
        for step in plan.steps:
            for need in step.needs:
                named[need].dependents.append(named[step.source.name])
        self.roots = tuple(worker for worker in self.workers if not worker.needs)
        self.view_names = tuple(i.name for i in plan.view_inputs)

    def view(self, values: Mapping[str, Any]) -> Any:
        """What the client sees, out of inputs and results by name."""
        return self.plan.view(**{name: values[name] for name in self.view_names})

    async def close(self) -> None:
        """End what runs in the background."""
        for worker in self.workers:
            if worker.kept is not None:
                await worker.kept.close()


def _with_policies(source: Source) -> Callable[..., Awaitable[Any]]:
    """The source's function with what was asked for around it, from the inside out."""
    work: Callable[..., Awaitable[Any]] = source.function
    if source.retry is None and source.hedge is None:
        return work
    budget = Budget()
    if source.hedge is not None:
        work = hedged(work, source.hedge, budget)
    if source.retry is not None:
        work = retried(work, source.retry, budget)
    return earning(work, budget)


def _is_client(i: Input) -> bool:
    """Whether a provided input reaches a service; values made of a request are dataclasses or Structs."""
    if i.origin is not Origin.PROVIDED:
        return False
    return not (is_dataclass(i.type) or (isinstance(i.type, type) and issubclass(i.type, msgspec.Struct)))
