import httpx

from tests.bff.world import Shop


async def test_the_screen_shows_everything_computed_and_nothing_that_does_not_apply(
    mobile: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.added_at = {"PEN": 1190, "INK": 850}

    response = await mobile.post("/checkout/draft", json={"country": "DE"}, headers=reader)

    assert response.headers["vary"] == "accept-language, width"
    assert response.json() == {
        "basket_version": 7,
        "lines": [
            {
                "sku": "PEN",
                "quantity": 2,
                "name": "Fine PEN",
                "image": "/pictures/PEN/1-320.svg",
                "total": "€23.22",
                "badges": ["\N{MINUS SIGN}10%"],
                "price_when_added": "€11.90",
            },
            {
                "sku": "INK",
                "quantity": 1,
                "name": "Fine INK",
                "image": "/pictures/INK/1-320.svg",
                "total": "€8.50",
                "badges": ["Only 3 left"],
            },
        ],
        "goods": "€31.72",
        "saved": "€2.58",
        "deliveries": [
            {
                "method": "standard",
                "days": 3,
                "price": "€4.90",
                "total": "€36.62",
                "amount": {"amount": 3662, "currency": "EUR"},
            },
            {
                "method": "express",
                "days": 1,
                "price": "€9.90",
                "total": "€41.62",
                "amount": {"amount": 4162, "currency": "EUR"},
            },
        ],
    }


async def test_a_coupon_that_applies_is_shown(
    mobile: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.coupons = {"INK20": {"INK": 20}}

    screen = (await mobile.post("/checkout/draft", json={"coupon": "INK20"}, headers=reader)).json()

    assert screen["coupon_applied"] is True
    assert screen["goods"] == "€30.02"
