"""What the checkout carries: `python -m bench.checkout`, a few minutes; `--write` into `results/`.

The whole shop runs as `front up` starts it, on SQLite files and then on PostgreSQL. Customers put an article
into the basket, ask for the checkout page and order, one after the other and without a pause. Of each number
of customers it prints how many orders a second were accepted, what an order cost, how long the 202 took, and
how long it was from `placed` to `confirmed` and to `completed`, by the times in ordering's log. Then orders
arrive at random, at half of the rate at which the orders of 16 customers were carried out: `--half-load 300`
shows whether the lag grows.
"""

import argparse
import asyncio
import json
import os
import random
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

import httpx

from bench import versions
from bench.checkout_report import Level, markdown, svg
from bench.orders import Log, prepare
from bench.processes import Program, free_port, listening, tree_cpu_seconds
from frontispiece.login.flow import access_token
from shop.demo import PASSWORD, SKUS
from tests.support.postgres import running_postgres
from tests.support.shop import PROJECT, database_variables

RESULTS: Final = Path(__file__).parent / "results"

CUSTOMERS: Final = (1, 4, 16, 64)
HALF_OF: Final = 16
"""Customers whose rate is halved at the end."""

DATABASES: Final = ("sqlite", "postgresql")

TIMEOUT: Final = 60.0
"""Seconds in which all orders of a level have to reach their end."""

ADDRESS: Final = {
    "name": "Ada",
    "street": "1 Main St",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
}


@dataclass
class Load:
    """What customers have done at one level."""

    orders: list[str] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)
    """Seconds of each 202."""
    failures: list[str] = field(default_factory=list)


class Customer:
    """One customer, logged in on a phone."""

    def __init__(self, name: str, url: str) -> None:
        self._name = name
        self._url = url
        self._http = httpx.AsyncClient(base_url=url, timeout=TIMEOUT, trust_env=False)
        self._numbers = random.Random(name)  # noqa: S311 (nothing is guarded by it)

    async def log_in(self) -> None:
        """Log in; its token lasts longer than a level."""
        assert PROJECT.login is not None
        token = await asyncio.to_thread(access_token, self._url, PROJECT.login, self._name, PASSWORD)
        self._http.headers["Authorization"] = f"Bearer {token}"

    async def order(self, load: Load) -> None:
        """Fill the basket, look at the checkout page, and order."""
        try:
            sku = self._numbers.choice(SKUS)
            await self._send("PUT", f"/mobile/basket/items/{sku}", {"quantity": 1}, 200)
            page = await self._send("POST", "/mobile/checkout/draft", {"country": "DE"}, 200)
            delivery = page["deliveries"][0]
            order = {
                "basket_version": page["basket_version"],
                "total": delivery["amount"],
                "shipping": {"method": delivery["method"], "address": ADDRESS},
                "payment_token": "tok_visa",
            }
            key = {"Idempotency-Key": f"{self._numbers.getrandbits(128):032x}"}
            begun = perf_counter()
            placed = await self._send("POST", "/mobile/checkout", order, 202, key)
            load.accepted.append(perf_counter() - begun)
            load.orders.append(placed["id"])
        except (httpx.HTTPError, Unexpected) as failure:
            load.failures.append(str(failure) or type(failure).__name__)

    async def _send(
        self, method: str, path: str, body: object, status: int, headers: dict[str, str] | None = None
    ) -> dict:  # type: ignore[type-arg]  # JSON
        response = await self._http.request(method, path, json=body, headers=headers)
        if response.status_code != status:
            kind = response.text.partition("problem:")[2].partition('"')[0]
            raise Unexpected(f"{method} {response.status_code} {kind}")
        answer: dict = response.json()  # type: ignore[type-arg]
        return answer

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()


class Unexpected(Exception):
    """A response that was not to come."""


async def closed_loop(customers: Sequence[Customer], seconds: float) -> Load:
    """Each customer orders again as soon as the last order is accepted."""
    load = Load()
    end = perf_counter() + seconds

    async def one_after_another(customer: Customer) -> None:
        while perf_counter() < end:
            await customer.order(load)

    await asyncio.gather(*map(one_after_another, customers))
    return load


async def open_loop(customers: Sequence[Customer], rate: float, seconds: float) -> Load:
    """Orders arrive at random at this rate, whatever becomes of them; a customer places one at a time."""
    load = Load()
    idle = asyncio.Queue[Customer]()
    for customer in customers:
        idle.put_nowait(customer)
    numbers = random.Random(rate)  # noqa: S311 (nothing is guarded by it)

    async def place() -> None:
        customer = await idle.get()
        await customer.order(load)
        idle.put_nowait(customer)

    async with asyncio.TaskGroup() as tasks:
        end = perf_counter() + seconds
        due = perf_counter()
        while (due := due + numbers.expovariate(rate)) < end:
            await asyncio.sleep(max(0.0, due - perf_counter()))
            tasks.create_task(place())
    return load


async def level(label: str, log: Log, pid: int, seconds: float, loading: Awaitable[Load]) -> Level:
    """What became of a load of so many seconds, once all of its orders have ended."""
    used = tree_cpu_seconds(pid)
    load = await loading
    begun = perf_counter()
    open_at_once = await log.open_orders()
    while perf_counter() < begun + TIMEOUT and await log.open_orders():  # noqa: ASYNC110 (rows set no event)
        await asyncio.sleep(0.1)
    times = await log.times(load.orders)
    return Level(
        label=label,
        rate=len(load.orders) / seconds,
        carried_out=len(load.orders) / (seconds + perf_counter() - begun),
        cpu=(tree_cpu_seconds(pid) - used) / max(1, len(load.orders)),
        accepted=load.accepted,
        confirmed=times.confirmed,
        completed=times.completed,
        open_at_end=open_at_once,
        failures=load.failures + ["no end"] * (len(load.orders) - len(times.completed)),
    )


async def measure(
    log: Log, url: str, pid: int, options: argparse.Namespace, say: Callable[[str], object]
) -> list[Level]:
    """The levels on one kind of database."""
    names = [f"bench{number}" for number in range(max(*options.customers, 2 * HALF_OF))]
    await prepare(log, names)
    customers = [Customer(name, url) for name in names]
    await asyncio.gather(*(customer.log_in() for customer in customers))
    await closed_loop(customers[:4], min(3.0, options.seconds))  # warms up
    levels = []
    for number in options.customers:
        loading = closed_loop(customers[:number], options.seconds)
        levels.append(await level(f"{number}", log, pid, options.seconds, loading))
        say(str(levels[-1]))
    full = next((each.carried_out for each in levels if each.label == str(HALF_OF)), 0)
    if options.half_load and full:
        loading = open_loop(customers, full / 2, options.half_load)
        levels.append(await level("half load", log, pid, options.half_load, loading))
        say(str(levels[-1]))
    for customer in customers:
        await customer.close()
    return levels


Shop = tuple[str, int, Path, dict[str, str]]
"""Its URL, process id and folder, and the variables of its databases."""


@contextmanager
def shop(database: str, *options: str, shards: int = 0, core: int | None = None) -> Iterator[Shop]:
    """The shop on new databases.

    Args:
        database: one of `DATABASES`.
        options: of `front up`.
        shards: of ordering, in files; the project's with 0.
        core: that all of it runs on; None for any.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        postgres = stack.enter_context(running_postgres() if database == "postgresql" else nullcontext())
        urls = {}
        if postgres is not None:
            urls = database_variables(postgres.new_database)
        if shards:
            names = ("database_url", "read_database_url")
            files = {
                f"{shard}": {name: f"sqlite:///{folder}/ordering-{shard}-{name}.db" for name in names}
                for shard in range(shards)
            }
            urls["ORDERING_SHARDS"] = json.dumps(files)
        port = free_port()
        command = [sys.executable, "-m", "frontispiece.cli", "up", "--port", str(port), "--data", folder]
        program = Program(
            command=[*map(str, command), *options],
            port=port,
            variables=dict(os.environ) | urls | CHEAP,
        )
        pid = stack.enter_context(listening(program, core=core, log=folder / "front.log"))
        url = f"http://127.0.0.1:{port}"
        wait_ready(url)
        yield url, pid, folder, urls


CHEAP: Final = {
    "IDENTITY_ARGON2_MEMORY_COST": "8",
    "IDENTITY_ARGON2_TIME_COST": "1",
    "OTEL_SDK_DISABLED": "true",
}


def wait_ready(url: str) -> None:
    """Wait until it is ready to serve."""
    with httpx.Client(base_url=url, timeout=5, trust_env=False) as http:
        end = perf_counter() + TIMEOUT
        while http.get("/health/ready").status_code != 200:  # noqa: PLR2004 (a status)
            if perf_counter() > end:
                raise TimeoutError(url)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each number of customers")
    parser.add_argument("--half-load", type=float, default=20.0, help="seconds at half load; 0 for none")
    parser.add_argument("--customers", type=int, nargs="+", default=CUSTOMERS)
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--processes", action="store_true", help="every app in a process of its own")
    parser.add_argument("--write", action="store_true", help="write the results to bench/results/")
    options = parser.parse_args()
    busy = os.getloadavg()[0]
    say, results = partial(print, flush=True), {}
    for database in options.databases:
        say(database)
        with shop(database, *(["--processes"] if options.processes else [])) as (url, pid, folder, urls):
            log = Log(folder, urls)
            results[database] = asyncio.run(measure(log, url, pid, options, say))
    if options.write:
        layout = "every app in a process of its own" if options.processes else "one process"
        machine = f"{versions.machine()}; load average {busy:.1f} before the run"
        (RESULTS / "checkout.md").write_text(markdown(results, machine, layout), encoding="utf-8")
        (RESULTS / "checkout.svg").write_text(svg(results), encoding="utf-8")


if __name__ == "__main__":
    main()
