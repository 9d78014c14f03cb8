"""The shards of ordering, as operators read them."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

import httpx

DAY: Final = "2026-05-01"


class Ordering:
    """Shards with orders and with what was sold; those in `away` respond with 503."""

    def __init__(self) -> None:
        self.orders: dict[str, list[dict[str, Any]]] = {}
        self.sold: dict[str, Mapping[str, int]] = {}
        self.away: set[str] = set()

    def answer(self, request: httpx.Request) -> httpx.Response:
        path, query = request.url.path, parse_qs(request.url.query.decode())
        if path.startswith("/health/"):
            return httpx.Response(200)
        if path.startswith("/customers/"):
            found = [each for shard in self.orders.values() for each in shard]
            return httpx.Response(200, json={"items": found})
        if path == "/shards":
            return httpx.Response(200, json={"items": sorted(self.orders or self.sold)})
        _, _, shard, what = path.split("/")
        if shard in self.away:
            return httpx.Response(503, json={"type": "about:blank"})
        limit = int(query.get("limit", ["20"])[0])
        if what == "orders":
            after = query.get("cursor", ["~"])[0]
            rest = [each for each in self.orders[shard] if each["cursor"] < after]
            return httpx.Response(200, json={"items": rest[:limit], "next": "x" if rest[limit:] else None})
        ranked = sorted(self.sold[shard].items(), key=lambda item: (-item[1], item[0]))
        wanted = [i for i in ranked if i[0] in query["sku"]] if "sku" in query else ranked[:limit]
        return httpx.Response(200, json={"items": [{"sku": sku, "pieces": n} for sku, n in wanted]})


def order(number: int) -> dict[str, Any]:
    return {
        "id": f"{number}",
        "status": "confirmed",
        "placed_at": f"{DAY}T00:00:{number:02}Z",
        "pieces": 1,
        "total": {"amount": 100, "currency": "EUR"},
        "owner": "reader",
        "cursor": f"{number:02}",
    }
