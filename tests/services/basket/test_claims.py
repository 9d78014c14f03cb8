"""A checkout claims the basket: its lines belong to one order, or are back in the basket."""

import asyncio
from datetime import timedelta

import httpx

from services.basket.model import MAX_ARTICLES, MAX_QUANTITY, BasketEmpty
from services.basket.store import Store
from tests.conftest import MakeToken
from tests.services.basket.conftest import quantities
from tests.services.support import problem_of
from tests.support.clock import Calendar

MINE = "/baskets/reader"
CLAIM = f"{MINE}/claims/o1"
MINUTE = timedelta(minutes=1)


def lines(answer: httpx.Response) -> list[tuple[str, int]]:
    return [(line["sku"], line["quantity"]) for line in answer.json()["lines"]]


async def fill(store: Store, **quantities: int) -> int:
    """The version of the reader's basket with these quantities."""
    return (await store.merge("reader", quantities.items())).version


async def test_claimed_lines_leave_the_basket_and_a_repetition_gets_the_same(http: httpx.AsyncClient) -> None:
    await http.put(f"{MINE}/items/PEN", json={"quantity": 2})
    basket = await http.put(f"{MINE}/items/INK", json={"quantity": 1})
    version = {"version": basket.json()["version"]}

    claimed = await http.put(CLAIM, json=version)
    assert (claimed.status_code, lines(claimed)) == (200, [("INK", 1), ("PEN", 2)])
    assert (await http.get(MINE)).json()["items"] == []

    await http.put(f"{MINE}/items/CAP", json={"quantity": 5})
    again = await http.put(CLAIM, json=version)
    assert (again.status_code, again.json()) == (200, claimed.json())
    assert [line["sku"] for line in (await http.get(MINE)).json()["items"]] == ["CAP"]


async def test_every_change_has_a_version_of_its_own_and_only_the_current_one_can_be_claimed(
    http: httpx.AsyncClient,
) -> None:
    answers = [
        await http.put(f"{MINE}/items/PEN", json={"quantity": 2}),
        await http.put(f"{MINE}/items/PEN", json={"quantity": 3}),
        await http.put(f"{MINE}/items/INK", json={"quantity": 3}),
        await http.delete(f"{MINE}/items/INK"),
    ]
    versions = [answer.json()["version"] for answer in answers]
    assert len(set(versions)) == 4

    refused = await http.put(CLAIM, json={"version": versions[0]})
    assert problem_of(refused) == (409, "basket-changed")
    assert refused.json()["version"] == versions[3] == (await http.get(MINE)).json()["version"]
    assert lines(await http.put(CLAIM, json={"version": versions[3]})) == [("PEN", 3)]


async def test_nothing_can_be_claimed_of_an_empty_basket_or_of_another_user_or_by_a_guest(
    http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    assert problem_of(await http.put(CLAIM, json={"version": 0})) == (422, "basket-empty")
    for method in ("PUT", "DELETE"):
        other = await http.request(method, "/baskets/shopper/claims/o1", json={"version": 1})
        assert problem_of(other) == (404, "basket-unknown")
        guest = await http.request(
            method, "/baskets/guest:1/claims/o1", json={"version": 1}, headers=bearer("guest:1", "guest")
        )
        assert problem_of(guest) == (403, "scope-missing")


async def test_of_five_checkouts_of_one_basket_one_gets_it(store: Store) -> None:
    version = await fill(store, PEN=1)

    outcomes = await asyncio.gather(
        *(store.claim("reader", f"o{number}", version) for number in range(5)), return_exceptions=True
    )

    assert sorted(map(str, map(type, outcomes))) == sorted(map(str, [dict] + [BasketEmpty] * 4))
    assert {"PEN": 1} in outcomes


async def test_a_released_claim_is_back_as_it_was_and_may_be_claimed_again(http: httpx.AsyncClient) -> None:
    before = await http.put(f"{MINE}/items/PEN", json={"quantity": 2})
    version = {"version": before.json()["version"]}
    await http.put(CLAIM, json=version)

    released = [await http.delete(CLAIM) for _ in range(2)]
    assert [answer.status_code for answer in released] == [200, 200]
    assert [answer.json() for answer in released] == [before.json()] * 2
    assert (await http.get(MINE)).headers["etag"] == before.headers["etag"]

    assert lines(await http.put(CLAIM, json=version)) == [("PEN", 2)]
    assert (await http.get(MINE)).json()["items"] == []


async def test_a_claim_that_is_never_completed_is_given_back_at_the_next_access(
    store: Store, clock: Calendar
) -> None:
    version = await fill(store, PEN=2)
    await store.claim("reader", "o1", version)
    clock.now += MINUTE / 2
    await store.claim("reader", "o1", version)
    clock.now += MINUTE / 2
    assert await quantities(store) == {}, "a repeated claim is held anew"

    clock.now += MINUTE
    assert (await store.put("reader", "INK", 1)).quantities == {"INK": 1, "PEN": 2}


async def test_what_finds_no_room_waits_for_it_and_is_seen_waiting(store: Store) -> None:
    version = await fill(store, PEN=MAX_QUANTITY, **{f"A{number}": 1 for number in range(9)})
    await store.claim("reader", "o1", version)
    await store.merge("reader", [("PEN", 4), *((f"B{number}", 1) for number in range(MAX_ARTICLES - 2))])

    released = await store.release("reader", "o1")
    assert len(released.quantities) == MAX_ARTICLES
    assert released.quantities["PEN"] == MAX_QUANTITY
    assert released.waiting == {"PEN": 4, **{f"A{number}": 1 for number in range(1, 9)}}

    await store.remove("reader", "B0")
    after = await store.basket("reader")
    assert "A1" in after.quantities
    assert "A1" not in after.waiting


async def test_setting_removing_and_emptying_mean_the_pieces_that_wait_as_well(store: Store) -> None:
    for change in (
        store.put("reader", "PEN", 7),
        store.remove("reader", "PEN"),
        store.delete("reader"),
    ):
        version = await fill(store, PEN=MAX_QUANTITY)
        await store.claim("reader", "o1", version)
        await store.put("reader", "PEN", 1)
        assert (await store.release("reader", "o1")).waiting == {"PEN": 1}

        await change
        basket = await store.basket("reader")
        assert (basket.waiting, basket.quantities.get("PEN", 7)) == ({}, 7)
        await store.delete("reader")
