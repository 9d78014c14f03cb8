"""Current prices, computed in one way for every client."""

from collections.abc import Collection, Mapping

from bff.clients.basket import Basket, BasketItem
from bff.clients.catalog import Product
from bff.clients.common import Money
from bff.clients.discount import Discount
from shop.money import percent_off


def current_price(product: Product, discounts: Mapping[str, Discount]) -> Money:
    """The price of one piece, with its discount."""
    discount = discounts.get(product.sku)
    if discount is None:
        return product.price
    return Money(percent_off(product.price.amount, discount.percent), product.price.currency)


def line_totals(
    basket: Basket, products: Collection[Product], discounts: Mapping[str, Discount]
) -> dict[str, Money]:
    """The price of each basket item in its quantity, by SKU; those not among `products` are left out."""
    prices = {product.sku: current_price(product, discounts) for product in products}
    return {
        item.sku: Money(prices[item.sku].amount * item.quantity, prices[item.sku].currency)
        for item in basket.items
        if item.sku in prices
    }


def changed_price(item: BasketItem, product: Product | None) -> Money | None:
    """What a piece cost before discounts when it was put into the basket, if that is not the price now."""
    if product is None or item.price_when_added == product.price:
        return None
    return item.price_when_added


def total(amounts: Collection[Money]) -> Money | None:
    """The sum; None without amounts, and for amounts in several currencies."""
    currencies = {money.currency for money in amounts}
    if len(currencies) != 1:
        return None
    return Money(sum(money.amount for money in amounts), currencies.pop())
