"""A catalogue file, turned into the rows of the catalogue's import; every fault is named by line and field.

The file is a JSON list of objects such as
`{"Id": 7, "Type": "Bags", "Brand": "B&R", "Name": "Satchel", "Description": "Roomy.", "Price": 19.99}`.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from front.placed_json import Broken, Item, Member, Number, kind, read_list
from kit.faults import Faulty

Progress = Callable[[int, int], None]
"""Told after every product: how many are checked, of how many."""

FIELDS = ("Id", "Type", "Brand", "Name", "Description", "Price")

MOST_RELATED = 6
MOST_PRODUCTS = 10_000
LARGEST_ID = 999_999_999
LARGEST_PRICE = Decimal(10**10)
LONGEST_NAME = 200
LONGEST_SLUG = 64
LONGEST_DESCRIPTION = 10_000
"""What the catalogue takes; a file that passes here is not refused there."""

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at one place of the file; without a field it is the line as a whole."""

    line: int
    field: str | None
    message: str

    def __str__(self) -> str:
        """`line 14, Price: -3 is below zero`."""
        return f"line {self.line}{f', {self.field}' if self.field else ''}: {self.message}"


class FaultyFile(Faulty):
    """The file cannot be imported; `places` are all that is wrong with it, in the order of their lines."""

    def __init__(self, places: Sequence[Fault]) -> None:
        super().__init__([str(place) for place in places])
        self.places = list(places)


class _Wrong(Exception):
    """A value that does not fit its field, and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    """A product of the file, checked."""

    id: int
    type: str
    brand: str
    name: str
    description: str
    price: int


def read(text: str, currency: str, progress: Progress) -> list[dict[str, Any]]:
    """The products of a catalogue file, as `POST /imports` takes them, with prices in this currency.

    Raises:
        FaultyFile: something in the file is wrong; nothing of it is to be imported.
    """
    items: list[Item] = []
    faults: list[Fault] = []
    try:
        read_list(text, items)
        if not 0 < len(items) <= MOST_PRODUCTS:
            faults.append(Fault(1, None, f"the list has {len(items)} products, not 1 to {MOST_PRODUCTS}"))
    except Broken as broken:
        faults.append(Fault(broken.line, None, str(broken)))
    check = _Check(faults)
    rows = []
    for number, item in enumerate(items, 1):
        rows.append(check.row(item))
        progress(number, len(items))
    if faults:
        raise FaultyFile(sorted(faults, key=lambda fault: fault.line))
    return _import_rows([row for row in rows if row], currency)


class _Check:
    """Looks at one product after the other, and remembers what no two may share."""

    def __init__(self, faults: list[Fault]) -> None:
        self._faults = faults
        self._ids: dict[int, int] = {}
        self._names: dict[tuple[str, str], Member] = {}

    def row(self, item: Item) -> _Row | None:
        """The product, or None when it has faults."""
        before = len(self._faults)
        if item.members is None:
            self._fault(item.line, None, f"a product must be an object, not {kind(item.value)}")
            return None
        values = {}
        for member in self._known(item.line, item.members):
            try:
                values[member.name.lower()] = self._value(member)
            except _Wrong as wrong:
                self._fault(member.line, member.name, str(wrong))
        return _Row(**values) if len(self._faults) == before else None

    def _known(self, line: int, members: Sequence[Member]) -> Iterator[Member]:
        """The first member of each field; unknown, repeated and missing ones are faults."""
        seen: set[str] = set()
        for member in members:
            if member.name not in FIELDS:
                self._fault(member.line, member.name, "is not a field of this format")
            elif member.name in seen:
                self._fault(member.line, member.name, "is given twice")
            else:
                seen.add(member.name)
                yield member
        for name in FIELDS:
            if name not in seen:
                self._fault(line, name, "is missing")

    def _value(self, member: Member) -> Any:
        match member.name:
            case "Id":
                return self._id(member)
            case "Price":
                return _price(member.value)
            case "Description":
                return _text(member.value, LONGEST_DESCRIPTION, r"\x00")
        name = _text(member.value, LONGEST_NAME, r"\x00-\x1f\x7f").strip()
        if not name:
            raise _Wrong("is empty")
        if member.name in {"Type", "Brand"}:
            self._identify(member, name)
        return name

    def _id(self, member: Member) -> int:
        value = member.value
        if not isinstance(value, Number):
            raise _Wrong(f"must be a whole number, not {kind(value)}")
        if not re.fullmatch("[1-9][0-9]{0,8}", value):
            raise _Wrong(f"{_short(value)} is not a whole number from 1 to {LARGEST_ID}")
        number = int(value)
        if number in self._ids:
            raise _Wrong(f"{value} is the Id of the product at line {self._ids[number]} already")
        self._ids[number] = member.line
        return number

    def _identify(self, member: Member, name: str) -> None:
        slug = _slug(name)
        if not slug:
            raise _Wrong(f"{_short(name)!r} has no letter or digit (a to z, 0 to 9) to make an id of")
        if len(slug) > LONGEST_SLUG:
            raise _Wrong(f"makes an id of {len(slug)} characters, and {LONGEST_SLUG} are the most")
        first = self._names.setdefault((member.name, slug), member)
        if first.value.strip() != name:
            other = f"{_short(first.value.strip())!r} at line {first.line}"
            raise _Wrong(f"{_short(name)!r} would have the id {slug}, which {other} has already")

    def _fault(self, line: int, field: str | None, message: str) -> None:
        self._faults.append(Fault(line, field, message))


def _text(value: Any, longest: int, unfit: str) -> str:
    if type(value) is not str:
        raise _Wrong(f"must be a text, not {kind(value)}")
    if len(value) > longest:
        raise _Wrong(f"is {len(value)} characters long, and {longest} are the most")
    found = re.search(rf"[{unfit}\ud800-\udfff]", value)
    if found:
        raise _Wrong(f"holds the character U+{ord(found[0]):04X}, which no text may hold")
    return value


def _price(value: Any) -> int:
    """A price in minor units, exactly as it was written."""
    if not isinstance(value, Number):
        raise _Wrong(f"must be a number, not {kind(value)}")
    try:
        price = Decimal(value)
    except InvalidOperation:  # an exponent beyond all reason
        raise _Wrong(f"{_short(value)} is not a price") from None
    if price.is_nan():
        raise _Wrong(f"{value} is not a number")
    if price < 0:
        raise _Wrong(f"{_short(value)} is below zero")
    if price > LARGEST_PRICE:
        raise _Wrong(f"{_short(value)} is above {LARGEST_PRICE}")
    exact = price.quantize(CENT)
    if exact != price:
        raise _Wrong(f"{_short(value)} has more than two decimals")
    return int(exact.scaleb(2))


def _slug(name: str) -> str:
    """The id that a name makes: `Ski/boarding` is `ski-boarding`, and `B&R` is `b-r`."""
    plain = unicodedata.normalize("NFKD", name.lower())
    unaccented = "".join(character for character in plain if not unicodedata.combining(character))
    return re.sub("[^a-z0-9]+", "-", unaccented).strip("-")


def _short(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:40]}…"  # noqa: PLR2004 - a message is read, not parsed


def _import_rows(rows: Sequence[_Row], currency: str) -> list[dict[str, Any]]:
    shelves: defaultdict[str, list[str]] = defaultdict(list)
    places = []
    for row in rows:
        places.append(len(shelves[row.type]))
        shelves[row.type].append(_sku(row.id))
    return [
        {
            "sku": _sku(row.id),
            "name": row.name,
            "description": row.description,
            "brand": {"id": _slug(row.brand), "name": row.brand},
            "type": {"id": _slug(row.type), "name": row.type},
            "price": {"amount": row.price, "currency": currency},
            "attributes": {},
            "related": _related(shelves[row.type], place),
        }
        for row, place in zip(rows, places, strict=True)
    ]


def _related(shelf: Sequence[str], place: int) -> list[str]:
    """The next products of the same type, beginning again at the first: none is left out of all lists."""
    return [*shelf[place + 1 :], *shelf[:place]][:MOST_RELATED]


def _sku(number: int) -> str:
    return f"ESHOP-{number:04d}"
