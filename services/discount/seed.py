"""Discount's first data: about a fifth of the articles cost less, and some coupons."""

import zlib
from collections.abc import Iterator

from services.discount.model import EVERY_ARTICLE, NO_COUPON, Coupon, Terms
from shop.demo import KINDS, SKUS

WELCOME = "WELCOME10"
"""A coupon for every article, once for each customer."""

KIND_COUPONS = {"INKS": ("INK20", 20), "PAPR": ("PAPER15", 15), "BIND": ("BIND25", 25)}
"""Coupons for every article of one kind, and their percent."""


def rules() -> Iterator[Terms | Coupon]:
    """The demo shop's price rules and limited coupons: the same in every run."""
    for sku in SKUS:
        dice = zlib.crc32(f"discount {sku}".encode())
        if dice % 5 == 0:
            percent = 5 * (1 + dice // 5 % 6)
            yield Terms(sku=sku, percent=percent, coupon=NO_COUPON, description=f"{percent} % off this month")
    yield Terms(sku=EVERY_ARTICLE, percent=10, coupon=WELCOME, description="Welcome: 10 % off everything")
    yield Coupon(code=WELCOME, uses_per_customer=1)
    for kind, (coupon, percent) in KIND_COUPONS.items():
        for sku in (sku for sku in SKUS if sku.startswith(f"{kind}-")):
            yield Terms(sku=sku, percent=percent, coupon=coupon, description=f"{percent} % off {KINDS[kind]}")
