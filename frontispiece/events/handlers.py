"""What handles an event."""

from collections.abc import Awaitable, Callable

from frontispiece.events.envelope import D, Event

Handler = Callable[[Event[D]], Awaitable[None]]
"""Handles one delivery of an event; returning acknowledges it.

The same event may be redelivered, late, in any order, and to several copies of a service at once. So
calls to others come first and carry an idempotency key, and ONE write transaction follows: `Inbox.record`,
the change, `Outbox.add`. An exception means redelivery with a growing delay; `Reject` parks the message at
once.
"""
