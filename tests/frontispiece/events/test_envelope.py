"""The envelope: CloudEvents 1.0 in JSON, and what is refused."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from frontispiece.events import Event, EventData, Reject
from frontispiece.events.envelope import create_event, decode, encode

TIME = datetime(2026, 5, 4, 3, 2, 1, 500000, tzinfo=UTC)


class Added(EventData, frozen=True, kw_only=True):
    TYPE = "things.store.added"
    VERSION = 2

    thing: str
    quantity: int = 1


TYPES: dict[str, type[EventData]] = {Added.TYPE: Added}


def cloud_event(**changes: Any) -> bytes:
    """A CloudEvent that `decode` accepts, but for these attributes; None leaves one out."""
    attributes = {
        "specversion": "1.0",
        "id": "1",
        "source": "store",
        "type": Added.TYPE,
        "subject": "a",
        "time": "2026-05-04T03:02:01.500000Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:frontispiece:schema:things.store.added:2",
        "data": {"thing": "a", "quantity": 3},
    } | changes
    return json.dumps({name: value for name, value in attributes.items() if value is not None}).encode()


def test_an_event_is_a_cloud_event_in_json() -> None:
    event = create_event(Added(thing="a", quantity=3), source="store", subject="a", id="1")

    assert json.loads(encode(replace(event, time=TIME))) == json.loads(cloud_event())


def test_a_decoded_event_is_what_was_encoded() -> None:
    published = Event(
        id="1",
        source="store",
        type=Added.TYPE,
        subject="a",
        time=TIME,
        version=2,
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        data=Added(thing="a"),
    )

    assert decode(encode(published), TYPES) == published


def test_a_consumer_reads_only_the_fields_that_it_declares() -> None:
    body = cloud_event(data={"thing": "a", "colour": "red"}, unknownattribute="x")

    assert decode(body, TYPES).data == Added(thing="a")


def test_an_older_version_is_decoded_with_defaults() -> None:
    older = decode(
        cloud_event(dataschema="urn:frontispiece:schema:things.store.added:1", data={"thing": "a"}), TYPES
    )

    assert (older.version, older.data) == (1, Added(thing="a"))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not a CloudEvent"),
        (b"\xff\xfe", "not a CloudEvent"),
        (b"[]", "not a CloudEvent"),
        (cloud_event().replace(b'{"thing"', b"[" * 100_000 + b'{"thing"'), "not a CloudEvent"),
        (cloud_event(specversion="0.3"), "not a CloudEvent"),
        (cloud_event(id=None), "not a CloudEvent"),
        (cloud_event(id=""), "not a CloudEvent"),
        (cloud_event(time="2026-05-04T03:02:01"), "not a CloudEvent"),
        (cloud_event(datacontenttype="text/xml"), "not a CloudEvent"),
        (cloud_event(data=None), "not a CloudEvent"),
        (cloud_event(type="things.store.lost"), "unknown type things.store.lost"),
        (
            cloud_event(dataschema="urn:frontispiece:schema:things.store.added:3"),
            "has version 3: known up to 2",
        ),
        (cloud_event(dataschema="urn:frontispiece:schema:things.store.lost:1"), "names no version"),
        (cloud_event(dataschema="urn:frontispiece:schema:things.store.added:0"), "names no version"),
        (cloud_event(dataschema="urn:frontispiece:schema:things.store.added:\u0662"), "names no version"),
        (cloud_event(dataschema="https://schemas/2"), "names no version"),
        (cloud_event(data={"thing": 1}), "is unlike its type"),
        (cloud_event(data={}), "is unlike its type"),
    ],
)
def test_what_cannot_be_understood_is_rejected_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(Reject, match=reason):
        decode(body, TYPES)


@pytest.mark.parametrize(
    "name", ["added", "things.added", "things.store.added.late", "Things.store.added", "a.*.b"]
)
def test_a_type_that_names_no_prefix_service_and_fact_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=r"write <prefix>\.<service>\.<name>"):
        type("Wrong", (EventData,), {"TYPE": name})
