import httpx
import pytest

from tests.support.checkouts import complete

pytestmark = pytest.mark.e2e


def test_a_summary_joins_what_three_services_say_without_code(http: httpx.Client) -> None:
    summary = complete(lambda: http.get("/api/products/PENS-001/summary")).json()

    assert list(summary) == ["product", "stock", "rating", "related"]
    assert set(summary["product"]) == {"sku", "name", "brand", "price"}
    assert set(summary["product"]["brand"]) == {"name"}
    assert set(summary["stock"]) == {"available"}
    assert set(summary["rating"]) == {"count", "average"}
    product = http.get("/api/catalog/products/PENS-001").json()
    assert [item["sku"] for item in summary["related"]] == product["related"]


def test_a_summary_of_an_unknown_article_is_the_catalogues_own_404(http: httpx.Client) -> None:
    answer = http.get("/api/products/NOTHING-1/summary")

    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:frontispiece:problem:product-unknown"
    assert answer.json()["source"] == "product"
