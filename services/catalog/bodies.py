"""What catalog's HTTP side reads and writes, as JSON."""

import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from kit.money import Money
from kit.paging import Cursor, Limit, Slice
from services.catalog import pictures
from services.catalog.model import (
    DEEPEST,
    SKU,
    SLUG,
    Count,
    Found,
    Named,
    PriceRange,
    Product,
    Search,
    Sort,
    depth,
)

Sku = Annotated[str, Field(pattern=SKU)]
Slug = Annotated[str, Field(pattern=SLUG, max_length=64)]
Amount = Annotated[int, Field(ge=0, le=10**12, description="Minor units.")]
Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"),
]
Text = Annotated[str, StringConstraints(max_length=10_000, pattern=r"^[^\x00]*$")]

LARGEST_ATTRIBUTES = 16 * 1024


def _kept_as_json(attributes: dict[str, Any]) -> dict[str, Any]:
    if depth(attributes) > DEEPEST:
        raise ValueError(f"must not be nested more than {DEEPEST} levels deep")
    size = len(json.dumps(attributes, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode())
    if size > LARGEST_ATTRIBUTES:
        raise ValueError(f"must be at most {LARGEST_ATTRIBUTES} bytes of JSON, is {size}")
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


class ProductFields(_Strict):
    """What its writer says of a product: what is left out is empty, what is not known is refused."""

    name: Line
    description: Text = ""
    brand: NamedBody
    type: NamedBody
    price: PriceWrite
    attributes: Annotated[dict[str, Any], AfterValidator(_kept_as_json)] = Field(
        default_factory=dict, description="A free JSON object of at most 16 KiB."
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


class ProductWrite(ProductFields):
    """A product written under the sku of its URL."""

    sku: Sku | None = Field(None, description="May repeat the sku of the URL.")

    @classmethod
    def of(cls, product: Product) -> Self:
        """The product as its writer would send it."""
        return cls(
            sku=product.sku,
            name=product.name,
            description=product.description,
            brand=_named(product.brand),
            type=_named(product.type),
            price=PriceWrite(**product.price.model_dump()),
            attributes=dict(product.attributes),
            related=list(product.related),
        )


class ImportRow(ProductFields):
    """A product in an import, which names its sku itself."""

    sku: Sku


class Import(_Strict):
    """Products to enter or to replace."""

    products: list[ImportRow] = Field(min_length=1, max_length=10_000)


class Imported(BaseModel):
    """How many products came in."""

    imported: int


def repeated_skus(rows: Sequence[ImportRow]) -> list[dict[str, Any]]:
    """An error for each row whose sku an earlier row has already."""
    first: dict[str, int] = {}
    return [
        {"at": ["body", "products", str(index), "sku"], "message": f"{row.sku} is in row {earlier} already"}
        for index, row in enumerate(rows)
        if (earlier := first.setdefault(row.sku, index)) != index
    ]


class VariantBody(BaseModel):
    """One size of a picture."""

    url: str
    width: int
    height: int
    format: str


class ImageBody(BaseModel):
    """A picture in several sizes, and its description for those who cannot see it."""

    alt: str
    variants: list[VariantBody]


class ProductAnswer(BaseModel):
    """A product as readers get it."""

    sku: str
    name: str
    description: str
    brand: NamedBody
    type: NamedBody
    price: Money
    images: list[ImageBody]
    attributes: dict[str, Any]
    related: list[str]

    @classmethod
    def of(cls, product: Product) -> Self:
        """This product, with the pictures that there are of it."""
        return cls(
            sku=product.sku,
            name=product.name,
            description=product.description,
            brand=_named(product.brand),
            type=_named(product.type),
            price=product.price,
            images=[_image(image) for image in pictures.images(product)],
            attributes=dict(product.attributes),
            related=list(product.related),
        )


class ProductBatch(BaseModel):
    """The products asked for, in the order they were asked for, and the skus that nobody knows."""

    items: list[ProductAnswer]
    unknown: list[str]


class CountBody(BaseModel):
    """A brand or a type, and how many products it has."""

    id: str
    name: str
    count: int


class Counts(BaseModel):
    """All brands, or all types."""

    items: list[CountBody]

    @classmethod
    def of(cls, counts: Iterable[Count]) -> Self:
        """These counts."""
        return cls(items=[_count(count) for count in counts])


class PriceRangeBody(BaseModel):
    """How many products cost `from` … `to` minor units, both included (`null`: no end)."""

    first: int = Field(serialization_alias="from")
    to: int | None
    count: int


class Facets(BaseModel):
    """What there would be to choose from, were a facet's own filter not set."""

    brands: list[CountBody]
    types: list[CountBody]
    prices: list[PriceRangeBody]


class SearchAnswer(Slice[ProductAnswer]):
    """Some products of those found, how many there are in all, and what else could be chosen."""

    total: int
    facets: Facets

    @classmethod
    def of(cls, found: Found, cursor: str | None) -> Self:
        """What was found; `cursor` leads to the next slice."""
        facets = Facets(
            brands=[_count(count) for count in found.brands],
            types=[_count(count) for count in found.types],
            prices=[_range(prices) for prices in found.prices],
        )
        items = [ProductAnswer.of(entry.product) for entry in found.entries]
        return cls(items=items, next=cursor, total=found.total, facets=facets)


class ProductQuery(BaseModel):
    """The query of `GET /products`: either skus or a search."""

    sku: list[Annotated[str, Field(min_length=1, max_length=64)]] | None = Field(
        None, min_length=1, max_length=100, description="The products to get, instead of searching."
    )
    q: str | None = Field(None, max_length=200, description="Words; the last may be half typed.")
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
            raise ValueError(f"sku is asked for alone, not with {', '.join(others)}")
        return self

    def search(self) -> Search:
        """The search that this query means."""
        words = self.q.strip() or None if self.q else None
        return Search(
            words=words,
            brands=frozenset(self.brand),
            types=frozenset(self.type),
            min_price=self.min_price,
            max_price=self.max_price,
            sort=self.sort or (Sort.RELEVANCE if words else Sort.NAME),
        )


def _named(named: Named) -> NamedBody:
    return NamedBody(id=named.id, name=named.name)


def _count(count: Count) -> CountBody:
    return CountBody(id=count.id, name=count.name, count=count.count)


def _range(prices: PriceRange) -> PriceRangeBody:
    return PriceRangeBody(first=prices.first, to=prices.last, count=prices.count)


def _image(image: pictures.Image) -> ImageBody:
    variants = [VariantBody(url=v.url, width=v.width, height=v.height, format="svg") for v in image.variants]
    return ImageBody(alt=image.alt, variants=variants)
