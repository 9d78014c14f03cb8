"""The panels of the platform: versions of clients, and the broker's consumers."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import httpx

from frontispiece.events.settings import EventSettings
from frontispiece.gateway.console.panel import Cell, Panel, PanelFigures, PanelPart, PanelTable, PanelText
from frontispiece.gateway.observability.client_usage import ClientUsage
from frontispiece.http.client import new_client
from frontispiece.http.problems import Problem
from frontispiece.stores.valkey import ValkeyUnavailable

DAYS: Final = 30

MONITOR_TIMEOUT: Final = 2.0
"""Seconds that the broker's monitoring has to answer."""

NO_CLIENTS: Final = "No client has called with an X-Client yet."


def clients_panel(usage: ClientUsage) -> Panel:
    """How often each version of each client has called lately, and when it did last."""

    async def read() -> Sequence[PanelPart]:
        try:
            counted = await usage.by_day(DAYS)
        except ValkeyUnavailable:
            raise Problem(503, "usage-unavailable", "Valkey, which has the counts, is unavailable.") from None
        if not counted:
            return [PanelText(text=NO_CLIENTS)]
        calls: Counter[tuple[str, str]] = Counter()
        routes: dict[tuple[str, str], set[str]] = {}
        last: dict[tuple[str, str], str] = {}
        for each in counted:
            version = each["client"], each["version"]
            calls[version] += each["calls"]
            routes.setdefault(version, set()).add(each["route"])
            last[version] = each["day"]  # days come in order
        rows: list[list[Cell]] = [[*v, n, len(routes[v]), last[v]] for v, n in calls.most_common()]
        columns = ["Client", "Version", "Calls", "Routes", "Last called"]
        return [PanelTable(title=f"The last {DAYS} days", columns=columns, rows=rows)]

    return Panel(name="clients", title="Clients", read=read)


def broker_panel(settings: EventSettings) -> Panel:
    """The consumers at the broker with their lag, and how many messages are parked."""

    async def read() -> Sequence[PanelPart]:
        url = settings.monitor_url.split(",")[0].strip().rstrip("/")
        try:
            async with new_client(timeout=MONITOR_TIMEOUT) as http:
                response = await http.get(f"{url}/jsz", params={"consumers": "true", "streams": "true"})
                accounts = response.raise_for_status().json().get("account_details", [])
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Problem(503, "broker-unavailable", f"The broker's monitoring: {error!r}.") from None
        prefix = f"{settings.prefix.upper()}_"
        streams = [s for a in accounts for s in a.get("stream_detail", []) if s["name"].startswith(prefix)]
        parked = sum(s["state"]["messages"] for s in streams if s["name"] == f"{prefix}PARKED")
        consumers = [
            (each["num_pending"], _consumer(stream, each))
            for stream in streams
            for each in stream.get("consumer_detail", [])
        ]
        columns = ["Consumer", "Stream", "Pending", "Unacknowledged", "Redelivered", "Handled"]
        pending = sum(each for each, _ in consumers)
        rows = [row for _, row in sorted(consumers, key=lambda each: -each[0])]
        return [
            PanelFigures(figures={"Parked messages (dead letters)": parked, "Pending of all": pending}),
            PanelTable(title="Consumers", columns=columns, rows=rows),
        ]

    return Panel(name="events", title="Events", read=read)


def _consumer(stream: dict[str, Any], consumer: dict[str, Any]) -> list[Cell]:
    return [
        consumer["name"],
        stream["name"],
        consumer["num_pending"],
        consumer["num_ack_pending"],
        consumer["num_redelivered"],
        consumer["ack_floor"]["consumer_seq"],
    ]
