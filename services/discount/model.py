"""Discounts: the rules, without I/O."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

EVERY_ARTICLE = ""
"""The sku of a rule for all articles."""

NO_COUPON = ""
"""The coupon of a rule that needs none."""

MOST_PERCENT = 90
SKU_LENGTH = 64
DESCRIPTION_LENGTH = 500

_COUPON = re.compile(r"[A-Z0-9_-]{1,40}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What a price rule says: so many percent off an article, for everyone or for those with a coupon."""

    sku: str
    percent: int
    coupon: str
    description: str

    def faults(self) -> dict[str, str]:
        """What is wrong with these terms, by field; nothing when they can be kept."""
        checks = {
            "sku": ("has at most 64 characters, none of them NUL", _is_text(self.sku, SKU_LENGTH)),
            "percent": ("is 1 to 90", 1 <= self.percent <= MOST_PERCENT),
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
    """A price rule that is in force; the version goes up with each change."""

    id: str
    version: int


class Unknown(Exception):
    """There is no such discount."""


class Outdated(Exception):
    """Somebody changed the discount since its writer read it."""


def is_sku(sku: str) -> bool:
    """Whether this can be the sku of an article."""
    return sku != EVERY_ARTICLE and _is_text(sku, SKU_LENGTH)


def normal_coupon(code: str) -> str:
    """A coupon code as it is kept and compared: in capitals, so that customers need not mind the case."""
    return code.strip().upper()


def given_coupon(code: str) -> str:
    """The code that a customer typed, as it is compared; none when no coupon can be called so."""
    coupon = normal_coupon(code)
    return coupon if _COUPON.fullmatch(coupon) else NO_COUPON


def best(applying: Iterable[Discount], sku: str) -> Discount | None:
    """The discount that an article gets: the most percent; of equals, the one for just this article."""
    mine = (discount for discount in applying if discount.sku in (sku, EVERY_ARTICLE))
    return max(mine, key=lambda discount: (discount.percent, discount.sku != EVERY_ARTICLE), default=None)


def _is_text(text: str, longest: int) -> bool:
    return len(text) <= longest and "\x00" not in text  # PostgreSQL keeps no NUL
