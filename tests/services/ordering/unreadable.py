"""What no order can be placed with."""

from tests.services.ordering.world import ADDRESS

TOKENS = (
    "",
    "4111 1111 1111 1111",
    "4111111111111111",
    "tok_4111111111111111",
    "tok_4111-1111-1111-1111",
    "visa",
)

UNREADABLE: list[dict[str, object]] = [
    {"total": 1},
    {"total": {"amount": 1.5, "currency": "EUR"}},
    {"basket_version": "seven"},
    {"coupon": "x" * 65},
    {"coupon": 7},
    {"unit_prices": {}},
    {"shipping": None},
    {"shipping": {"method": "standard", "address": {**ADDRESS, "country": "Germany"}}},
    {"shipping": {"method": "standard", "address": {**ADDRESS, "city": " "}}},
    {"shipping": {"method": "standard", "address": ADDRESS, "store": "7"}},
    {"shipping": {"method": "pickup", "address": ADDRESS}},
]
