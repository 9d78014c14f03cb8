"""What the Universal Commerce Protocol says of products: the part of its schemas that the shop has."""

from typing import Annotated

from msgspec import Meta, Struct

from bff.clients.common import Money
from shop.fields import NO_LINE_END, SLUG

DEFAULT_LIMIT = 10

Amount = Annotated[int, Meta(ge=0, le=10**12)]
Id = Annotated[str, Meta(min_length=1, max_length=64)]
Names = Annotated[list[Annotated[str, Meta(pattern=SLUG + NO_LINE_END, max_length=64)]], Meta(max_length=100)]


class PriceFilter(Struct, frozen=True):
    """A range of prices in minor units."""

    min: Amount | None = None
    max: Amount | None = None


class Filters(Struct, frozen=True):
    """What narrows a search: categories are types of products."""

    categories: Names | None = None
    brand: Names | None = None
    price: PriceFilter | None = None


class Context(Struct, frozen=True):
    """What the platform knows of its user."""

    currency: str | None = None


class PageRequest(Struct, frozen=True):
    """Which part of what is found."""

    cursor: Annotated[str, Meta(max_length=500)] | None = None
    limit: Annotated[int, Meta(ge=1)] = DEFAULT_LIMIT


class SearchRequest(Struct, frozen=True):
    """A search, which has a query or filters."""

    query: Annotated[str, Meta(max_length=200)] | None = None
    filters: Filters | None = None
    context: Context | None = None
    pagination: PageRequest = PageRequest()


class LookupRequest(Struct, frozen=True):
    """Products by their ids."""

    ids: Annotated[list[Id], Meta(min_length=1)]


class ProductRequest(Struct, frozen=True):
    """A product by its id."""

    id: Id


class Ucp(Struct, frozen=True, omit_defaults=True):
    """The version and the capabilities of a response."""

    version: str
    capabilities: dict[str, list[dict[str, str]]]
    status: str = "success"


class Text(Struct, frozen=True):
    """A text."""

    plain: str


class PriceRange(Struct, frozen=True):
    """The prices of a product's variants."""

    min: Money
    max: Money


class Availability(Struct, frozen=True):
    """Whether a variant can be bought now."""

    available: bool
    status: str


class Score(Struct, frozen=True):
    """An average of reviews."""

    value: float
    count: int
    scale_max: int = 5


class Input(Struct, frozen=True):
    """The id by which a variant was looked up."""

    id: str
    match: str = "exact"


class Variant(Struct, frozen=True, omit_defaults=True):
    """What is bought: `list_price` is before the discount."""

    id: str
    sku: str
    title: str
    description: Text
    price: Money
    list_price: Money | None = None
    availability: Availability | None = None
    inputs: list[Input] = []


class Product(Struct, frozen=True, omit_defaults=True):
    """A product."""

    id: str
    title: str
    description: Text
    categories: list[dict[str, str]]
    price_range: PriceRange
    variants: list[Variant]
    rating: Score | None = None


class Paging(Struct, frozen=True, omit_defaults=True):
    """How many were found, and the cursor of more."""

    has_next_page: bool
    total_count: int
    cursor: str | None = None


class Message(Struct, frozen=True, omit_defaults=True):
    """What a platform should know of a response."""

    type: str
    code: str
    content: str
    severity: str | None = None


class SearchResponse(Struct, frozen=True):
    """The products that match."""

    ucp: Ucp
    products: list[Product]
    pagination: Paging


class LookupResponse(Struct, frozen=True, omit_defaults=True):
    """The products that there are; `messages` name the ids of others."""

    ucp: Ucp
    products: list[Product]
    messages: list[Message] = []


class ProductResponse(Struct, frozen=True, omit_defaults=True):
    """The product; without it `messages` say that there is none."""

    ucp: Ucp
    product: Product | None = None
    messages: list[Message] = []
