"""JSON bodies of catalog's API."""

import json
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    computed_field,
    model_validator,
)

from frontispiece.service import Cursor, Limit, ResponseBody, Slice, encode_cursor
from services.catalog import pictures
from services.catalog.model import (
    MAX_DEPTH,
    SLUG_LENGTH,
    Changes,
    Count,
    Named,
    Product,
    Search,
    Sort,
    depth,
)
from shop.fields import NO_NUL, SKU, SLUG
from shop.money import Money

Sku = Annotated[str, Field(pattern=SKU)]
Slug = Annotated[str, Field(pattern=SLUG, max_length=SLUG_LENGTH)]
Amount = Annotated[int, Field(ge=0, le=10**12, description="Minor units.")]
Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"),
]
Text = Annotated[str, StringConstraints(max_length=10_000, pattern=NO_NUL)]

MAX_ATTRIBUTES_BYTES = 16 * 1024


def _check_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    if depth(attributes) > MAX_DEPTH:
        raise ValueError(f"must not be nested more than {MAX_DEPTH} levels deep")
    size = len(json.dumps(attributes, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_ATTRIBUTES_BYTES:
        raise ValueError(f"must be at most {MAX_ATTRIBUTES_BYTES} bytes of JSON, is {size}")
    return attributes


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class NamedBody(_Strict):
    """A brand or a type."""

    id: Slug
    name: Line


class PriceWrite(Money):
    """A price, in minor units."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ProductWrite(_Strict):
    """A product written under the sku of its URL; an unknown field is refused."""

    sku: Sku | None = Field(None, description="May repeat the sku of the URL.")
    name: Line
    description: Text = ""
    brand: NamedBody
    type: NamedBody
    price: PriceWrite
    attributes: Annotated[dict[str, Any], AfterValidator(_check_attributes)] = Field(
        default_factory=dict, description="Any JSON object of at most 16 KiB."
    )
    related: list[Sku] = Field(default_factory=list, max_length=50)

    def product(self, sku: str) -> Product:
        """The product under this sku."""
        return Product(
            sku=sku,
            name=self.name,
            description=self.description,
            brand=Named(id=self.brand.id, name=self.brand.name),
            type=Named(id=self.type.id, name=self.type.name),
            price=Money(amount=self.price.amount, currency=self.price.currency),
            attributes=self.attributes,
            related=tuple(self.related),
        )


class Imported(BaseModel):
    """How many products an import has entered or replaced."""

    imported: int


class VariantBody(BaseModel):
    """One size of a picture."""

    url: str
    width: int
    height: int
    format: str


class ImageBody(BaseModel):
    """A picture in several sizes, and its text alternative."""

    alt: str
    variants: list[VariantBody]


class ProductAnswer(ResponseBody):
    """A product as it is read."""

    sku: str
    name: str
    description: str
    brand: Named
    type: Named
    price: Money
    attributes: dict[str, Any]
    related: list[str]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def images(self) -> list[ImageBody]:
        """Its pictures."""
        return [
            ImageBody(
                alt=f"{self.name}{view}",
                variants=[
                    VariantBody(
                        url=pictures.url(self.sku, number, width), width=width, height=width, format="svg"
                    )
                    for width in pictures.WIDTHS
                ],
            )
            for number, view in enumerate(pictures.VIEWS, 1)
        ]


class ProductBatch(BaseModel):
    """The requested products, in the order of the request, and the unknown skus."""

    items: list[ProductAnswer]
    unknown: list[str]


class ChangesAnswer(BaseModel):
    """Products as they are now, skus of removed ones, and where to go on: at once if there is `more`."""

    upserts: list[ProductAnswer]
    removed: list[str]
    cursor: str
    more: bool

    @classmethod
    def of(cls, changes: Changes) -> Self:
        """These changes."""
        after = changes.after
        return cls(
            upserts=[ProductAnswer.of(stored.product) for stored in changes.products],
            removed=list(changes.removed),
            cursor=encode_cursor(after.history, after.position, after.since),
            more=changes.more,
        )


class Counts(BaseModel):
    """All brands, or all types."""

    items: tuple[Count, ...]


class PriceRangeBody(ResponseBody):
    """How many products cost `from` … `to` minor units, both included (`null`: no end)."""

    first: int = Field(serialization_alias="from")
    last: int | None = Field(serialization_alias="to")
    count: int


class Facets(ResponseBody):
    """Brands, types and prices of the products that match, each facet without its own filter."""

    brands: list[Count]
    types: list[Count]
    prices: list[PriceRangeBody]


class SearchAnswer(Slice[ProductAnswer]):
    """One page of products, the total of all pages, and the facets."""

    total: int
    facets: Facets


class ProductQuery(BaseModel):
    """The query of `GET /products`: either skus or a search."""

    sku: list[Annotated[str, Field(min_length=1, max_length=64)]] | None = Field(
        None, min_length=1, max_length=100, description="The products to get, instead of searching."
    )
    q: str | None = Field(None, max_length=200, description="Words; the last may be incomplete.")
    brand: list[Slug] = Field(default_factory=list, max_length=100)
    type: list[Slug] = Field(default_factory=list, max_length=100)
    min_price: Amount | None = None
    max_price: Amount | None = None
    sort: Sort | None = Field(None, description="`relevance` where there is a `q`, else `name`.")
    cursor: Cursor = None
    limit: Limit = 24

    @model_validator(mode="after")
    def _either(self) -> Self:
        others = sorted(self.model_fields_set - {"sku"})
        if self.sku is not None and others:
            raise ValueError(f"sku cannot be combined with {', '.join(others)}")
        return self

    def search(self) -> Search:
        """The search of this query."""
        words = self.q.strip() or None if self.q else None
        return Search(
            words=words,
            brands=frozenset(self.brand),
            types=frozenset(self.type),
            min_price=self.min_price,
            max_price=self.max_price,
            sort=self.sort or (Sort.RELEVANCE if words else Sort.NAME),
        )
