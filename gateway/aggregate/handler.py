"""The innermost handler of an aggregate: its page is run, and what caches are told is merged."""

import asyncio
import logging
from collections.abc import Mapping

from gateway.aggregate.asking import Asking
from gateway.aggregate.compile import page, provided
from gateway.call import Call, Handler
from gateway.page.answer import answer, problem_of
from gateway.page.graph import plans
from gateway.page.program import Program
from gateway.page.run import Run, SourceFailed
from gateway.table import Route
from gateway.upstream import Context, Refused, Reply, Upstream

log = logging.getLogger(__name__)


def aggregate(route: Route, upstreams: Mapping[str, Upstream]) -> Handler:
    """Join the parts of a route into one answer."""
    parts, placeholders = route.parts or {}, route.template.names
    seconds = route.timeout.total_seconds()
    (plan,) = plans([page(route.path, parts, placeholders, seconds)], {Asking})
    program = Program(plan)
    calls = provided({*parts, *placeholders})

    async def handle(call: Call) -> Reply:
        context = Context.of(call.headers, asyncio.get_running_loop().time() + seconds)
        asking = Asking(upstreams, context, call.query)
        given = {name: values[0] for name, values in call.params.items()}
        run = Run(program, {**given, calls: asking}, context.deadline)
        try:
            await run.finish()
        except SourceFailed as failed:
            refused = isinstance(failed.failure, Refused)
            log.log(logging.INFO if refused else logging.WARNING, "%s: %s", route.path, failed)
            raise problem_of(failed) from failed
        run.degraded |= asking.left_out
        held = call.header(b"if-none-match")
        reply = answer(plan.page, run, held.decode("latin-1") if held else None)
        personal = call.header(b"authorization") is not None
        reply.headers += asking.heard.headers(degraded=bool(run.degraded), personal=personal)
        return reply

    return handle
