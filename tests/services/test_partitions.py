"""What each service promises under a partition (docs/decisions/stores/), and that it does nothing else.

A server that stands still (SIGSTOP) is a partition as its clients see it: connections stay, nothing answers.
All services live through the same partitions, one after the other, in one world; the tests say what was seen.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import pytest

from frontispiece.events import EventData
from frontispiece.settings import TokenSettings
from services.ordering.events import Line, OrderCompleted, OrderConfirmed, OrderPlaced
from services.payment.events import AuthorisePayment
from services.pickup.maintenance import Maintenance
from shop.pb import discount_pb2 as pb
from tests.contracts.worlds import PURCHASE
from tests.services.catalog.goods import fields
from tests.services.partitions import ANOTHER_SHARD, Probes, Seen, key_of, observe, world
from tests.services.probed import CUSTOMERS, IN_TIME, Service
from tests.services.shipping.world import create
from tests.support.postgres import Postgres
from tests.support.shop import PROJECT, ROOT

RECORDS: Final = ROOT / "docs" / "decisions" / "stores"
HEADINGS: Final = ["Store", "During a network partition", "Without a partition", "What the client sees"]
NOTHING: Final = "nothing"
PARTS: Final = (NOTHING, "its database", ANOTHER_SHARD, "its Valkey", "the broker")
"""What stands still, in the records' words."""


def id_of(key: str) -> str:
    return str(uuid5(NAMESPACE_URL, key))


def http(read: str, method: str, path: str, body: object = None, *, present: str = "") -> Probes:
    """Probes by HTTP; `present` can be read once the write is done.

    In the paths `KEY` is the write's key, and `OWNER` who calls.
    """

    async def send(service: Service, key: str) -> str:
        target = path.replace("KEY", key).replace("OWNER", service.subject)
        wanted = body(key) if callable(body) else body
        return await service.send(method, target, wanted, **{"Idempotency-Key": key})

    async def is_done(service: Service, key: str) -> bool:
        status = await send(service, key)
        return await service.get(present.replace("KEY", key)) == "200" if present else status < "3"

    def reading(service: Service) -> Awaitable[str]:
        return service.get(read.replace("OWNER", service.subject))

    return Probes(read=reading, write=send, is_done=is_done)


def messages(
    read: str,
    facts: Callable[[str], Iterable[EventData]],
    is_done: Callable[[Service, str], Any],
) -> Probes:
    """Probes of a service that messages write to."""

    async def publish(service: Service, key: str) -> str:
        for fact in facts(key):
            service.publish(fact, id_of(key))
        return await service.comes_to_be(lambda: is_done(service, key))

    return Probes(read=lambda service: service.get(read), write=publish, is_done=is_done)


def readable(path: str) -> Callable[[Service, str], Any]:
    """Whether a resource with the key's id can be read."""

    async def is_done(service: Service, key: str) -> bool:
        return await service.get(path + id_of(key)) == "200"

    return is_done


def mentions(path: str) -> Callable[[Service, str], Any]:
    """Whether what can be read there has the key in it."""

    async def is_done(service: Service, key: str) -> bool:
        return key.lower() in str(await service.json(path)).lower()

    return is_done


async def mailed(service: Service, key: str) -> bool:
    """Whether one mail, and no second one, is about an order."""
    mails = [file for file in (service.folder / "mail" / "new").glob("*") if id_of(key) in file.read_text()]
    return len(mails) == 1


async def terms(service: Service) -> str:
    return await service.call("ListDiscounts", pb.ListDiscountsRequest(skus=["PEN"]), service.deadline)


async def add_terms(service: Service, key: str) -> str:
    discount = pb.Discount(sku="PEN", percent=10, description="for a test")
    request = pb.CreateDiscountRequest(discount=discount, idempotency_key=key)
    return await service.call("CreateDiscount", request, IN_TIME)


async def terms_added(service: Service, key: str) -> bool:
    return await add_terms(service, key) == "OK"


async def exchange(service: Service, _key: str) -> str:
    form = {"grant_type": "refresh_token", "refresh_token": "-", "client_id": "mobile"}
    return await service.post_form("/token", form)


OPERATION: Final = {
    "reference": "o",
    "kind": "authorise",
    "amount": 1,
    "currency": "EUR",
    "token": "tok_visa",
}
STORES: Final = {"0": ("Berlin", "396"), "1": ("Sydney", "733")}
"""A place in each of two shards, and a store there."""


async def change_store(service: Service, _key: str) -> str:
    address = {
        "name": "S",
        "street": "S",
        "postal_code": "1",
        "city": "C",
        "country": "DE",
        "zone": "Europe/Berlin",
    }
    place, store = STORES[service.shard]
    position = {"Berlin": (52.52, 13.405), "Sydney": (-33.8688, 151.2093)}[place]
    body = {**address, "latitude": position[0], "longitude": position[1], "opens": 0, "closes": 1}
    return await service.send("PUT", f"/stores/{store}", body, **{"If-Match": "*"})


async def store_changed(service: Service, key: str) -> bool:
    return await change_store(service, key) == "200"


RESERVATION: Final = {"lines": [{"sku": "NOTE-001", "quantity": 1}]}


def operation(key: str) -> object:
    amount = {"amount": 1, "currency": "EUR"}
    return {"reference": key, "kind": "authorise", "token": "tok_visa", **amount}


def review(key: str) -> object:
    return {"sku": "INK" if "database" in key else "PEN", "rating": 4, "title": "Good", "text": "No blot."}


def placed(key: str) -> EventData:
    order: dict[str, Any] = {"order_id": id_of(key), "owner": CUSTOMERS["0"], "currency": "EUR", "total": 1}
    return OrderPlaced(**order, lines=(), coupon=key, basket_version=1, placed_at=datetime.now(UTC))


def completed(key: str, owner: str) -> EventData:
    lines = (Line(sku=key, quantity=1), Line(sku="INK", quantity=1))
    return OrderCompleted(order_id=f"{key} of {owner}", owner=owner, lines=lines, captured=1)


def confirmed(key: str) -> EventData:
    return OrderConfirmed(order_id=id_of(key), owner=CUSTOMERS["0"], currency="EUR", total=1)


def unpaid(key: str) -> EventData:
    """A command that is declined without the acquirer."""
    money: dict[str, Any] = {"amount": 1, "currency": "EUR", "payment_token": "-"}
    return AuthorisePayment(order_id=id_of(key), owner=CUSTOMERS["0"], **money)


PROBES: Final = {
    "ordering": http("/orders", "POST", "/orders", PURCHASE),  # the first: its catalog serves the others
    "acquirer": http("/ledger", "POST", "/operations", operation),
    "basket": http("/baskets/OWNER", "PUT", "/baskets/OWNER/items/PEN", {"quantity": 1}),
    "catalog": http("/products/NOTE-001", "PUT", "/products/KEY", fields(), present="/products/KEY"),
    "discount": Probes(read=terms, write=add_terms, is_done=terms_added),
    "feed": http("/timelines/OWNER", "PUT", "/follows/OWNER/quill"),
    "identity": Probes(read=lambda service: service.get("/jwks"), write=exchange),
    "inventory": http("/stock/NOTE-001", "POST", "/reservations", RESERVATION),
    "notification": messages(
        "/health/ready",
        lambda key: [confirmed(key)],
        mailed,
    ),
    "payment": messages("/ledger", lambda key: [unpaid(key)], readable("/payments/")),
    "pickup": Probes(
        read=lambda service: service.get(f"/nearby?place={STORES[service.shard][0]}"),
        write=change_store,
        is_done=store_changed,
        prepare=lambda app: Maintenance(app.state.store).balance(),
    ),
    "recommendation": messages(
        "/recommendations/PEN",
        lambda key: [completed(key, owner) for owner in "abc"],
        mentions("/recommendations/INK"),
    ),
    "reviews": http("/summaries/PEN", "POST", "/reviews", review),
    "sales": messages("/report", lambda key: [placed(key)], mentions("/report")),
    "shipping": messages(
        "/quotes?country=DE&pieces=1",
        lambda key: [create(id_of(key), owner=CUSTOMERS["0"]).data],
        readable("/shipments/"),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What each service responded, by what stood still, and how many orders there are afterwards."""

    seen: Mapping[str, Mapping[str, Seen]]
    orders: int


@pytest.fixture(scope="module")
def observed(
    postgres: Postgres,
    signing_key: str,
    token_settings: TokenSettings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Observed:
    async def live() -> Observed:
        folder = tmp_path_factory.mktemp("partitions")
        async with world(postgres, folder, PROBES, signing_key, token_settings) as running:
            seen = {part: await observe(running, promising(part), part) for part in PARTS}
            ordering = running.services["ordering"]
            orders = await ordering.count_after("/orders", PURCHASE, key_of(PARTS[-1]))
            return Observed(seen=seen, orders=orders)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_STATEMENT_TIMEOUT", "2")
        return asyncio.run(live())


def record(name: str) -> str:
    return (RECORDS / f"{name}.md").read_text(encoding="utf-8")


def promises(name: str) -> dict[str, tuple[str, str]]:
    """What a read and a write respond, by what stands still: the table of a service's record."""
    rows = re.findall(r"^\| ([^|]+) \| `?([\w ]+)`? \| `?([\w -]+)`? \|$", record(name), re.MULTILINE)
    return {what: (read, write) for what, read, write in rows if what in PARTS}


def promising(part: str) -> dict[str, Probes]:
    """Those of the services whose record says what they do while this part stands still."""
    return {name: probes for name, probes in PROBES.items() if part in promises(name)}


@pytest.mark.parametrize("name", PROBES)
def test_under_a_partition_a_service_does_what_it_promises_and_recovers(
    name: str, observed: Observed
) -> None:
    promised = promises(name)
    assert NOTHING in promised

    for part, responses in promised.items():
        found = observed.seen[part][name]
        assert (found.read, found.write) == responses, part
        assert found.seconds < IN_TIME, part
        assert found.recovered, part


def test_no_order_is_lost_or_doubled_by_partitions(observed: Observed) -> None:
    assert observed.orders == len({*promises("ordering")} - {ANOTHER_SHARD})


def test_every_service_has_a_record_of_its_store() -> None:
    stores = {path.stem for path in RECORDS.glob("*.md")}
    services = {name for name, app in PROJECT.apps.items() if (app.factory or "").startswith("services.")}

    assert stores == services == set(PROBES)
    for name in stores:
        assert re.findall(r"^## (.+)$", record(name), re.MULTILINE) == HEADINGS, name
