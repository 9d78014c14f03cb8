"""The catalogue file that `POST /imports` takes: parsed exactly, checked row by row, turned into products.

The file is a JSON list of objects such as
`{"Id": 7, "Type": "Bags", "Brand": "B&R", "Name": "Satchel", "Description": "Roomy.", "Price": 19.99}`.
"""

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from services.catalog.model import SLUG_LENGTH, Named, Product
from services.catalog.schemas import Line, Text
from shop.money import Money

MAX_ROWS = 10_000
MAX_RELATED = 6


class InvalidFile(Exception):
    """The body is no JSON list of 1 to 10,000 rows."""


class RowError(BaseModel):
    """What is wrong in one row (from 1), and in which field; None is the row as a whole."""

    row: int
    field: str | None
    detail: str


class InvalidRows(Exception):
    """Rows do not fit; `errors` names all of them."""

    def __init__(self, errors: Sequence[RowError]) -> None:
        super().__init__(
            f"Rows that do not fit: {len({error.row for error in errors})}. Nothing was imported."
        )
        self.errors = errors


def slug(name: str) -> str:
    """The id that a brand's or type's name makes: `Ski/boarding` is `ski-boarding`, `Café` is `cafe`."""
    decomposed = unicodedata.normalize("NFKD", name.lower())
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return re.sub("[^a-z0-9]+", "-", plain).strip("-")


def _has_slug(name: str) -> str:
    if not 1 <= len(slug(name)) <= SLUG_LENGTH:
        raise ValueError(f"must make an id (a-z, 0-9 and -) of 1 to {SLUG_LENGTH} characters")
    return name


def _number(value: object) -> Decimal:
    if type(value) not in {int, Decimal}:
        raise ValueError("must be a number")
    return Decimal(cast(int | Decimal, value))


Slugged = Annotated[Line, AfterValidator(_has_slug)]
Price = Annotated[
    Decimal, BeforeValidator(_number), Field(ge=0, le=10**10, decimal_places=2, description="Major units.")
]


class CatalogueRow(BaseModel):
    """One product of a catalogue file; its sku is `ESHOP-` and the Id in four digits or more."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=str.capitalize)

    id: int = Field(ge=1, le=999_999_999)
    type: Slugged
    brand: Slugged
    name: Line
    description: Text
    price: Price

    @property
    def sku(self) -> str:
        """The sku that the row's Id makes."""
        return f"ESHOP-{self.id:04d}"


FIELDS = tuple(field.capitalize() for field in CatalogueRow.model_fields)


REQUEST_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_ROWS,
                "items": CatalogueRow.model_json_schema(),
            }
        }
    },
}
"""Of `POST /imports`, in its OpenAPI document."""


class _Object(dict[str, Any]):
    """A JSON object that remembers which fields of a row it has more than once."""

    def __init__(self, members: list[tuple[str, Any]]) -> None:
        super().__init__(members)
        names = [name for name, _ in members] if len(members) > len(self) else []
        self.repeated = [name for name in FIELDS if names.count(name) > 1]


def parse(body: bytes, currency: str) -> list[Product]:
    """The products of a catalogue file, with prices in this currency.

    Raises:
        InvalidFile: it is no JSON list, empty, or too long.
        InvalidRows: some rows do not fit.
    """
    try:
        items = json.loads(
            body, object_pairs_hook=_Object, parse_float=_decimal, parse_constant=_decimal, parse_int=_integer
        )
    except ValueError as error:
        raise InvalidFile(f"The file is not JSON: {error}") from None
    except RecursionError:
        raise InvalidFile("The file is nested too deeply.") from None
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_ROWS:
        raise InvalidFile(f"The file must hold a list of 1 to {MAX_ROWS} products.")
    checker = _Checker()
    rows = [row for number, item in enumerate(items, 1) if (row := checker.row(number, item))]
    if checker.errors:
        raise InvalidRows(checker.errors)
    return _products(rows, currency)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond what a decimal can hold; refused as not finite
        return Decimal("NaN")


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) < 20 else Decimal(text)  # noqa: PLR2004 - int() refuses thousands of digits


class _Checker:
    """Checks one row after the other, and remembers what no two rows may share."""

    def __init__(self) -> None:
        self.errors: list[RowError] = []
        self._first: dict[tuple[str, object], tuple[int, object]] = {}

    def row(self, number: int, item: Any) -> CatalogueRow | None:
        """The row, or None when it does not fit in itself."""
        if not isinstance(item, _Object):
            self._error(number, None, "must be an object")
            return None
        for name in item.repeated:
            self._error(number, name, "is given twice")
        try:
            row = CatalogueRow.model_validate(item)
        except ValidationError as error:
            for part in error.errors(include_url=False):
                self._error(
                    number,
                    str(part["loc"][0]) if part["loc"] else None,
                    part["msg"].removeprefix("Value error, "),
                )
            return None
        self._unique(number, "Id", row.id, number)
        self._unique(number, "Type", slug(row.type), row.type)
        self._unique(number, "Brand", slug(row.brand), row.brand)
        return row

    def _unique(self, number: int, field: str, key: object, value: object) -> None:
        """No other row has the same key, unless it has the same value as well."""
        earlier, first = self._first.setdefault((field, key), (number, value))
        if first != value:
            self._error(number, field, f"has the id {key}, as row {earlier} has")

    def _error(self, number: int, field: str | None, detail: str) -> None:
        self.errors.append(RowError(row=number, field=field, detail=detail))


def _products(rows: Sequence[CatalogueRow], currency: str) -> list[Product]:
    skus_of_type: defaultdict[str, list[str]] = defaultdict(list)
    places = []
    for row in rows:
        places.append(len(skus_of_type[row.type]))
        skus_of_type[row.type].append(row.sku)
    return [
        Product(
            sku=row.sku,
            name=row.name,
            description=row.description,
            brand=Named(id=slug(row.brand), name=row.brand),
            type=Named(id=slug(row.type), name=row.type),
            price=Money(amount=int(row.price.scaleb(2)), currency=currency),
            attributes={},
            related=_related(skus_of_type[row.type], place),
        )
        for row, place in zip(rows, places, strict=True)
    ]


def _related(skus: Sequence[str], place: int) -> tuple[str, ...]:
    """The next products of the same type, beginning again at the first: every product is related to some."""
    return (*skus[place + 1 :], *skus[:place])[:MAX_RELATED]
