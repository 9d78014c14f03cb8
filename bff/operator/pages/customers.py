"""Customers by their mail address, with their newest orders."""

from typing import Annotated

from msgspec import Meta, Struct

from bff.operator.clients import OperatorOrder, OrdersOfAll, User, Users
from bff.shared.sources import RETRY, Limit
from frontispiece.pages import Page, Query, gather

Email = Annotated[str, Meta(min_length=3, max_length=254)]

page = Page("/customers", deadline=2.5)


class Customer(Struct, frozen=True, kw_only=True):
    """A user, and the newest orders."""

    user: User
    orders: list[OperatorOrder]


class Customers(Struct, frozen=True):
    """The users with a mail address, which is not verified: there may be several."""

    items: list[Customer]


@page.source(retry=RETRY)
async def users(email: Query[Email], directory: Users) -> list[User]:
    """The users with the mail address: identity knows it, and no other service."""
    return await directory.with_email(email)


@page.source()
async def customers(users: list[User], orders: OrdersOfAll, limit: Limit = 20) -> list[Customer]:
    """Each of them with the newest orders, which one shard has."""
    found = await gather(orders.of_customer(user.id, limit) for user in users)
    return [Customer(user=user, orders=part.items) for user, part in zip(users, found, strict=True)]


@page.view
def screen(customers: list[Customer]) -> Customers:
    """The customers."""
    return Customers(customers)
