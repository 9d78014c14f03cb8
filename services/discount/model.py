"""Discounts: the rules, without I/O."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

EVERY_ARTICLE = ""
"""The sku of a rule for all articles."""

NO_COUPON = ""
"""The coupon of a rule that needs none."""

MAX_PERCENT = 90
SKU_LENGTH = 64
DESCRIPTION_LENGTH = 500
MAX_USES = 10**9

_COUPON = re.compile(r"[A-Z0-9_-]{1,40}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What a price rule says: so many percent off an article, for everyone or for those with a coupon."""

    sku: str
    percent: int
    coupon: str
    description: str

    def errors(self) -> dict[str, str]:
        """The rule that each invalid field breaks, by field; empty when the terms are valid."""
        checks = {
            "sku": ("has at most 64 characters, none of them NUL", _is_text(self.sku, SKU_LENGTH)),
            "percent": ("is 1 to 90", 1 <= self.percent <= MAX_PERCENT),
            "coupon": (
                "has at most 40 letters A-Z, digits, - and _",
                self.coupon == NO_COUPON or bool(_COUPON.fullmatch(self.coupon)),
            ),
            "description": (
                "has at most 500 characters, none of them NUL",
                _is_text(self.description, DESCRIPTION_LENGTH),
            ),
        }
        return {field: rule for field, (rule, holds) in checks.items() if not holds}


@dataclass(frozen=True, kw_only=True, slots=True)
class Discount(Terms):
    """A stored price rule; its version goes up with each change."""

    id: str
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Coupon:
    """How often a coupon may be used, by one customer and by all together; 0 is any number."""

    code: str
    uses_per_customer: int = 0
    uses_in_total: int = 0

    def errors(self) -> dict[str, str]:
        """The rule that each invalid field breaks, by field; empty when the coupon is valid."""
        checks = {
            "code": ("has 1 to 40 letters A-Z, digits, - and _", bool(_COUPON.fullmatch(self.code))),
            "uses_per_customer": ("is 0 to 10⁹", 0 <= self.uses_per_customer <= MAX_USES),
            "uses_in_total": ("is 0 to 10⁹", 0 <= self.uses_in_total <= MAX_USES),
        }
        return {field: rule for field, (rule, holds) in checks.items() if not holds}

    def check_customer(self, uses: int) -> None:
        """Return when a customer with so many uses may use the coupon once more.

        Raises:
            CouponUsed: one customer may not.
        """
        if 0 < self.uses_per_customer <= uses:
            raise CouponUsed

    def check_total(self, uses: int) -> None:
        """Return when the coupon may be used once more after so many uses.

        Raises:
            CouponExhausted: it may not.
        """
        if 0 < self.uses_in_total <= uses:
            raise CouponExhausted


class Redemption(StrEnum):
    """The state of a coupon's use for an order: held until it expires, unless the order is placed."""

    HELD = "held"
    PLACED = "placed"
    CANCELLED = "cancelled"


class CouponUnknown(Exception):
    """No price rule has this coupon."""


class CouponUsed(Exception):
    """The customer has used the coupon as often as one customer may."""


class CouponExhausted(Exception):
    """The coupon has been used as often as all customers together may."""


class OrderHasCoupon(Exception):
    """Another coupon is held for the order: one order has one."""


class DiscountNotFound(Exception):
    """There is no discount with this id."""


class VersionOutdated(Exception):
    """The version that a writer names is not the discount's current one."""


def is_sku(sku: str) -> bool:
    """Whether this can be the sku of an article."""
    return sku != EVERY_ARTICLE and _is_text(sku, SKU_LENGTH)


def normalize_coupon(code: str) -> str:
    """A coupon code as it is stored and compared: in capitals, so that customers need not mind the case."""
    return code.strip().upper()


def valid_coupon(code: str) -> str:
    """The code that a customer typed, normalized; `NO_COUPON` when it cannot be a coupon's code."""
    coupon = normalize_coupon(code)
    return coupon if _COUPON.fullmatch(coupon) else NO_COUPON


def best(discounts: Iterable[Discount], sku: str) -> Discount | None:
    """The discount that an article gets: the most percent; of equals, the one for this article alone."""
    applicable = (discount for discount in discounts if discount.sku in (sku, EVERY_ARTICLE))
    return max(
        applicable, key=lambda discount: (discount.percent, discount.sku != EVERY_ARTICLE), default=None
    )


def _is_text(text: str, max_length: int) -> bool:
    return len(text) <= max_length and "\x00" not in text  # PostgreSQL stores no NUL
