import httpx
import pytest

from bff.mobile.display import PRODUCT, TILE, Display
from bff.shapes import Image, Money, Named, Product, Variant
from tests.bff.world import Shop


def product(*widths: int) -> Product:
    """An article with an image of these widths."""
    variants = [Variant(url=f"/{width}", width=width, height=width, format="svg") for width in widths]
    return Product(
        sku="PEN",
        name="Pen",
        description="",
        brand=Named("quill", "Quill"),
        type=Named("pens", "Pens"),
        price=Money(1, "EUR"),
        images=[Image("A pen", variants)],
        attributes={},
        related=[],
    )


@pytest.mark.parametrize(
    ("ratio", "chosen"),
    [(0.5, "/160"), (1, "/160"), (1.01, "/320"), (2, "/320"), (2.1, "/640"), (5, "/1280")],
)
def test_the_smallest_file_that_is_wide_enough_is_chosen(ratio: float, chosen: str) -> None:
    display = Display(ratio=ratio, hint=None)

    assert display.image(product(160, 320, 640, 1280), TILE) == chosen


def test_when_none_is_wide_enough_the_widest_is_chosen() -> None:
    assert Display(ratio=5, hint=None).image(product(160, 320, 640), PRODUCT) == "/640"


def test_the_order_of_the_files_does_not_matter() -> None:
    assert Display(ratio=1, hint=None).image(product(640, 160, 320), PRODUCT) == "/640"
    assert Display(ratio=2, hint=None).image(product(640, 160, 320), TILE) == "/320"


def test_a_ratio_that_binary_fractions_cannot_hold_asks_for_no_pixel_too_many() -> None:
    assert Display(ratio=1.1, hint=None).image(product(176, 320), TILE) == "/176"


def test_the_hint_counts_more_than_the_ratio() -> None:
    assert Display(ratio=5, hint=300).image(product(160, 320, 640), TILE) == "/320"


def test_the_hint_does_not_speak_of_images_beside_the_main_ones() -> None:
    assert Display(ratio=1, hint=640).beside().image(product(160, 320, 640), TILE) == "/160"


def test_an_article_without_a_file_has_no_image() -> None:
    bare = product()
    assert Display(ratio=2, hint=None).image(bare, TILE) is None
    assert Display(ratio=2, hint=320).image(bare, TILE) is None


@pytest.mark.parametrize(
    ("query", "headers", "tile"),
    [
        ("", {}, 320),
        ("?dpr=1", {}, 160),
        ("?dpr=0.5", {}, 160),
        ("?dpr=3", {}, 640),
        ("?dpr=5", {}, 1280),
        ("", {"Width": "500"}, 640),
        ("?dpr=1", {"Width": " 1000 "}, 1280),
        ("?dpr=5", {"Width": "100"}, 160),
        ("?dpr=1", {"Width": "99999"}, 1280),
        ("?dpr=1", {"Width": "0"}, 160),
        ("?dpr=1", {"Width": "-5"}, 160),
        ("?dpr=1", {"Width": "wide"}, 160),
        ("?dpr=1", {"Width": "9" * 5000}, 160),
        ("?dpr=1", {"Width": "²"}, 160),
    ],
)
async def test_a_screen_has_the_images_that_its_display_needs(
    mobile: httpx.AsyncClient, query: str, headers: dict[str, str], tile: int
) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]

    answer = await mobile.get(f"/home{query}", headers=raw)

    assert answer.json()["tiles"][0]["image"] == f"/pictures/PEN/1-{tile}.svg"


@pytest.mark.parametrize("dpr", ["0", "0.49", "5.01", "-1", "nan", "inf", "retina", ""])
async def test_a_ratio_that_no_display_has_is_refused(
    mobile: httpx.AsyncClient, shop: Shop, dpr: str
) -> None:
    for path in ("/home", "/search", "/products/PEN"):
        answer = await mobile.get(path, params={"dpr": dpr})

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["at"] == ["query", "dpr"]
    assert shop.asked == []
