"""What each screen costs, beside its budget: `make budgets`, a minute.

The whole shop runs as `front up` starts it, with services that respond after 20 ms. The clients' own API
modules make the requests, those for agents' tools excepted, for a customer who is logged in; each is then
repeated to count its bytes as they come over the wire (br), the calls to services behind it, and its time. It
fails over contracts/budgets.toml, or over the `@budget` of a persisted operation of GraphQL.
"""

import json
import os
import sys
import tomllib
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Any, Final

import httpx
from graphql import parse
from pydantic import BaseModel, ConfigDict, Field, model_validator
from rich.console import Console
from rich.table import Table

from frontispiece.graphql.documents import budget_of
from frontispiece.graphql.persisted import load
from frontispiece.pages.timeline import MEDIA_TYPE
from frontispiece.testing import started
from frontispiece.units import Duration, Size
from services.inventory.seed import first_stock
from shop.demo import SKUS
from tests.contracts.mobile.calls import CLIENT as MOBILE
from tests.contracts.web.examples import CLIENT as WEB
from tests.support.checkouts import Client as Customer
from tests.support.checkouts import complete
from tests.support.contracts import CONTRACTS
from tests.support.shop import CHEAP_RUN, ROOT, RunningShop

FILE: Final = CONTRACTS / "budgets.toml"


class Tools:
    """The requests of agents: they are made here, since agents have no API module of ours."""

    running = nullcontext

    def requests(self, _run: None, call: Sequence[Any]) -> list[dict[str, Any]]:
        """The request that calls a tool."""
        name, *arguments = call
        params = {"name": name, "arguments": arguments[0] if arguments else {}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        headers = {"content-type": "application/json"}
        return [{"method": "POST", "path": "/agent/mcp", "headers": headers, "body": json.dumps(message)}]


CLIENTS: Final[Mapping[str, Any]] = {"web": WEB, "mobile": MOBILE, "agent": Tools()}

USER: Final = "shopper"
"""A user of the demo; logged in, because responses to guests may be compressed better."""

DELAY: Final = 0.02
"""Seconds after which services respond."""

ROUNDS: Final = 40
"""How often a screen is requested for its p95."""

WIDE: Final = 120
"""Columns where no terminal sets a limit."""

BASKET: Final = 10
"""Products in the basket."""

ORDER: Final = "{order}"
"""Stands for the id of an order in a call."""

TRACED: Final = {"Accept": f"{MEDIA_TYPE}, */*;q=0.1"}
"""Has pages respond with their timelines; tools and operations say in any response what they have called."""


class Budget(BaseModel):
    """What one screen may cost.

    Args:
        call: the method of the client's API module that loads it, or the tool, and its arguments.
        bytes: of all responses' bodies, as they come over the wire.
        calls: requests of the client.
        upstream_calls: requests to services that these cause.
        p95: of the time until the screen is loaded, with services that respond after 20 ms.
        operation: the persisted operation that it is, whose `@budget` has the two before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    call: tuple[Any, ...] = Field(min_length=1)
    bytes: Size
    calls: int = Field(ge=1)
    upstream_calls: int = Field(ge=0)
    p95: Duration
    operation: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_operation(cls, written: Any) -> Any:
        return written | OPERATIONS[written["operation"]] if "operation" in written else written


def _operations() -> dict[str, dict[str, Any]]:
    """What each persisted operation of the web client may cost, by its name; subscriptions have no budget."""
    found = {}
    for each in load(CONTRACTS / "graphql" / "bff-web").values():
        if budget := budget_of(parse(each.document).definitions[0]):  # type: ignore[arg-type]  # an operation
            found[each.name] = {"upstream_calls": budget.calls, "p95": f"{budget.ms}ms"}
    return found


OPERATIONS: Final = _operations()


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a screen does cost; `p95` is None where it was not measured, in seconds otherwise."""

    bytes: int
    calls: int
    upstream_calls: int
    p95: float | None = None

    def excesses(self, budget: Budget) -> Iterator[str]:
        """The costs above the budget, in words."""
        limits = {"bytes": budget.bytes, "calls": budget.calls, "upstream_calls": budget.upstream_calls}
        for name, limit in limits.items():
            if (cost := getattr(self, name)) > limit:
                yield f"{name}: {cost} of {limit}"
        if self.p95 is not None and self.p95 > budget.p95.total_seconds():
            yield f"p95: {self.p95 * 1000:.0f} ms of {budget.p95.total_seconds() * 1000:.0f} ms"


def budgets(content: str) -> dict[tuple[str, str], Budget]:
    """The budgets of a file, by client and screen.

    Raises:
        ValueError: it has errors.
    """
    document = tomllib.loads(content)
    return {
        (client, screen): Budget.model_validate(budget)
        for client, screens in document.items()
        for screen, budget in screens.items()
    }


def costs(
    shop: RunningShop, wanted: Mapping[tuple[str, str], Budget], user: str, rounds: int = 0
) -> dict[tuple[str, str], Cost]:
    """What the screens of a running shop cost a user, whose basket gets 10 products.

    Args:
        shop: the shop.
        wanted: the screens.
        user: who has logged in.
        rounds: how often each is loaded to measure its time; 0 to measure none.
    """
    found = {}
    with httpx.Client(base_url=shop.url, timeout=60) as http:
        order_id = _place_order(http, shop.phone(user))
        _fill_basket(http, shop.phone(user))
        for name, client in CLIENTS.items():
            logged_in = shop.logged_in(name, user)
            headers = {field: value for field, value in logged_in.items() if field != "X-CSRF"}  # its own
            with client.running() as run:
                for (owner, screen), budget in wanted.items():
                    if owner == name:
                        call = [order_id if each == ORDER else each for each in budget.call]
                        requests = client.requests(run, call)
                        found[owner, screen] = _cost(http, headers, requests, rounds)
    return {key: found[key] for key in wanted}


def _place_order(http: httpx.Client, headers: Mapping[str, str]) -> str:
    """The id of an order that is completed."""
    customer = Customer(http=http, kind="mobile", headers=headers)
    customer.put(next(sku for sku in SKUS if first_stock(sku)), 1)
    location = customer.check_out().headers["location"]
    *_, last = customer.progress(location)
    assert last.stage == "completed", last
    return location.rpartition("/")[2]


def _fill_basket(http: httpx.Client, headers: Mapping[str, str]) -> None:
    for sku in SKUS[:BASKET]:
        put = http.build_request(
            "PUT", f"/mobile/basket/items/{sku}", json={"quantity": 1}, headers=dict(headers)
        )
        complete(partial(http.send, put))


def _cost(http: httpx.Client, headers: Mapping[str, str], requests: Sequence[Any], rounds: int) -> Cost:
    """The cost of a screen: calls to services first, while nothing of it is cached."""
    made = [_request(http, request, headers, {"Accept-Encoding": "br"}) for request in requests]
    traced = [_request(http, request, headers, TRACED) for request in requests]
    upstream_calls = sum(
        _upstream_calls(complete(partial(_send, http, request)).json()) for request in traced
    )
    times = sorted(_time(http, made) for _ in range(rounds))
    return Cost(
        bytes=sum(complete(partial(_send, http, request)).num_bytes_downloaded for request in made),
        calls=len(made),
        upstream_calls=upstream_calls,
        p95=times[int(len(times) * 0.95)] if times else None,
    )


def _request(
    http: httpx.Client, request: Any, headers: Mapping[str, str], own: Mapping[str, str]
) -> httpx.Request:
    """A request that the client made, with what browser and gateway add; `own` replaces what it sent."""
    sent = {name.lower(): value for name, value in {**request["headers"], **headers, **own}.items()}
    return http.build_request(request["method"], request["path"], content=request["body"], headers=sent)


def _time(http: httpx.Client, requests: Sequence[httpx.Request]) -> float:
    """Seconds; without end when one of the requests fails."""
    responses = [_send(http, request) for request in requests]
    return sum(each.elapsed.total_seconds() if each.is_success else inf for each in responses)


def _send(http: httpx.Client, request: httpx.Request) -> httpx.Response:
    """The response, as soon as the route's rate limit allows it."""
    while (response := http.send(request)).status_code == httpx.codes.TOO_MANY_REQUESTS:
        sleep(float(response.headers["retry-after"]))
    return response


def _upstream_calls(trace: Mapping[str, Any]) -> int:
    if "extensions" in trace:
        return int(trace["extensions"]["calls"])
    if "result" in trace:
        return int(trace["result"]["_meta"]["calls"])
    timeline = trace["timeline"]
    return sum(len(each["calls"]) for each in (*timeline["sources"], *timeline["batches"]))


def excesses(wanted: Mapping[tuple[str, str], Budget], found: Mapping[tuple[str, str], Cost]) -> list[str]:
    """Every cost above its budget, in words."""
    return [
        f"{' '.join(key)}: {excess}"
        for key, budget in wanted.items()
        for excess in found[key].excesses(budget)
    ]


def table(wanted: Mapping[tuple[str, str], Budget], found: Mapping[tuple[str, str], Cost]) -> Table:
    """Every cost beside its budget."""
    shown = Table("screen", "bytes (br)", "of", "calls", "of", "upstream calls", "of", "p95", "of", "")
    for key, budget in wanted.items():
        cost = found[key]
        over = list(cost.excesses(budget))
        shown.add_row(
            " ".join(key),
            f"{cost.bytes:,}",
            f"{budget.bytes:,}",
            str(cost.calls),
            str(budget.calls),
            str(cost.upstream_calls),
            str(budget.upstream_calls),
            "" if cost.p95 is None else f"{cost.p95 * 1000:.0f} ms",
            f"{budget.p95.total_seconds() * 1000:.0f} ms",
            "[red]over[/]" if over else "[green]within[/]",
        )
    return shown


def main() -> int:
    """Measure all screens; returns the exit status."""
    ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    wanted = budgets(FILE.read_text(encoding="utf-8"))
    with TemporaryDirectory(prefix="budgets-") as folder:
        data = Path(folder) / "data"
        command = [sys.executable, "-m", "bench.delayed", f"{DELAY}", "up", "--port=0", f"--data={data}"]
        with started(command, data, CHEAP_RUN, ROOT) as running:
            shop = RunningShop(url=running.url, process=running.process, data=data, output=running.output)
            found = costs(shop, wanted, USER, ROUNDS)
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    console.print(table(wanted, found))
    over = excesses(wanted, found)
    for line in over:
        console.print(f"[red]✗[/] {line}", highlight=False)
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if over and load > cores:
        console.print(f"The machine is busy (a load of {load:.0f} on {cores} cores): times say little.")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
