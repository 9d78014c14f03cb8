from typing import Any

import httpx
import pytest

from tests.conftest import MakeToken
from tests.services.catalog.goods import enter, fields, places

PROBLEM = "urn:frontispiece:problem:"
KEY = {"Idempotency-Key": "key-00001"}


async def test_a_known_product_is_written_with_its_current_version_only(
    http: httpx.AsyncClient, clerk: dict[str, str]
) -> None:
    tag = (await http.put("/products/A", json=fields(), headers=clerk)).headers["etag"]
    changed = await http.put("/products/A", json=fields(name="B"), headers={**clerk, "If-Match": tag})
    late = await http.put("/products/A", json=fields(name="C"), headers={**clerk, "If-Match": tag})
    blind = await http.put("/products/A", json=fields(name="C"), headers=clerk)
    unknown = await http.put("/products/NEW", json=fields(), headers={**clerk, "If-Match": tag})

    assert [a.status_code for a in (changed, late, blind, unknown)] == [200, 412, 428, 412]
    assert changed.headers["etag"] != tag
    assert (await http.get("/products/A")).json()["name"] == "B"
    assert (await http.get("/products/NEW")).status_code == 404


async def test_a_merge_patch_changes_what_it_names(http: httpx.AsyncClient, clerk: dict[str, str]) -> None:
    tag = (await http.put("/products/A", json=fields(), headers=clerk)).headers["etag"]
    headers = {**clerk, "If-Match": tag, "Content-Type": "application/merge-patch+json"}
    change = '{"price": {"amount": 999}, "description": null, "attributes": {"leaves": null, "ruled": true}}'
    answer = await http.patch("/products/A", content=change, headers=headers)

    assert answer.status_code == 200
    assert answer.json()["price"] == {"amount": 999, "currency": "EUR"}
    assert (answer.json()["description"], answer.json()["name"]) == ("", "Harbour Log")
    assert answer.json()["attributes"] == {"paper": {"gsm": 100}, "ruled": True}
    assert answer.headers["etag"] == (await http.get("/products/A")).headers["etag"] != tag


async def test_a_patch_is_refused_when_late_blind_for_an_unknown_product_or_unfit(
    http: httpx.AsyncClient, clerk: dict[str, str]
) -> None:
    tag = (await http.put("/products/A", json=fields(), headers=clerk)).headers["etag"]
    known = {**clerk, "If-Match": tag}
    late = await http.patch("/products/A", json={"name": "B"}, headers={**clerk, "If-Match": '"1"'})
    blind = await http.patch("/products/A", json={"name": "B"}, headers=clerk)
    unknown = await http.patch("/products/NOPE", json={"name": "B"}, headers=known)
    renamed = await http.patch("/products/A", json={"sku": "B"}, headers=known)

    assert [a.status_code for a in (late, blind, unknown, renamed)] == [412, 428, 404, 422]
    assert places(await http.patch("/products/A", json={"name": None}, headers=known)) == ["body.name"]
    assert places(await http.patch("/products/A", json={"images": []}, headers=known)) == ["body.images"]
    assert places(await http.patch("/products/A", json=["name"], headers=known)) == ["body"]
    assert (await http.get("/products/A")).headers["etag"] == tag


async def test_a_deleted_product_is_gone(http: httpx.AsyncClient, clerk: dict[str, str]) -> None:
    tag = (await http.put("/products/A", json=fields(), headers=clerk)).headers["etag"]
    late = await http.delete("/products/A", headers={**clerk, "If-Match": '"1"'})
    blind = await http.delete("/products/A", headers=clerk)
    gone = await http.delete("/products/A", headers={**clerk, "If-Match": tag})

    assert [a.status_code for a in (late, blind, gone)] == [412, 428, 204]
    assert (await http.get("/products/A")).status_code == 404
    assert (await http.get("/products", params={"q": "harbour"})).json()["total"] == 0
    assert (await http.delete("/products/A", headers={**clerk, "If-Match": tag})).status_code == 404


def nested(levels: int) -> dict[str, Any]:
    return {"a": nested(levels - 1)} if levels else {}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": ""}, "body.name"),
        ({"name": "   "}, "body.name"),
        ({"name": "x" * 201}, "body.name"),
        ({"name": "Log\x00"}, "body.name"),
        ({"name": 5}, "body.name"),
        ({"description": "x" * 10_001}, "body.description"),
        ({"description": "\x00"}, "body.description"),
        ({"brand": {"id": "Two Words", "name": "B"}}, "body.brand.id"),
        ({"brand": {"id": "b", "name": "B", "logo": "l"}}, "body.brand.logo"),
        ({"type": "notebooks"}, "body.type"),
        ({"price": {"amount": 12.5, "currency": "EUR"}}, "body.price.amount"),
        ({"price": {"amount": "12", "currency": "EUR"}}, "body.price.amount"),
        ({"price": {"amount": -1, "currency": "EUR"}}, "body.price.amount"),
        ({"price": {"amount": 1, "currency": "euro"}}, "body.price.currency"),
        ({"price": {"amount": 1, "currency": "EUR", "tax": 1}}, "body.price.tax"),
        ({"attributes": []}, "body.attributes"),
        ({"attributes": {"a": "x" * 16_384}}, "body.attributes"),
        ({"attributes": nested(17)}, "body.attributes"),
        ({"related": ["P"] * 51}, "body.related"),
        ({"related": ["no sku"]}, "body.related.0"),
        ({"images": []}, "body.images"),
        ({"stock": 5}, "body.stock"),
    ],
)
async def test_a_product_that_does_not_fit_is_refused_at_the_member_that_is_wrong(
    http: httpx.AsyncClient, clerk: dict[str, str], change: dict[str, Any], place: str
) -> None:
    assert places(await http.put("/products/A", json=fields(**change), headers=clerk)) == [place]


@pytest.mark.parametrize("value", ["NaN", "1e999", '"\\ud800"', "[" * 900 + "]" * 900])
async def test_attributes_that_json_cannot_carry_on_are_refused(
    http: httpx.AsyncClient, clerk: dict[str, str], value: str
) -> None:
    body = '{"name": "N", "brand": {"id": "b", "name": "B"}, "type": {"id": "t", "name": "T"}'
    body += f', "price": {{"amount": 1, "currency": "EUR"}}, "attributes": {{"a": {value}}}}}'
    answer = await http.put(
        "/products/A", content=body, headers={**clerk, "Content-Type": "application/json"}
    )

    assert places(answer) == ["body.attributes"]


@pytest.mark.parametrize("sku", ["-A", "a b", "x" * 65, "ä", ".hidden"])
async def test_a_sku_is_letters_digits_and_few_marks(
    http: httpx.AsyncClient, clerk: dict[str, str], sku: str
) -> None:
    assert places(await http.put(f"/products/{sku}", json=fields(), headers=clerk)) == ["path.sku"]


async def test_the_sku_in_a_product_may_only_repeat_that_of_its_url(
    http: httpx.AsyncClient, clerk: dict[str, str]
) -> None:
    other = await http.put("/products/A", json=fields(sku="B"), headers=clerk)
    same = await http.put("/products/A", json=fields(sku="A"), headers=clerk)

    assert (other.status_code, other.json()["type"], same.status_code) == (
        422,
        f"{PROBLEM}sku-different",
        201,
    )


async def test_nobody_writes_without_a_token_or_without_the_scope(
    http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    reader = bearer("reader", "shop")
    for method, path, body in (
        ("PUT", "/products/A", fields()),
        ("PATCH", "/products/A", {}),
        ("DELETE", "/products/A", None),
        ("POST", "/imports", {"products": [fields(sku="A")]}),
    ):
        anonymous = await http.request(method, path, json=body, headers=KEY)
        no_scope = await http.request(method, path, json=body, headers={**KEY, **reader})

        assert (anonymous.status_code, no_scope.status_code) == (401, 403)
    assert (await http.get("/products/A")).status_code == 404


async def test_an_import_enters_and_replaces_and_its_retry_changes_nothing(
    http: httpx.AsyncClient, clerk: dict[str, str]
) -> None:
    await enter(http, clerk, "A")
    body = {"products": [fields(sku="A", name="New"), fields(sku="B")]}
    first = await http.post("/imports", json=body, headers={**clerk, **KEY})
    tag = (await http.get("/products/A")).headers["etag"]
    again = await http.post("/imports", json=body, headers={**clerk, **KEY})
    other = await http.post("/imports", json={"products": [fields(sku="C")]}, headers={**clerk, **KEY})

    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (201, {"imported": 2})
    assert other.json()["type"] == f"{PROBLEM}idempotency-key-reused"
    assert (await http.get("/products/A")).json()["name"] == "New"
    assert (await http.get("/products/A")).headers["etag"] == tag


async def test_a_faulty_row_is_named_by_its_place_and_field_and_nothing_comes_in(
    http: httpx.AsyncClient, clerk: dict[str, str]
) -> None:
    rows = [fields(sku="A"), fields(), fields(sku="C", price={"amount": 1.5, "currency": "EUR"})]
    answer = await http.post("/imports", json={"products": rows}, headers={**clerk, **KEY})

    assert places(answer) == ["body.products.1.sku", "body.products.2.price.amount"]
    assert (await http.get("/products/A")).status_code == 404


async def test_a_sku_that_an_import_has_twice_is_named_by_both_rows(
    http: httpx.AsyncClient, clerk: dict[str, str]
) -> None:
    rows = [fields(sku=sku) for sku in ("A", "B", "A")]
    answer = await http.post("/imports", json={"products": rows}, headers={**clerk, **KEY})

    assert places(answer) == ["body.products.2.sku"]
    assert "row 0" in answer.json()["errors"][0]["message"]
    assert (await http.get("/products/B")).status_code == 404


async def test_an_import_has_a_key_and_between_1_and_10000_products(
    http: httpx.AsyncClient, clerk: dict[str, str]
) -> None:
    row = fields(sku="A")
    too_many = await http.post("/imports", json={"products": [row] * 10_001}, headers={**clerk, **KEY})

    assert places(too_many) == ["body.products"]
    assert places(await http.post("/imports", json={"products": []}, headers={**clerk, **KEY})) == [
        "body.products"
    ]
    keyless = await http.post("/imports", json={"products": [row]}, headers=clerk)
    assert places(keyless) == ["header.Idempotency-Key"]
