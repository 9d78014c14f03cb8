import json
from typing import Any

import httpx
import pytest

from tests.services.support import PROBLEM, places, problem_of


def row(number: int = 1, /, **changes: Any) -> dict[str, Any]:
    return {
        "Id": number,
        "Type": "Bags",
        "Brand": "B&R",
        "Name": f"Satchel {number}",
        "Description": "It holds a lot.",
        "Price": 19.99,
    } | changes


class Importer:
    """A clerk who imports files, and looks at what came of it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def post(self, file: str | bytes, key: str | None = "key-00001", query: str = "") -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return await self.http.post(f"/imports{query}", content=file, headers=headers)

    async def rows(self, *rows: object, **options: str) -> httpx.Response:
        return await self.post(json.dumps(rows), **options)

    async def errors(self, file: str) -> list[tuple[int, str | None, str]]:
        """What is wrong with the file, as (row, field, detail)."""
        answer = await self.post(file)
        assert problem_of(answer) == (422, "import-invalid")
        assert answer.headers["content-type"] == "application/problem+json"
        assert (await self.http.get("/products")).json()["total"] == 0
        return [(error["row"], error["field"], error["detail"]) for error in answer.json()["errors"]]

    async def product(self, sku: str = "ESHOP-0001") -> dict[str, Any]:
        product: dict[str, Any] = (await self.http.get(f"/products/{sku}")).json()
        return product


@pytest.fixture
def importer(http: httpx.AsyncClient) -> Importer:
    return Importer(http)


async def test_a_row_becomes_a_product(importer: Importer) -> None:
    answer = await importer.rows(row(7), query="?currency=CHF")

    assert (answer.status_code, answer.json()) == (201, {"imported": 1})
    product = await importer.product("ESHOP-0007")
    del product["images"]
    assert product == {
        "sku": "ESHOP-0007",
        "name": "Satchel 7",
        "description": "It holds a lot.",
        "brand": {"id": "b-r", "name": "B&R"},
        "type": {"id": "bags", "name": "Bags"},
        "price": {"amount": 1999, "currency": "CHF"},
        "attributes": {},
        "related": [],
    }


async def test_an_import_enters_and_replaces_and_its_retry_changes_nothing(importer: Importer) -> None:
    await importer.rows(row(1, Name="Old"), key="key-00000")
    first = await importer.rows(row(1, Name="New"), row(2))
    tag = (await importer.http.get("/products/ESHOP-0001")).headers["etag"]
    again = await importer.rows(row(1, Name="New"), row(2))
    others = [
        await importer.rows(row(3)),
        await importer.rows(row(1, Name="New"), row(2), query="?currency=CHF"),
    ]

    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (201, {"imported": 2})
    assert {other.json()["type"] for other in others} == {f"{PROBLEM}idempotency-key-reused"}
    assert (await importer.product())["name"] == "New"
    assert (await importer.http.get("/products/ESHOP-0001")).headers["etag"] == tag


async def test_prices_become_exact_minor_units(importer: Importer) -> None:
    prices = ("0", "-0.0", "7", "7.5", "0.29", "1.1000", "1.5e2", "4503599627.37", "10000000000")
    rows = (json.dumps(row(n)).replace("19.99", price) for n, price in enumerate(prices, 1))
    await importer.post(f"[{','.join(rows)}]")

    items = (await importer.http.get("/products")).json()["items"]
    amounts = [item["price"]["amount"] for item in sorted(items, key=lambda item: str(item["sku"]))]
    assert amounts == [0, 0, 700, 750, 29, 110, 15000, 450359962737, 10**12]


async def test_wrong_prices_are_refused(importer: Importer) -> None:
    prices = ["-3", "-Infinity", "NaN", "1e99999999999999999999", "10000000000.01", "9" * 5000, "1.999"]
    prices += ["1.0000000000000000000000000000000001", "1e-30", '"19.99"', "null", "true", "[19.99]", "{}"]
    rows = (json.dumps(row(n)).replace("19.99", price) for n, price in enumerate(prices, 1))
    errors = await importer.errors(f"[{','.join(rows)}]")

    assert [(number, field) for number, field, _ in errors] == [
        (n, "Price") for n in range(1, len(prices) + 1)
    ]
    assert errors[0][2] == "Input should be greater than or equal to 0"
    assert errors[-1][2] == "must be a number"


async def test_values_that_do_not_fit_their_field_are_refused(importer: Importer) -> None:
    wrong: dict[str, tuple[object, ...]] = {
        "Id": (0, -1, 1.5, 10**9, 10**50, "1", True, None),
        "Type": ("", 5, "---", "t" * 65),
        "Brand": (None, "b" * 65),
        "Name": ("  ", "n" * 201, "two\nlines", ["Satchel"]),
        "Description": ("nul \0", "half \ud83d", "d" * 10_001, {"en": "It"}),
        "Colour": ("red",),
    }
    values = [(field, value) for field, values in wrong.items() for value in values]
    rows = [row(number, **{field: value}) for number, (field, value) in enumerate(values, 1)]
    errors = await importer.errors(json.dumps(rows))

    assert [error[:2] for error in errors] == [(n, field) for n, (field, _) in enumerate(values, 1)]


async def test_missing_fields_are_named(importer: Importer) -> None:
    lacking = [
        {name: value for name, value in row(n).items() if name != field} for n, field in enumerate(row(), 1)
    ]

    assert await importer.errors(json.dumps(lacking)) == [
        (number, field, "Field required") for number, field in enumerate(row(), 1)
    ]


async def test_every_wrong_row_is_named_at_once(importer: Importer) -> None:
    twice = json.dumps(row(5)).replace('"Id": 5', '"Id": 4, "Id": 5')
    bad = [row(1), row(1, Price=7), "bag", row(3, Type="", Brand=7), row(4, Brand="B-R", Type="bags!")]

    assert await importer.errors(f"{json.dumps(bad)[:-1]}, {twice}]") == [
        (2, "Id", "has the id 1, as row 1 has"),
        (3, None, "must be an object"),
        (4, "Type", "String should have at least 1 character"),
        (4, "Brand", "Input should be a valid string"),
        (5, "Type", "has the id bags, as row 1 has"),
        (5, "Brand", "has the id b-r, as row 1 has"),
        (6, "Id", "is given twice"),
    ]


async def test_a_field_with_half_a_character_in_its_name_is_refused(importer: Importer) -> None:
    ((number, field, _detail),) = await importer.errors(json.dumps([row(**{"\ud83d": 1})]))

    assert (number, field) == (1, None)


async def test_a_file_that_is_no_list_of_products_is_refused(importer: Importer) -> None:
    for file, detail in (
        (b"", "line 1 column 1"),
        (b"Id,Type,Brand", "line 1 column 1"),
        (b'[\n  {"Id" 1}]', "line 2 column 9"),
        (b"[\xff]", "not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b"[]", "list of 1 to 10000 products"),
        (b'{"Id": 1}', "list of 1 to 10000 products"),
        (json.dumps([row(number) for number in range(1, 10_002)]).encode(), "list of 1 to 10000 products"),
    ):
        answer = await importer.post(file)

        assert problem_of(answer) == (422, "import-invalid")
        assert detail in answer.json()["detail"]
        assert "errors" not in answer.json()


async def test_an_import_has_a_key_and_a_known_form_of_currency(importer: Importer) -> None:
    assert places(await importer.rows(row(), query="?currency=euro")) == ["query.currency"]
    assert places(await importer.post(json.dumps([row()]), key=None)) == ["header.Idempotency-Key"]


async def test_related_are_up_to_six_others_of_the_same_type_and_every_product_is_related_to_some(
    importer: Importer,
) -> None:
    bags = [row(number) for number in range(1, 10)]
    await importer.rows(*bags, row(20, Type="Tents"), row(21, Type="Tents"))
    items = (await importer.http.get("/products")).json()["items"]
    related = {item["sku"]: item["related"] for item in items}

    assert related["ESHOP-0001"] == [f"ESHOP-{number:04d}" for number in range(2, 8)]
    assert related["ESHOP-0008"] == ["ESHOP-0009", *(f"ESHOP-{number:04d}" for number in range(1, 6))]
    assert related["ESHOP-0020"] == ["ESHOP-0021"]
    assert {sku for skus in related.values() for sku in skus} == set(related)
