"""What the contracts of both clients have in common: states of providers, and parts of requests."""

from pact import match

from tests.support.contracts import LOGGED_IN

SHOP = "the shop sells PEN and INK"
FILLED = "the basket holds PEN and INK"
ORDERED = "the customer has ordered"
CHANGED = "prices have changed since"
GIVEN_BACK = "a checkout has given PEN back"
CANCELLED = "the customer has cancelled an order with a coupon"
FOLLOWED = "there are news of a brand that the customer follows"
FILLED_BASKET = (SHOP, LOGGED_IN, FILLED)
DELIVERABLE = (*FILLED_BASKET, "parcels go to Germany")
MONEY = {"amount": 1161, "currency": match.regex("EUR", regex="^[A-Z]{3}$")}
OLDER_NEWS = "there are older news as well"
FOLLOWING = (LOGGED_IN, FOLLOWED)
ADDRESS = {
    "name": "Ada Reader",
    "street": "Inkwell Lane 7",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
}
CHECKOUT = {
    "basket_version": 7,
    "total": {"amount": 3662, "currency": "EUR"},
    "shipping": {"method": "standard", "address": ADDRESS},
    "payment_token": "tok_visa",
}
ORDERING = {"Idempotency-Key": match.regex("an-intent", regex=r"^\S{8,200}$")}
WRITTEN = {"Position": match.regex("41", regex=r"^\d+$")}
READING = {"min_position": "41"}
