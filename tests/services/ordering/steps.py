"""What the tests of failures and of retries do and look at alike."""

import httpx

from tests.services.ordering.world import Shop


async def place(
    http: httpx.AsyncClient, headers: dict[str, str], coupon: str | None = None
) -> httpx.Response:
    return await http.post("/orders", json={"coupon": coupon}, headers=headers)


def told(answer: httpx.Response) -> tuple[int, str, str | None]:
    assert answer.headers["content-type"] == "application/problem+json"
    kind = answer.json()["type"].removeprefix("urn:frontispiece:problem:")
    return answer.status_code, kind, answer.json().get("service")


async def listed(http: httpx.AsyncClient, headers: dict[str, str]) -> list[str]:
    return [order["status"] for order in (await http.get("/orders", headers=headers)).json()["items"]]


async def then_one_order(http: httpx.AsyncClient, shop: Shop, headers: dict[str, str]) -> None:
    """Trying again succeeds: one order, sold once, the basket empty."""
    answer = await place(http, headers)
    assert (answer.status_code, answer.json()["status"]) == (202, "confirmed")
    assert answer.json()["total"]["amount"] == 1666
    assert await listed(http, headers) == ["confirmed"]
    assert shop.sold == {"PEN": 2, "INK": 1}
    assert shop.stock == {"PEN": 8, "INK": 9}
    assert shop.basket == {}
