import json
from pathlib import Path
from typing import Any

import pytest

from front.importer import MOST_PRODUCTS, Fault, FaultyFile, read
from kit.faults import Faulty
from services.catalog.bodies import Import

REAL_FILE = Path(__file__).parents[3] / "shared" / "data" / "eshop-catalog.json"


def product(number: int = 1, /, **changed: Any) -> dict[str, Any]:
    return {
        "Id": number,
        "Type": "Bags",
        "Brand": "B&R",
        "Name": f"Satchel {number}",
        "Description": "It holds a lot.",
        "Price": 19.99,
    } | changed


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in product().items() if name != field}


def file(*products: Any) -> str:
    """A file as people write it: every field on a line of its own, the first product's `Id` on line 3."""
    return json.dumps(products, indent=2)


def import_rows(text: str, currency: str = "EUR") -> list[dict[str, Any]]:
    return read(text, currency, lambda _done, _total: None)


def faults(text: str) -> list[str]:
    with pytest.raises(FaultyFile) as refusal:
        import_rows(text)
    return refusal.value.faults


def priced(price: str) -> str:
    return file(product()).replace("19.99", price)


def test_a_product_becomes_a_row_of_the_import() -> None:
    assert import_rows(file(product(7)), "CHF") == [
        {
            "sku": "ESHOP-0007",
            "name": "Satchel 7",
            "description": "It holds a lot.",
            "brand": {"id": "b-r", "name": "B&R"},
            "type": {"id": "bags", "name": "Bags"},
            "price": {"amount": 1999, "currency": "CHF"},
            "attributes": {},
            "related": [],
        }
    ]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Ski/boarding", "ski-boarding"),
        ("B&R", "b-r"),
        ("Raptor Elite", "raptor-elite"),
        ("Café Crème", "cafe-creme"),
        (" Bags ", "bags"),
        ("(3) & more!", "3-more"),
    ],
)
def test_the_id_of_a_type_or_brand_is_the_slug_of_its_name(name: str, slug: str) -> None:
    (row,) = import_rows(file(product(Type=name, Brand=name)))

    assert row["type"] == row["brand"] == {"id": slug, "name": name.strip()}


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        ("0", 0),
        ("-0.0", 0),
        ("7", 700),
        ("7.5", 750),
        ("109.99", 10999),
        ("0.29", 29),
        ("1.10", 110),
        ("1.1000", 110),
        ("1.5e2", 15000),
        ("4503599627.37", 450359962737),
        ("10000000000", 10**12),
    ],
)
def test_a_price_becomes_exact_minor_units(price: str, amount: int) -> None:
    assert import_rows(priced(price))[0]["price"]["amount"] == amount


@pytest.mark.parametrize(
    ("price", "message"),
    [
        ("-3", "-3 is below zero"),
        ("-Infinity", "-Infinity is below zero"),
        ("NaN", "NaN is not a number"),
        ("Infinity", "Infinity is above 10000000000"),
        ("10000000000.01", "10000000000.01 is above 10000000000"),
        ("1.999", "1.999 has more than two decimals"),
        (
            "1.0000000000000000000000000000000001",
            "1.0000000000000000000000000000000001 has more than two decimals",
        ),
        ("1e-30", "1e-30 has more than two decimals"),
        ("1e99999999999999999999", "1e99999999999999999999 is not a price"),
        ('"19.99"', "must be a number, not a text"),
        ("null", "must be a number, not null"),
        ("true", "must be a number, not true or false"),
        ("[19.99]", "must be a number, not a list"),
        ("{}", "must be a number, not an object"),
    ],
)
def test_a_price_that_is_none_is_a_fault_at_its_line(price: str, message: str) -> None:
    assert faults(priced(price)) == [f"line 8, Price: {message}"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "0 is not a whole number from 1 to 999999999"),
        (-1, "-1 is not a whole number from 1 to 999999999"),
        (1.5, "1.5 is not a whole number from 1 to 999999999"),
        (10**50, f"1{'0' * 39}… is not a whole number from 1 to 999999999"),
        ("1", "must be a whole number, not a text"),
        (True, "must be a whole number, not true or false"),
        (None, "must be a whole number, not null"),
    ],
)
def test_an_id_that_is_none_is_a_fault_at_its_line(value: object, message: str) -> None:
    assert faults(file(product(Id=value))) == [f"line 3, Id: {message}"]


@pytest.mark.parametrize(
    ("line", "field", "value", "message"),
    [
        (4, "Type", "", "is empty"),
        (4, "Type", 5, "must be a text, not a number"),
        (4, "Type", "---", "'---' has no letter or digit (a to z, 0 to 9) to make an id of"),
        (5, "Brand", "b" * 65, "makes an id of 65 characters, and 64 are the most"),
        (5, "Brand", None, "must be a text, not null"),
        (6, "Name", "  ", "is empty"),
        (6, "Name", "n" * 201, "is 201 characters long, and 200 are the most"),
        (6, "Name", "two\nlines", "holds the character U+000A, which no text may hold"),
        (6, "Name", ["Satchel"], "must be a text, not a list"),
        (7, "Description", "nul \0", "holds the character U+0000, which no text may hold"),
        (7, "Description", "half \ud83d", "holds the character U+D83D, which no text may hold"),
        (7, "Description", "d" * 10_001, "is 10001 characters long, and 10000 are the most"),
        (7, "Description", {"en": "It"}, "must be a text, not an object"),
    ],
)
def test_a_text_that_the_catalogue_would_refuse_is_a_fault_at_its_line(
    line: int, field: str, value: object, message: str
) -> None:
    assert faults(file(product(**{field: value}))) == [f"line {line}, {field}: {message}"]


@pytest.mark.parametrize("field", list(product()))
def test_a_missing_field_is_a_fault_at_the_line_where_its_product_begins(field: str) -> None:
    assert faults(file(product(2), without(field))) == [f"line 10, {field}: is missing"]


def test_unknown_and_repeated_fields_are_faults_at_their_own_lines() -> None:
    text = file(product(Colour="red")).replace('"Colour": "red"', '"Colour": "red",\n    "Name": "Bag"')

    assert faults(text) == [
        "line 9, Colour: is not a field of this format",
        "line 10, Name: is given twice",
    ]


def test_every_fault_of_the_file_is_named_at_once_in_the_order_of_lines() -> None:
    text = file(product(1), product(1, Price=-3), "bag", product(3, Type="", Brand=7))
    with pytest.raises(Faulty) as refusal:
        import_rows(text)

    assert isinstance(refusal.value, FaultyFile)
    assert refusal.value.places == [
        Fault(11, "Id", "1 is the Id of the product at line 3 already"),
        Fault(16, "Price", "-3 is below zero"),
        Fault(18, None, "a product must be an object, not a text"),
        Fault(21, "Type", "is empty"),
        Fault(22, "Brand", "must be a text, not a number"),
    ]
    assert str(refusal.value).splitlines()[:2] == [
        "line 11, Id: 1 is the Id of the product at line 3 already",
        "line 16, Price: -3 is below zero",
    ]


def test_an_id_given_twice_is_found_in_a_file_of_one_line_too() -> None:
    text = json.dumps([product(4), product(4)])

    assert faults(text) == ["line 1, Id: 4 is the Id of the product at line 1 already"]


def test_two_names_that_would_share_an_id_are_a_fault_and_a_name_used_twice_is_none() -> None:
    text = file(product(1), product(2), product(3, Brand="B-R", Type="bags!"))

    assert faults(text) == [
        "line 20, Type: 'bags!' would have the id bags, which 'Bags' at line 4 has already",
        "line 21, Brand: 'B-R' would have the id b-r, which 'B&R' at line 5 has already",
    ]


def test_a_brand_and_a_type_may_have_the_same_name() -> None:
    assert len(import_rows(file(product(Brand="Bags")))) == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "line 1: the file is empty"),
        (" \n\t\n", "line 1: the file is empty"),
        ("[]", "line 1: the list has 0 products, not 1 to 10000"),
        ('\n\n{"Id": 1}', "line 3: the file must hold a list, not an object"),
        ("null", "line 1: the file must hold a list, not null"),
        ("Id,Type,Brand", "line 1: column 1: Expecting value"),
        ("[\n  {]", "line 2: column 4: a field's name in double quotes is missing"),
        ('[{"Id" 1}]', "line 1: column 8: ':' is missing"),
        ('[{"Id": }]', "line 1: column 9: Expecting value"),
        ('[{"Na\nme": 1}]', "line 1: column 6: Invalid control character at"),
    ],
)
def test_a_file_that_is_no_list_of_products_is_told_so(text: str, fault: str) -> None:
    assert faults(text) == [fault]


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda text: text[:-2], "line 9: column 4: ']' is missing"),
        (lambda text: text[:-3], "line 9: column 3: '}' is missing"),
        (lambda text: text[:-2] + ",\n]", "line 10: column 1: Expecting value"),
        (lambda text: text + "\n[]", "line 11: column 1: nothing may follow the list"),
        (lambda text: text.replace("19.99", "[" * 200_000), "line 8: column 14: this is nested too deeply"),
    ],
)
def test_wrong_json_is_a_fault_by_line_and_column(spoil: Any, fault: str) -> None:
    assert faults(spoil(file(product()))) == [fault]


def test_faults_before_wrong_json_are_named_with_it() -> None:
    text = file(product(Price=-3), product(2))

    assert faults(text[:-2]) == ["line 8, Price: -3 is below zero", "line 17: column 4: ']' is missing"]


def test_more_products_than_the_catalogue_takes_at_once_are_refused() -> None:
    text = json.dumps([product(number) for number in range(1, MOST_PRODUCTS + 2)])

    assert faults(text) == ["line 1: the list has 10001 products, not 1 to 10000"]


def test_a_byte_order_mark_does_no_harm() -> None:
    assert len(import_rows("\ufeff" + file(product()))) == 1


def test_related_are_up_to_six_others_of_the_same_type_and_everyone_is_somebodys() -> None:
    bags = [product(number) for number in range(1, 10)]
    rows = import_rows(file(*bags, product(20, Type="Tents"), product(21, Type="Tents")))
    related = {row["sku"]: row["related"] for row in rows}

    assert related["ESHOP-0001"] == [f"ESHOP-{number:04d}" for number in range(2, 8)]
    assert related["ESHOP-0008"] == ["ESHOP-0009", *(f"ESHOP-{number:04d}" for number in range(1, 6))]
    assert related["ESHOP-0020"] == ["ESHOP-0021"]
    assert {sku for skus in related.values() for sku in skus} == set(related)


def test_progress_is_told_product_by_product() -> None:
    told: list[tuple[int, int]] = []
    read(file(product(1), product(2), product(3)), "EUR", lambda done, total: told.append((done, total)))

    assert told == [(1, 3), (2, 3), (3, 3)]


def test_what_passes_here_is_what_the_catalogue_takes() -> None:
    largest = product(
        999_999_999, Type="t" * 64, Brand="B" * 64, Name="ñ" * 200, Description="筆" * 10_000, Price=10**10
    )
    rows = import_rows(file(product(1), largest, product(2, Description="", Name=" Satchel ")))

    assert len(Import.model_validate({"products": rows}).products) == 3


@pytest.mark.skipif(not REAL_FILE.is_file(), reason=f"{REAL_FILE.name} is not beside this checkout")
def test_a_real_catalogue_is_read_whole() -> None:
    rows = import_rows(REAL_FILE.read_text(encoding="utf-8"))

    assert len(rows) == 101
    assert len({row["type"]["id"] for row in rows}) == 8
    assert len({row["brand"]["id"] for row in rows}) == 13
    assert {"ski-boarding"} <= {row["type"]["id"] for row in rows}
    assert all(len(row["related"]) == 6 for row in rows)
    assert rows[0]["price"] == {"amount": 10999, "currency": "EUR"}
    assert len(Import.model_validate({"products": rows}).products) == 101
