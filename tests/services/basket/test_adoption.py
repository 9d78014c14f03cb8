"""What a guest has put into the basket is the user's after the login."""

import httpx
import valkey

from services.basket.model import MAX_ARTICLES
from services.basket.store import Store
from tests.conftest import MakeToken

GUEST = "guest:1"


async def test_of_each_article_the_larger_quantity_counts_and_the_guest_has_nothing_left(
    store: Store, valkey_url: str
) -> None:
    await store.merge("reader", [("PEN", 1), ("INK", 5), ("CAP", 1)])
    await store.merge(GUEST, [("PEN", 3), ("INK", 2), ("LAMP", 4)])

    adopted = await store.adopt("reader", GUEST)

    assert adopted.quantities == {"CAP": 1, "INK": 5, "LAMP": 4, "PEN": 3}
    assert await store.basket("reader") == adopted
    with valkey.Valkey.from_url(valkey_url) as client:
        [key] = client.keys("basket:*")
        assert 86_000 < client.ttl(key) <= 86_400


async def test_what_finds_no_room_stays_with_the_guest(store: Store) -> None:
    await store.merge("reader", [(f"S{number}", 1) for number in range(MAX_ARTICLES - 1)])
    await store.merge(GUEST, [("S0", 9), ("X1", 1), ("X2", 1)])

    adopted = await store.adopt("reader", GUEST)

    assert len(adopted.quantities) == MAX_ARTICLES
    assert (adopted.quantities["S0"], adopted.quantities["X1"]) == (9, 1)
    assert (await store.basket(GUEST)).quantities == {"X2": 1}


async def test_a_user_takes_over_the_basket_of_the_guest_that_the_token_names(
    http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    guest = bearer(GUEST, "guest")
    await http.put(f"/baskets/{GUEST}/items/PEN", json={"quantity": 2}, headers=guest)

    adopted = await http.post(
        "/baskets/reader/adoption", headers=bearer("reader", "shop", merged_guest=GUEST)
    )

    [line] = adopted.json()["items"]
    assert (adopted.status_code, line["sku"], line["quantity"]) == (200, "PEN", 2)
    assert (await http.get(f"/baskets/{GUEST}", headers=guest)).json()["items"] == []


async def test_a_basket_that_the_token_does_not_name_is_not_taken_over(
    http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    await http.put(f"/baskets/{GUEST}/items/PEN", json={"quantity": 2}, headers=bearer(GUEST, "guest"))

    without = await http.post("/baskets/reader/adoption")
    others = await http.post("/baskets/clerk/adoption", headers=bearer("reader", "shop", merged_guest=GUEST))
    as_guest = await http.post(
        "/baskets/guest:2/adoption", headers=bearer("guest:2", "guest", merged_guest=GUEST)
    )

    assert [a.status_code for a in (without, others, as_guest)] == [403, 404, 403]
    assert (await http.get(f"/baskets/{GUEST}", headers=bearer(GUEST, "guest"))).json()["items"]


async def test_the_basket_of_another_user_is_not_taken_over(
    http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    clerk = bearer("clerk", "shop")
    await http.put("/baskets/clerk/items/PEN", json={"quantity": 2}, headers=clerk)

    for merged in ("clerk", "", "guest", "Guest:1"):
        reader = bearer("reader", "shop", merged_guest=merged)
        taken = await http.post("/baskets/reader/adoption", headers=reader)
        assert (taken.status_code, "www-authenticate" in taken.headers) == (401, True), merged
    assert (await http.get("/baskets/clerk", headers=clerk)).json()["items"]


async def test_a_guest_has_a_basket_but_merges_none(http: httpx.AsyncClient, bearer: MakeToken) -> None:
    http.headers.update(bearer(GUEST, "guest"))

    put = await http.put(f"/baskets/{GUEST}/items/PEN", json={"quantity": 1})
    merged = await http.post(f"/baskets/{GUEST}/merge", json={"items": []})
    anothers = await http.get("/baskets/guest:2")

    assert (put.status_code, merged.status_code, anothers.status_code) == (200, 403, 404)
