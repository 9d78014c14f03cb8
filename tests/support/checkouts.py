"""Checking out as a client does, through the gateway."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.support.contracts import operation
from tests.support.waiting import TIMEOUT

Json = dict[str, Any]

CARD = "tok_visa"
"""Stands for a card that the acquirer charges."""

ADDRESS = {
    "name": "Ada Reader",
    "street": "Inkwell Lane 7",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """A server-sent event of an order."""

    id: str
    stage: str
    data: Json


def complete(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """The first response with all its parts, a success: on a busy machine some come too late."""
    deadline = time.monotonic() + TIMEOUT
    while (response := ask()).is_server_error or "page-degraded" in response.headers:
        assert time.monotonic() < deadline, f"{response}: {response.headers} {response.text}"
    assert response.is_success, response.text
    return response


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """A customer with one kind of client, `web` or `mobile`."""

    http: httpx.Client
    kind: str
    headers: Mapping[str, str]

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A response of this client's own backend."""
        headers = {**self.headers, **options.pop("headers", {})}
        return self.http.request(method, f"/{self.kind}{path}", headers=headers, **options)

    def put(self, sku: str, quantity: int) -> httpx.Response:
        """The basket with so many pieces of an article."""
        item = {"quantity": quantity}
        return complete(lambda: self.request("PUT", f"/basket/items/{sku}", json=item))

    def draft(self, **wanted: Any) -> Json:
        """What the checkout page shows."""
        asked = {"country": "DE", **wanted}
        shown: Json = complete(lambda: self.request("POST", "/checkout/draft", json=asked)).json()
        return shown

    def agreed(self, draft: Json, payment_token: str = CARD) -> Json:
        """The order of what a draft shows, by its first delivery."""
        delivery = draft["deliveries"][0]
        return {
            "basket_version": draft["basket_version"],
            "total": delivery.get("amount") or delivery["total"],
            "shipping": {"method": delivery["method"], "address": ADDRESS},
            "payment_token": payment_token,
        }

    def order(self, order: Json, key: str = "") -> httpx.Response:
        """The response to an order."""
        intent = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self.request("POST", "/checkout", json=order, headers=intent)

    def check_out(self, payment_token: str = CARD) -> httpx.Response:
        """The response to the order of what is in the basket."""
        return self.order(self.agreed(self.draft(), payment_token))

    def progress(self, location: str, last_event_id: str = "") -> Iterator[Progress]:
        """The events of the order at this path, until it is completed or cancelled."""
        if self.kind == "mobile":
            last = {"Last-Event-ID": last_event_id} if last_event_id else {}
            for event in self._events(f"{location}/events", last):
                yield Progress(id=event["id"], stage=event["event"], data=json.loads(event["data"]))
            return
        query = operation("OrderStages", id=location.rpartition("/")[2], lastEventId=last_event_id)
        for event in self._events(f"/web/graphql?{urlencode(query)}"):
            if event["event"] == "next":
                data = json.loads(event["data"])["data"]["orderProgress"]
                yield Progress(id=data["id"], stage=data["stage"], data=data)

    def _events(self, path: str, headers: Mapping[str, str] = MappingProxyType({})) -> Iterator[Json]:
        """Server-sent events, field by field."""
        headers = {**self.headers, **headers, "Accept": "text/event-stream"}
        with self.http.stream("GET", path, headers=headers, timeout=60) as response:
            assert response.status_code in {200, 204}, response.read()
            event: dict[str, str] = {}
            for line in response.iter_lines():
                name, _, value = line.partition(":")
                if name:
                    event[name] = value.strip()
                elif "data" in event:
                    yield event
                    event = {}
