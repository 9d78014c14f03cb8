"""An order to begin a test with."""

from datetime import UTC, datetime
from typing import Final

from services.ordering.domain_events import Address, Delivery, Placed
from services.ordering.model import OrderLine

LINE: Final = OrderLine(sku="PEN", name="Pen", quantity=2, unit_price=333, percent_off=10)
ADDRESS: Final = Address(
    name="R. Reader", street="Inkwell Lane 3", postal_code="04109", city="Leipzig", country="DE"
)
PLACED: Final = Placed(
    owner="reader",
    digest="d1",
    currency="EUR",
    lines=(LINE,),
    coupon="",
    basket_version=7,
    delivery=Delivery(method="standard", address=ADDRESS, amount=490),
    payment_token="tok_1",
    placed_at=datetime(2026, 5, 1, 12, tzinfo=UTC),
)
ORDER_ID: Final = "0b8f6d0e-58a4-5a0c-9a59-6a3f6a0f5a11"
