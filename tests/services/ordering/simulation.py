"""The checkout without I/O: the pure saga, models of the services around it, and a bus that tests control."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import msgspec

from frontispiece.events import EventData
from services.ordering import events
from services.ordering.domain_events import OrderEvent, Placed, Step
from services.ordering.model import OrderLine, Status
from services.ordering.order import Cancel, Order, Place, TooLate, decide
from services.ordering.saga import Reaction, TimedOut, follow, react
from tests.services.ordering.orders import PLACED

DECLINED_TOKEN = "tok_declined"
FAR_COUNTRY = "XX"
REPLY_TIMEOUT = 5.0

Publish = Callable[[EventData], None]


@dataclass(frozen=True)
class Message:
    id: int
    data: EventData


@dataclass
class Hold:
    lines: tuple[events.Line, ...]
    expires: float
    state: str = "held"


class Inventory:
    """Units of articles, and what orders hold of them; an order that was released can hold nothing later."""

    def __init__(self, publish: Publish, left: dict[str, int], *, oversells: bool) -> None:
        self._publish = publish
        self._oversells = oversells
        self.start = dict(left)
        self.left = left
        self.holds: dict[str, Hold] = {}

    def pieces(self, sku: str, state: str) -> int:
        holds = (hold for hold in self.holds.values() if hold.state == state)
        return sum(line.quantity for hold in holds for line in hold.lines if line.sku == sku)

    def reserve(self, command: events.ReserveStock, now: float) -> None:
        order_id = command.order_id
        if order_id not in self.holds:
            if not self._oversells and any(
                self.left[line.sku] - self.pieces(line.sku, "held") < line.quantity for line in command.lines
            ):
                self._publish(events.ReservationRefused(order_id=order_id, reason="out-of-stock"))
                return
            self.holds[order_id] = Hold(command.lines, now + command.ttl_seconds)
        self._publish(
            {
                "held": events.StockReserved(order_id=order_id),
                "committed": events.StockReserved(order_id=order_id),
                "expired": events.ReservationExpired(order_id=order_id),
                "released": events.ReservationRefused(order_id=order_id, reason="released"),
            }[self.holds[order_id].state]
        )

    def commit(self, command: events.CommitStock, _now: float) -> None:
        hold = self.holds[command.order_id]
        if hold.state == "held":
            hold.state = "committed"
            for line in hold.lines:
                self.left[line.sku] -= line.quantity
        if hold.state == "committed":
            self._publish(events.StockCommitted(order_id=command.order_id))
        elif hold.state == "expired":
            self._publish(events.ReservationExpired(order_id=command.order_id))

    def release(self, command: events.ReleaseStock, _now: float) -> None:
        hold = self.holds.get(command.order_id)
        if hold is not None:
            if hold.state == "committed":
                for line in hold.lines:
                    self.left[line.sku] += line.quantity
            hold.state = "released"
        else:
            self.holds[command.order_id] = Hold((), 0, "released")
        self._publish(events.StockReleased(order_id=command.order_id))

    def expire(self, now: float) -> None:
        for order_id, hold in self.holds.items():
            if hold.state == "held" and hold.expires <= now:
                hold.state = "expired"
                self._publish(events.ReservationExpired(order_id=order_id))


class Payments:
    """Authorised and captured amounts; an order whose payment was cancelled can be charged no more."""

    def __init__(self, publish: Publish, *, charges_again: bool) -> None:
        self._publish = publish
        self._charges_again = charges_again
        self.states: dict[str, str] = {}
        self.amounts: dict[str, int] = {}
        self.captures: list[tuple[str, int]] = []

    def authorise(self, command: events.AuthorisePayment, _now: float) -> None:
        order_id = command.order_id
        declined = command.payment_token == DECLINED_TOKEN
        self.states.setdefault(order_id, "declined" if declined else "authorised")
        self.amounts.setdefault(order_id, command.amount)
        if self.states[order_id] in {"authorised", "captured"}:
            amount = self.amounts[order_id]
            self._publish(events.PaymentAuthorised(order_id=order_id, amount=amount, currency="EUR"))
        else:
            self._publish(events.PaymentDeclined(order_id=order_id, reason=self.states[order_id]))

    def capture(self, command: events.CapturePayment, _now: float) -> None:
        order_id = command.order_id
        amount = self.amounts[order_id]
        if self.states[order_id] == "authorised" or self._charges_again:
            self.states[order_id] = "captured"
            self.captures.append((order_id, amount))
        assert self.states[order_id] == "captured", "captured after it was cancelled"
        self._publish(events.PaymentCaptured(order_id=order_id, amount=amount, currency="EUR"))

    def cancel(self, command: events.CancelPayment, _now: float) -> None:
        order_id = command.order_id
        assert self.states.get(order_id) != "captured", "a completed order is refunded by nobody"
        self.states[order_id] = "voided"
        self._publish(events.PaymentVoided(order_id=order_id))


class Shipping:
    """Shipments; an order whose shipment was cancelled gets none later."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self.states: dict[str, str] = {}

    def create(self, command: events.CreateShipment, _now: float) -> None:
        order_id = command.order_id
        refused = command.address.country == FAR_COUNTRY
        state = self.states.setdefault(order_id, "refused" if refused else "created")
        self._publish(
            events.ShipmentCreated(order_id=order_id, shipment_id=order_id, tracking_code="T")
            if state == "created"
            else events.ShipmentRefused(order_id=order_id, reason=state)
        )

    def cancel(self, command: events.CancelShipment, _now: float) -> None:
        self.states[command.order_id] = "cancelled"
        self._publish(events.ShipmentCancelled(order_id=command.order_id))


@dataclass
class World:
    """All services, the messages under way, and the clock.

    `faults` are some of: `oversells`, `charges_again`, `never_resends`.
    """

    faults: frozenset[str] = frozenset()
    now: float = 0
    bus: list[Message] = field(default_factory=list)
    facts: list[EventData] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)
    streams: dict[str, list[OrderEvent]] = field(default_factory=dict)
    timeouts: dict[tuple[str, Step], tuple[int, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ids = count()
        self._handled: set[int] = set()
        self.inventory = Inventory(self.publish, {"PEN": 8, "INK": 5}, oversells="oversells" in self.faults)
        self.payments = Payments(self.publish, charges_again="charges_again" in self.faults)
        self.shipping = Shipping(self.publish)
        self._handlers: dict[type[EventData], Callable[[Any, float], None]] = {
            events.ReserveStock: self.inventory.reserve,
            events.CommitStock: self.inventory.commit,
            events.ReleaseStock: self.inventory.release,
            events.AuthorisePayment: self.payments.authorise,
            events.CapturePayment: self.payments.capture,
            events.CancelPayment: self.payments.cancel,
            events.CreateShipment: self.shipping.create,
            events.CancelShipment: self.shipping.cancel,
        }

    def publish(self, data: EventData) -> None:
        if data.TYPE.startswith("shop.ordering."):
            self.facts.append(data)
        else:
            self.bus.append(Message(next(self._ids), data))

    def place(self, sku: str, quantity: int, token: str, country: str) -> None:
        order_id = f"order-{len(self.orders)}"
        line = OrderLine(sku=sku, name=sku, quantity=quantity, unit_price=333, percent_off=0)
        assert PLACED.delivery is not None
        address = msgspec.structs.replace(PLACED.delivery.address, country=country)
        delivery = msgspec.structs.replace(PLACED.delivery, address=address)
        placed: Placed = msgspec.structs.replace(
            PLACED, lines=(line,), payment_token=token, delivery=delivery
        )
        self._apply(follow(None, decide(None, Place(placed=placed)), REPLY_TIMEOUT, order_id=order_id))

    def cancel(self, order: Order) -> None:
        try:
            events_ = decide(order, Cancel())
        except TooLate:
            return
        self._apply(follow(order, events_, REPLY_TIMEOUT, order_id=order.id))

    def deliver(self, message: Message, *, acknowledged: bool = True) -> None:
        """Handle a message; one that is not acknowledged comes again."""
        if acknowledged:
            self.bus.remove(message)
        if message.id in self._handled:
            return
        self._handled.add(message.id)
        if type(message.data) in self._handlers:
            self._handlers[type(message.data)](message.data, self.now)
        else:
            order_id: str = message.data.order_id  # type: ignore[attr-defined]
            self._apply(react(self.orders[order_id], message.data, REPLY_TIMEOUT))

    def advance(self, seconds: float) -> None:
        """Let time pass: what is due happens, late, if it is many seconds."""
        self.now += seconds
        self.inventory.expire(self.now)
        due = [key for key, (_, at) in self.timeouts.items() if at <= self.now]
        for order_id, step in due:
            if (order_id, step) in self.timeouts:
                attempt, _ = self.timeouts.pop((order_id, step))
                self._apply(react(self.orders[order_id], TimedOut(step=step, attempt=attempt), REPLY_TIMEOUT))

    def come_to_rest(self) -> None:
        """Deliver everything and wait for every time-out, until nothing more happens."""
        for _ in range(10_000):
            if self.bus:
                self.deliver(self.bus[0])
            elif self.timeouts:
                self.advance(max(0.0, min(at for _, at in self.timeouts.values()) - self.now))
            else:
                self.inventory.expire(self.now + 10_000)
                if not self.bus:
                    return
        raise AssertionError("The checkout never comes to rest.")

    def _apply(self, reaction: Reaction) -> None:
        order = reaction.order
        self.orders[order.id] = order
        self.streams.setdefault(order.id, []).extend(reaction.events)
        for step in reaction.settled:
            self.timeouts.pop((order.id, step), None)
        for timeout in () if "never_resends" in self.faults else reaction.timeouts:
            self.timeouts[order.id, timeout.step] = (timeout.attempt, self.now + timeout.delay)
        for message in reaction.messages:
            self.publish(message)

    def check_always(self) -> None:
        for sku, left in self.inventory.left.items():
            assert left - self.inventory.pieces(sku, "held") >= 0, "oversold"
            sold = self.inventory.pieces(sku, "committed")
            assert sold + left == self.inventory.start[sku], "units appeared or vanished"
        captured = [order_id for order_id, _ in self.payments.captures]
        assert len(captured) == len(set(captured)), "charged twice"
        for order_id in captured:
            assert self.orders[order_id].status in {Status.CONFIRMED, Status.COMPLETED}, "charged for nothing"

    def check_at_rest(self) -> None:
        self.check_always()
        for order in self.orders.values():
            hold = self.inventory.holds.get(order.id)
            state = hold.state if hold else "released"
            paid = [amount for order_id, amount in self.payments.captures if order_id == order.id]
            ends = [fact.TYPE for fact in self.facts if getattr(fact, "order_id", "") == order.id]
            if order.status is Status.COMPLETED:
                assert (state, paid) == ("committed", [order.total])
                assert self.shipping.states[order.id] == "created"
                assert ends == [f"shop.ordering.{name}" for name in ("placed", "confirmed", "completed")]
            else:
                assert order.status is Status.CANCELLED, "an order without an end"
                assert state in {"released", "expired"}, "a cancelled order holds stock"
                assert paid == []
                assert self.payments.states.get(order.id, "voided") in {"voided", "declined"}
                assert self.shipping.states.get(order.id, "cancelled") in {"cancelled", "refused"}
                assert (ends[0], ends[-1]) == ("shop.ordering.placed", "shop.ordering.cancelled")
                assert ends.count("shop.ordering.cancelled") == 1
