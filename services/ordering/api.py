"""What customers do with orders over HTTP: parse, call, respond."""

import re
from typing import Annotated, Final, Self

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from frontispiece.service import (
    Caller,
    IdempotencyKey,
    Intent,
    etag,
    from_state,
    require_scope,
    responds,
    set_position,
)
from services.ordering.clients import Clients
from services.ordering.commands import PICKUP, Commands, Purchase
from services.ordering.connections import Connections
from services.ordering.domain_events import Address
from services.ordering.queries import Queries, token_of
from services.ordering.read_api import known_id
from services.ordering.schemas import OrderBody, order_body
from services.ordering.store import Written
from shop.fields import COUNTRY, NO_NUL
from shop.money import Money
from shop.payment_tokens import is_payment_token

CLIENT: Final = re.compile(r"[a-z0-9-]{1,32}/[0-9A-Za-z.+-]{1,32}")
"""A client and its version; a text of another form is ignored, and the order is taken all the same."""

router = APIRouter(dependencies=[require_scope("shop")])


def _payment_token(text: str) -> str:
    if not is_payment_token(text):
        raise ValueError("a token, `tok_…`, and never the number of a card")
    return text


def _blank_as_none(text: object) -> object:
    return None if isinstance(text, str) and not text.strip() else text


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=NO_NUL)]
CouponCode = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]
CommandsDep = Annotated[Commands, from_state("commands")]
QueriesDep = Annotated[Queries, from_state("queries")]


@responds(502, 504)
async def _clients(
    request: Request, caller: Caller, connections: Annotated[Connections, from_state("connections")]
) -> Clients:
    return connections.bind(caller, request.headers.raw)


class AddressRequest(BaseModel):
    """Where an order is to be delivered."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    street: Text
    postal_code: Annotated[Text, Field(max_length=20)]
    city: Text
    country: str = Field(pattern=COUNTRY, description="ISO 3166-1 alpha-2.")


class ShippingRequest(BaseModel):
    """How and where an order is to be delivered."""

    model_config = ConfigDict(extra="forbid")

    method: Annotated[
        Text, Field(max_length=32, description="One of those that shipping quotes, or `pickup`.")
    ]
    address: AddressRequest
    store: Annotated[Text | None, Field(max_length=64)] = Field(
        None, description="For `pickup`, the store where the customer comes for the order."
    )

    @model_validator(mode="after")
    def _has_store_for_pickup(self) -> Self:
        if (self.method == PICKUP) != (self.store is not None):
            raise ValueError(f"the method {PICKUP} has a store, and no other has one")
        return self


class OrderRequest(BaseModel):
    """How to order the caller's basket, as the caller has seen it; prices are the server's alone."""

    model_config = ConfigDict(extra="forbid")

    basket_version: int = Field(ge=0, le=2**63 - 1, description="Of the basket that the customer has seen.")
    total: Money = Field(description="That the customer has seen: goods after discounts, and shipping.")
    coupon: Annotated[CouponCode | None, BeforeValidator(_blank_as_none)] = Field(
        None, description="A coupon code, when the customer has one."
    )
    shipping: ShippingRequest
    payment_token: Annotated[Text, AfterValidator(_payment_token)] = Field(
        description="Stands for the customer's card, whose number nobody here knows."
    )


@router.post("/orders", status_code=202)
@responds(headers={202: ["ETag", "Location", "Position"]})
async def place(
    *,
    body: OrderRequest,
    caller: Caller,
    key: IdempotencyKey,
    commands: CommandsDep,
    queries: QueriesDep,
    clients: Annotated[Clients, Depends(_clients)],
    response: Response,
    x_client: Annotated[
        str, Header(description="The client that the customer uses, as `name/version`.")
    ] = "",
) -> OrderBody:
    """Order the caller's basket; the same key gives the same order.

    The response comes at once: the order is `pending` until its stock and its payment are certain. `Position`
    is for `min-position` of later reads.
    """
    # Without a store it reads as it did before there were any, so that a retry is one of the same order.
    request = body.model_dump_json(exclude=None if body.shipping.store else {"shipping": {"store"}})
    intent = Intent(owner=caller.subject, key=key, request=request.encode())
    written = await commands.place(intent, _purchase(body, x_client), clients)
    response.headers["Location"] = f"/orders/{written.order.id}"
    return await _body(written, queries, response)


@router.post("/orders/{order_id}/cancel", status_code=202)
@responds(404, 409, headers={202: ["ETag", "Position"]})
async def cancel(
    *, order_id: str, caller: Caller, commands: CommandsDep, queries: QueriesDep, response: Response
) -> OrderBody:
    """Cancel one of the caller's orders, which is possible until it is confirmed; may be repeated."""
    return await _body(await commands.cancel(known_id(order_id), caller.subject), queries, response)


async def _body(written: Written, queries: Queries, response: Response) -> OrderBody:
    order = written.order
    view = await queries.order_at(order.id, order.owner)
    assert view is not None
    response.headers["ETag"] = etag(view.version)
    set_position(response, token_of(written))
    return order_body(view)


def _purchase(body: OrderRequest, client: str) -> Purchase:
    return Purchase(
        basket_version=body.basket_version,
        total=body.total,
        coupon=body.coupon or "",
        method=body.shipping.method,
        address=Address(**body.shipping.address.model_dump()),
        store=body.shipping.store or "",
        payment_token=body.payment_token,
        client=client if CLIENT.fullmatch(client) else "",
    )
