"""What articles cost now: computed in one way for every client."""

from collections.abc import Collection, Mapping

from bff.shapes import Basket, Discount, Money, Product
from kit.money import percent_off


def now(product: Product, discounts: Mapping[str, Discount]) -> Money:
    """What one piece costs now."""
    discount = discounts.get(product.sku)
    if discount is None:
        return product.price
    return Money(percent_off(product.price.amount, discount.percent), product.price.currency)


def line_totals(
    basket: Basket, products: Collection[Product], discounts: Mapping[str, Discount]
) -> dict[str, Money]:
    """What each article in the basket costs in its quantity; those not among `products` are left out."""
    prices = {product.sku: now(product, discounts) for product in products}
    return {
        item.sku: Money(prices[item.sku].amount * item.quantity, prices[item.sku].currency)
        for item in basket.items
        if item.sku in prices
    }


def total(amounts: Collection[Money]) -> Money | None:
    """The sum; None of no amounts, and of amounts in several currencies, which have none."""
    currencies = {money.currency for money in amounts}
    if len(currencies) != 1:
        return None
    return Money(sum(money.amount for money in amounts), currencies.pop())
