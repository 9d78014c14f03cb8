import httpx

from tests.bff.world import Shop


async def test_every_criterion_goes_to_the_catalogue(either: httpx.AsyncClient, shop: Shop) -> None:
    criteria: list[tuple[str, str | int | float | bool | None]] = [
        ("q", "fine & dry"),
        *(("brand", brand) for brand in ("quill", "nib")),
        ("type", "pens"),
        ("min_price", "0"),
        ("max_price", "5000"),
        ("sort", "-price"),
        ("cursor", "a-cursor"),
        ("limit", "2"),
    ]

    found = (await either.get("/search", params=criteria)).json()

    assert len(found.get("items") or found["tiles"]) == 2
    assert shop.last("search").url.params.multi_items() == criteria
