import json
from typing import Any

import httpx

from tests.services.catalog.goods import fields
from tests.services.support import PROBLEM, places


async def test_a_known_product_is_written_with_its_current_version_only(http: httpx.AsyncClient) -> None:
    tag = (await http.put("/products/A", json=fields())).headers["etag"]
    changed = await http.put("/products/A", json=fields(name="B"), headers={"If-Match": tag})
    late = await http.put("/products/A", json=fields(name="C"), headers={"If-Match": tag})
    blind = await http.put("/products/A", json=fields(name="C"))
    unknown = await http.put("/products/NEW", json=fields(), headers={"If-Match": tag})

    assert [a.status_code for a in (changed, late, blind, unknown)] == [200, 412, 428, 412]
    assert changed.headers["etag"] != tag
    assert (await http.get("/products/A")).json()["name"] == "B"
    assert (await http.get("/products/NEW")).status_code == 404


async def test_if_match_with_a_star_means_any_version_of_a_product_that_exists(
    http: httpx.AsyncClient,
) -> None:
    await http.put("/products/A", json=fields())
    star = {"If-Match": "*"}
    missing = [await http.put("/products/NEW", json=fields(), headers=star)]
    missing += [await http.patch("/products/NEW", json={"name": "B"}, headers=star)]
    replaced = await http.put("/products/A", json=fields(name="B"), headers=star)
    patched = await http.patch("/products/A", json={"name": "C"}, headers=star)
    deleted = await http.delete("/products/A", headers=star)

    assert [response.status_code for response in missing] == [412, 404]
    assert [response.status_code for response in (replaced, patched, deleted)] == [200, 200, 204]


async def test_a_merge_patch_changes_what_it_names(http: httpx.AsyncClient) -> None:
    tag = (await http.put("/products/A", json=fields())).headers["etag"]
    headers = {"If-Match": tag, "Content-Type": "application/merge-patch+json"}
    attributes: dict[str, Any] = {"leaves": None, "paper": {"gsm": 90, "lines": None}}
    attributes |= {"ruled": True, "rows": [{"mm": 5}], "size": {"a": {"b": None}}}
    change = {"price": {"amount": 999}, "description": None, "attributes": attributes}
    answer = await http.patch("/products/A", content=json.dumps(change), headers=headers)

    assert answer.status_code == 200
    assert answer.json()["price"] == {"amount": 999, "currency": "EUR"}
    assert (answer.json()["description"], answer.json()["name"]) == ("", "Harbour Log")
    assert answer.json()["attributes"] == {
        "paper": {"gsm": 90},
        "ruled": True,
        "rows": [{"mm": 5}],
        "size": {"a": {}},
    }
    assert answer.headers["etag"] == (await http.get("/products/A")).headers["etag"] != tag


async def test_a_patch_is_refused_when_late_blind_for_an_unknown_product_or_unfit(
    http: httpx.AsyncClient,
) -> None:
    tag = (await http.put("/products/A", json=fields())).headers["etag"]
    known = {"If-Match": tag}
    late = await http.patch("/products/A", json={"name": "B"}, headers={"If-Match": '"1"'})
    blind = await http.patch("/products/A", json={"name": "B"})
    unknown = await http.patch("/products/NOPE", json={"name": "B"}, headers=known)
    renamed = await http.patch("/products/A", json={"sku": "B"}, headers=known)

    assert [a.status_code for a in (late, blind, unknown, renamed)] == [412, 428, 404, 422]
    assert places(await http.patch("/products/A", json={"name": None}, headers=known)) == ["body.name"]
    assert places(await http.patch("/products/A", json={"images": []}, headers=known)) == ["body.images"]
    assert places(await http.patch("/products/A", json=["name"], headers=known)) == ["body"]
    assert (await http.get("/products/A")).headers["etag"] == tag


async def test_a_deleted_product_is_gone(http: httpx.AsyncClient) -> None:
    tag = (await http.put("/products/A", json=fields())).headers["etag"]
    late = await http.delete("/products/A", headers={"If-Match": '"1"'})
    blind = await http.delete("/products/A")
    gone = await http.delete("/products/A", headers={"If-Match": tag})

    assert [a.status_code for a in (late, blind, gone)] == [412, 428, 204]
    assert (await http.get("/products/A")).status_code == 404
    assert (await http.get("/products", params={"q": "harbour"})).json()["total"] == 0
    assert (await http.delete("/products/A", headers={"If-Match": tag})).status_code == 404


def nested(levels: int) -> dict[str, Any]:
    return {"a": nested(levels - 1)} if levels else {}


UNFIT: list[tuple[dict[str, Any], str]] = [
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
]


async def test_a_product_that_does_not_fit_is_refused_at_the_member_that_is_wrong(
    http: httpx.AsyncClient,
) -> None:
    for change, place in UNFIT:
        assert places(await http.put("/products/A", json=fields(**change))) == [place], change


async def test_attributes_that_json_cannot_carry_on_are_refused(http: httpx.AsyncClient) -> None:
    body = '{"name": "N", "brand": {"id": "b", "name": "B"}, "type": {"id": "t", "name": "T"}'
    for value in ("NaN", "1e999", '"\\ud800"', "[" * 500 + "]" * 500):
        rest = f', "price": {{"amount": 1, "currency": "EUR"}}, "attributes": {{"a": {value}}}}}'
        headers = {"Content-Type": "application/json"}
        answer = await http.put("/products/A", content=body + rest, headers=headers)

        assert places(answer) == ["body.attributes"], value


async def test_a_sku_is_letters_digits_and_few_marks(http: httpx.AsyncClient) -> None:
    for sku in ("-A", "a b", "x" * 65, "ä", ".hidden"):
        assert places(await http.put(f"/products/{sku}", json=fields())) == ["path.sku"], sku


async def test_the_sku_in_a_product_may_only_repeat_that_of_its_url(http: httpx.AsyncClient) -> None:
    other = await http.put("/products/A", json=fields(sku="B"))
    same = await http.put("/products/A", json=fields(sku="A"))

    assert (other.status_code, other.json()["type"], same.status_code) == (
        422,
        f"{PROBLEM}sku-different",
        201,
    )
