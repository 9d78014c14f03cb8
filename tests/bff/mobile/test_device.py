import httpx
import pytest

from tests.bff.world import Shop


@pytest.mark.parametrize(
    ("query", "headers", "tile"),
    [
        ("", {}, 320),
        ("?dpr=1", {}, 160),
        ("?dpr=0.5", {}, 160),
        ("?dpr=1.01", {}, 320),
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


async def test_images_are_chosen_by_width_alone_and_the_widest_where_none_is_wide_enough(
    mobile: httpx.AsyncClient, shop: Shop
) -> None:
    async def images(dpr: float) -> list[str | None]:
        tiles = (await mobile.get("/home", params={"dpr": dpr})).json()["tiles"]
        return [tile.get("image") for tile in tiles]

    by_sku: dict[str, tuple[int, ...]] = {"PEN": (640, 160, 320), "INK": (176, 320), "CAP": ()}
    for sku, widths in by_sku.items():
        variants = [{"url": f"/{w}", "width": w, "height": w, "format": "svg"} for w in widths]
        shop.products[sku]["images"] = [{"alt": sku, "variants": variants}]

    assert await images(1.1) == ["/320", "/176", None]  # 160 * 1.1 is 176 and no fraction more
    assert await images(5) == ["/640", "/320", None]
