"""What one service publishes is what another reads, and both stand in one AsyncAPI document."""

import json
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
import pytest

from frontispiece.events import CommandData, EventData
from frontispiece.events.asyncapi import document
from frontispiece.events.contracts import disagreements


class Line(msgspec.Struct, frozen=True, kw_only=True):
    thing: str
    quantity: int
    note: str | None = None


class Sold(EventData, frozen=True, kw_only=True):
    """Things have left the store."""

    TYPE = "things.store.sold"

    number: str
    lines: tuple[Line, ...]
    total: int
    kind: Literal["gift", "order"] = "order"


class Sell(CommandData, frozen=True, kw_only=True):
    TYPE = "things.store.sell"

    number: str
    colour: str


def event(**annotations: Any) -> type[EventData]:
    """`Sold` as another service reads it."""
    return data(EventData, Sold.TYPE, annotations)


def command(**annotations: Any) -> type[EventData]:
    """`Sell` as another service sends it."""
    return data(CommandData, Sell.TYPE, annotations)


def data(base: type[EventData], name: str, annotations: dict[str, Any], version: int = 1) -> type[EventData]:
    body = {"TYPE": name, "VERSION": version, "__annotations__": annotations, "__module__": __name__}
    return type("Theirs", (base,), body)


class OnlyThing(msgspec.Struct):
    thing: str


class Counted(msgspec.Struct):
    quantity: str


class Coloured(msgspec.Struct):
    colour: str


@pytest.mark.parametrize(
    "read",
    [
        event(),
        event(number=str),
        event(number=str | None),
        event(lines=list[OnlyThing]),
        event(total=float),
        event(total=Any),
        event(kind=str),
        event(kind=Literal["gift", "order", "loan"]),
    ],
)
def test_a_consumer_may_read_less_than_is_published_and_more_loosely(read: type[EventData]) -> None:
    assert disagreements({"store": [Sold], "shop": [read]}) == []


@pytest.mark.parametrize(
    ("read", "error"),
    [
        (event(numbers=str), "data.numbers: it is read, and not sent"),
        (event(number=int), "data.number: str is sent, int is read"),
        (event(number=int | None), "data.number: str is none of int, none"),
        (event(total=str), "data.total: int is sent, str is read"),
        (event(lines=tuple[Counted, ...]), "data.lines[].quantity: int is sent, str is read"),
        (event(lines=tuple[Coloured, ...]), "data.lines[].colour: it is read, and not sent"),
        (event(lines=Line), "data.lines: vartuple is sent, struct is read"),
        (event(kind=Literal["gift"]), "data.kind: 'gift' | 'order' is sent, 'gift' is read"),
        (data(CommandData, Sold.TYPE, {}), "it is a command in one and an event in the other"),
    ],
)
def test_what_a_consumer_reads_and_no_publisher_sends_is_named(read: type[EventData], error: str) -> None:
    assert disagreements({"store": [Sold], "shop": [read]}) == [
        f"things.store.sold from store to shop: {error}"
    ]


def test_the_receiver_of_a_command_is_the_one_that_reads() -> None:
    sent = command(number=str)

    assert disagreements({"store": [Sell], "shop": [sent]}) == [
        "things.store.sell from shop to store: data.colour: it is read, and not sent"
    ]
    assert disagreements({"store": [Sell], "shop": [command(number=str, colour=str, more=int)]}) == []


def test_a_newer_version_than_the_consumer_reads_is_named() -> None:
    newer = data(EventData, Sold.TYPE, {}, version=2)

    assert disagreements({"store": [newer], "shop": [event()]}) == [
        "things.store.sold from store to shop: version 2 is sent, and read up to 1"
    ]


def test_what_its_publisher_does_not_declare_is_named() -> None:
    assert disagreements({"store": [], "shop": [event()]}) == [
        "shop: things.store.sold is not declared by store"
    ]


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def resolved(whole: Any, reference: str) -> Any:
    found = whole
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_the_document_says_who_sends_and_receives_what() -> None:
    whole = document("Things", {"store": [Sold, Sell], "shop": [event(number=str), command()]})

    actions = {name: operation["action"] for name, operation in whole["operations"].items()}
    assert actions == {
        "store.send.things.store.sold": "send",
        "shop.receive.things.store.sold": "receive",
        "store.receive.things.store.sell": "receive",
        "shop.send.things.store.sell": "send",
    }
    assert whole["channels"]["things.store.sell"]["address"] == "things.commands.store.sell"
    assert whole["channels"]["things.store.sold"]["address"] == "things.store.sold"
    assert all(resolved(whole, reference) for reference in references(whole))


def test_a_command_that_no_other_service_sends_is_sent_by_its_own() -> None:
    whole = document("Things", {"store": [Sell]})

    assert set(whole["operations"]) == {
        "store.receive.things.store.sell",
        "store.send.things.store.sell",
    }


def test_a_message_is_a_cloud_event_with_its_publishers_data() -> None:
    whole = document("Things", {"store": [Sold], "shop": [event(number=str)]})

    message = whole["components"]["messages"]["things.store.sold"]
    envelope, data = message["payload"]["allOf"]
    assert message["summary"] == "Things have left the store."
    assert resolved(whole, envelope["$ref"])["required"][0] == "specversion"
    assert data["properties"]["dataschema"] == {"const": "urn:frontispiece:schema:things.store.sold:1"}
    schema = resolved(whole, data["properties"]["data"]["$ref"])
    assert schema["required"] == ["number", "lines", "total"]
    assert json.loads(json.dumps(whole)) == whole
