import httpx

from frontispiece.service import decode_cursor, encode_cursor
from tests.services.catalog.goods import enter, fields
from tests.services.support import places, problem_of


async def test_a_product_is_entered_and_then_read_without_a_token(http: httpx.AsyncClient) -> None:
    entered = await http.put("/products/NOTE-1", json=fields())
    read = await http.get("/products/NOTE-1")

    assert (entered.status_code, entered.headers["location"]) == (201, "/products/NOTE-1")
    assert read.json() == entered.json()
    assert read.headers["etag"] == entered.headers["etag"]
    assert read.json() | fields(sku="NOTE-1") == read.json()
    assert read.json()["images"][0] == {
        "alt": "Harbour Log",
        "variants": [
            {"url": f"/pictures/NOTE-1/1-{width}.svg", "width": width, "height": width, "format": "svg"}
            for width in (160, 320, 640, 1280)
        ],
    }


async def test_a_batch_keeps_the_order_answers_each_once_and_names_the_unknown(
    http: httpx.AsyncClient,
) -> None:
    await enter(http, "A", "B", "C")
    answer = await http.get("/products", params={"sku": ["C", "NOPE", "A", "C", "\x00"]})

    assert [item["sku"] for item in answer.json()["items"]] == ["C", "A"]
    assert answer.json()["unknown"] == ["NOPE", "\x00"]


async def test_skus_and_a_search_exclude_each_other(http: httpx.AsyncClient) -> None:
    answer = await http.get("/products", params={"sku": "A", "q": "log", "limit": 3})

    assert places(answer) == ["query"]
    assert "limit, q" in answer.json()["errors"][0]["message"]


async def test_a_search_answers_products_total_and_facets(http: httpx.AsyncClient) -> None:
    await enter(http, "A", "B")
    await enter(http, "C", brand={"id": "elm", "name": "Elm"}, price={"amount": 30_000, "currency": "EUR"})
    answer = (await http.get("/products", params={"q": "log", "brand": ["oak", "ash"], "limit": 1})).json()

    assert [item["sku"] for item in answer["items"]] == ["A"]
    assert answer["total"] == 2
    assert answer["facets"] == {
        "brands": [{"id": "elm", "name": "Elm", "count": 1}, {"id": "oak", "name": "Oak", "count": 2}],
        "types": [{"id": "notebooks", "name": "Notebooks", "count": 2}],
        "prices": [{"from": 1000, "to": 2499, "count": 2}],
    }


async def test_a_cursor_fits_its_own_search_only(http: httpx.AsyncClient) -> None:
    await enter(http, "A", "B")
    cursor = (await http.get("/products", params={"limit": 1})).json()["next"]
    own = f"cursor={cursor}"
    others = [f"{own}&sort=price", f"{own}&q=log", f"{own}&brand=oak", f"{own}&min_price=1"]
    fingerprint, sku, value = decode_cursor(cursor, tuple[str, str, str | int])
    forged = encode_cursor(fingerprint, f"{sku}\n", value)
    for query in (*others, f"cursor={forged}", "cursor=bm90LW91cnM", "cursor=é"):
        answer = await http.get(f"/products?{query}")
        assert problem_of(answer) == (422, "cursor-invalid"), query


async def test_a_search_that_does_not_fit_is_refused(http: httpx.AsyncClient) -> None:
    for name, value, place in (
        ("sort", "rating", "query.sort"),
        ("min_price", "-1", "query.min_price"),
        ("max_price", "1e3", "query.max_price"),
        ("brand", "\x00", "query.brand.0"),
        ("limit", "101", "query.limit"),
        ("q", "x" * 201, "query.q"),
    ):
        assert places(await http.get("/products", params={name: value})) == [place], name


async def test_brands_and_types_are_listed_with_their_counts(http: httpx.AsyncClient) -> None:
    await enter(http, "A", "B")

    assert (await http.get("/brands")).json() == {"items": [{"id": "oak", "name": "Oak", "count": 2}]}
    assert (await http.get("/types")).json()["items"][0]["id"] == "notebooks"
