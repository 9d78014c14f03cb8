import json
from functools import partial
from pathlib import Path

import httpx
import pytest

from shop.demo import SKUS
from tests.support.checkouts import complete
from tests.support.front import run
from tests.support.shop import ROOT, RunningShop, in_both_layouts

pytestmark = pytest.mark.e2e

REAL = ROOT.parent / "shared" / "data" / "eshop-catalog.json"


@in_both_layouts
def test_a_desktop_page_shows_everything_in_one_call(http: httpx.Client) -> None:
    page = complete(lambda: http.get("/web/products/PENS-001")).json()

    assert page["name"]
    assert page["breadcrumbs"][1]["label"] == "Pens"
    assert {variant["width"] for variant in page["images"][0]["variants"]} >= {160, 1280}
    assert page["attributes"]
    assert page["price"]["currency"] == "EUR"
    assert isinstance(page["available"], int)
    assert page["reviews"]["rating"]["count"] >= len(page["reviews"]["latest"])
    assert page["related"]
    assert all(card["stars"] is not None and card["available"] is not None for card in page["related"])


def test_a_phone_gets_the_same_article_in_a_fraction_of_the_bytes(http: httpx.Client) -> None:
    page = complete(lambda: http.get("/web/products/PENS-001")).json()
    sku, related = page["sku"], [card["sku"] for card in page["related"]]
    replaced = [
        f"/api/catalog/products/{sku}",
        f"/api/inventory/stock/{sku}",
        f"/api/reviews/reviews?sku={sku}",
        f"/api/reviews/summaries/{sku}",
        "/api/catalog/products?" + "&".join(f"sku={other}" for other in related),
    ]
    services = sum(len(http.get(path).content) for path in replaced)

    screen = complete(lambda: http.get(f"/mobile/products/{sku}", params={"dpr": 2}))

    assert screen.json()["name"] == page["name"]
    assert len(screen.content) <= services / 4


@pytest.mark.parametrize(
    ("screen", "articles"),
    [
        ("/mobile/home", "/api/catalog/products?limit=8&sort=name"),
        ("/mobile/search?q=pen", "/api/catalog/products?limit=12&q=pen"),
    ],
)
def test_a_list_on_a_phone_takes_a_quarter_of_the_calls_it_replaces(
    http: httpx.Client, screen: str, articles: str
) -> None:
    found = http.get(articles)
    skus = [article["sku"] for article in found.json()["items"]]
    stock = http.get("/api/inventory/stock", params={"sku": skus})

    shown = complete(lambda: http.get(screen))

    assert {tile["sku"] for tile in shown.json()["tiles"]} == set(skus)
    assert len(shown.content) <= (len(found.content) + len(stock.content)) / 4


def test_both_start_pages_show_the_departments(http: httpx.Client) -> None:
    web, mobile = (complete(partial(http.get, f"/{kind}/home")).json() for kind in ("web", "mobile"))

    assert len(web["types"]) == len(mobile["types"]) == 8
    assert web["featured"]


def test_a_search_is_narrowed_and_read_to_its_end_page_by_page(http: httpx.Client) -> None:
    first = http.get("/web/search", params={"type": "pens", "sort": "price", "limit": 20}).json()
    second = http.get(
        "/web/search", params={"type": "pens", "sort": "price", "limit": 20, "cursor": first["next"]}
    ).json()

    items = first["items"] + second["items"]
    assert first["total"] == len(items) == 32
    assert second["next"] is None
    prices = [item["list_price"]["amount"] for item in items]
    assert prices == sorted(prices)
    assert {item["type"]["id"] for item in items} == {"pens"}


def test_every_article_of_the_first_data_has_a_stock(http: httpx.Client) -> None:
    for begin in range(0, len(SKUS), 100):
        batch = http.get("/api/inventory/stock", params={"sku": SKUS[begin : begin + 100]}).json()
        assert batch["unknown"] == []


@in_both_layouts
@pytest.mark.parametrize(
    "path", ["/web/home", "/pictures/INKS-003/1-160.svg", "/api/catalog/products/INKS-003"]
)
def test_head_has_the_headers_of_get_without_its_body(http: httpx.Client, path: str) -> None:
    whole = {"Accept-Encoding": "identity"}  # how long a compressed answer is, only compressing it tells
    told, sent = http.head(path, headers=whole), http.get(path, headers=whole)

    assert (told.status_code, told.content) == (200, b"")
    assert told.headers["content-length"] == str(len(sent.content))
    assert told.headers["content-type"] == sent.headers["content-type"]


def test_an_unknown_article_is_a_404_on_every_way(http: httpx.Client) -> None:
    for path in ("/web/products/NOPE", "/mobile/products/NOPE", "/api/catalog/products/NOPE"):
        answer = http.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:frontispiece:problem:product-unknown"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.skipif(not REAL.exists(), reason="the catalogue file lies beside the checkout, and is not there")
def test_a_real_catalogue_is_imported_and_served_by_both_bffs(http: httpx.Client, shop: RunningShop) -> None:
    done = run("import", REAL, "--url", shop.url)
    assert done.returncode == 0, done.stderr
    assert '{"imported":101}' in done.stdout

    for entry in json.loads(REAL.read_text()):
        sku = f"ESHOP-{entry['Id']:04d}"
        page, screen = (
            complete(partial(http.get, f"/{kind}/products/{sku}")).json() for kind in ("web", "mobile")
        )
        assert page["name"] == screen["name"] == entry["Name"]
        assert page["list_price"]["amount"] == round(entry["Price"] * 100)
    found = http.get("/web/search", params={"q": "hiking boots"}).json()
    assert found["total"] >= 1


def test_a_wrong_row_of_a_catalogue_is_named_and_nothing_is_imported(
    http: httpx.Client, shop: RunningShop, tmp_path: Path
) -> None:
    row = {"Id": 7001, "Type": "Pens", "Brand": "B", "Name": "N", "Description": "D", "Price": 5.0}
    file = tmp_path / "catalogue.json"
    file.write_text(json.dumps([row, {**row, "Id": 7002, "Price": -5.0}], indent=1))

    done = run("import", file, "--url", shop.url)

    assert done.returncode == 1
    assert "row 2, field Price" in done.stderr
    assert http.get("/api/catalog/products/ESHOP-7001").status_code == 404
