"""Events and commands between services: CloudEvents on NATS JetStream, delivered at least once.

Stability: provisional.

Names of modules that need an extra (`sql`, `events`) are imported when they are first used.
"""

from typing import TYPE_CHECKING

from frontispiece.events.envelope import AlreadyHandled, CommandData, Event, EventData, Handler, Reject
from frontispiece.events.settings import CallingServiceSettings, EventSettings, ServiceSettings
from frontispiece.lazy import lazy

__all__ = [
    "AlreadyHandled",
    "BrokerUnavailable",
    "CallingServiceSettings",
    "CommandData",
    "Entry",
    "Event",
    "EventData",
    "EventSettings",
    "FactLog",
    "Handler",
    "Inbox",
    "KeyExists",
    "KeyValue",
    "Messaging",
    "Outbox",
    "OutboxLag",
    "OutboxMessage",
    "Reject",
    "Relay",
    "RevisionMismatch",
    "ServiceSettings",
    "open_key_value",
]

if TYPE_CHECKING:
    from frontispiece.events.broker import BrokerUnavailable
    from frontispiece.events.fact_log import FactLog
    from frontispiece.events.inbox import Inbox
    from frontispiece.events.kv import KeyExists, KeyValue, RevisionMismatch, open_key_value
    from frontispiece.events.kv_watch import Entry
    from frontispiece.events.messaging import Messaging
    from frontispiece.events.outbox import Outbox, OutboxLag, OutboxMessage
    from frontispiece.events.relay import Relay
else:
    __getattr__ = lazy(
        __name__,
        broker="BrokerUnavailable",
        fact_log="FactLog",
        inbox="Inbox",
        kv="KeyExists KeyValue RevisionMismatch open_key_value",
        kv_watch="Entry",
        messaging="Messaging",
        outbox="Outbox OutboxLag OutboxMessage",
        relay="Relay",
    )
