"""An order that was interrupted is carried on, and tries that run at once make one order."""

import asyncio

import httpx
import pytest

from tests.conftest import AppClient
from tests.services.ordering.conftest import MakeOrdering
from tests.services.ordering.steps import listed, place, then_one_order, told
from tests.services.ordering.world import Shop, answers, problem, raises


@pytest.mark.parametrize("step", ["reserve", "commit"])
async def test_a_step_that_was_carried_out_though_its_answer_was_lost_is_not_done_twice(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str], step: str
) -> None:
    shop.lost.add(step)

    assert told(await place(http, reader)) == (503, "upstream-unavailable", "inventory")
    assert await listed(http, reader) == ["pending"]
    await then_one_order(http, shop, reader)


@pytest.mark.parametrize("step", ["reserve", "commit"])
async def test_a_retry_carries_on_with_the_first_lines_and_prices_and_leaves_the_new_basket_alone(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str], step: str
) -> None:
    shop.lost.add(step)
    await place(http, reader)
    shop.sells("PEN", 999)
    shop.basket = {"INK": 4, "PEN": 2}
    answer = await place(http, reader)

    assert answer.json()["total"]["amount"] == 1666
    assert shop.sold == {"PEN": 2, "INK": 1}
    assert shop.basket == {"INK": 4}


@pytest.mark.parametrize("step", ["clear", "basket"])
async def test_an_order_stands_though_its_basket_cannot_be_emptied(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str], step: str
) -> None:
    async def later() -> None:
        shop.trouble[step] = answers(problem(500, "broken"))

    shop.trouble["commit"] = later
    first = await place(http, reader)
    again = await place(http, reader)

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert shop.sold == {"PEN": 2, "INK": 1}
    assert shop.basket == {"PEN": 2, "INK": 1}


async def test_a_reservation_that_ended_meanwhile_is_made_anew(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.trouble["commit"] = raises(httpx.ConnectError("refused"))
    await place(http, reader)
    shop.expire()

    await then_one_order(http, shop, reader)


async def test_an_inventory_that_ends_every_reservation_is_not_asked_for_ever(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    async def expire() -> None:
        shop.expire()
        shop.trouble["commit"] = expire

    shop.trouble["commit"] = expire
    assert told(await place(http, reader)) == (502, "upstream-failed", "inventory")

    shop.trouble.clear()
    await then_one_order(http, shop, reader)


async def test_one_intent_sent_many_times_at_once_is_one_order(
    database_url: str, make_ordering: MakeOrdering, app_client: AppClient, shop: Shop, reader: dict[str, str]
) -> None:
    async with app_client(make_ordering(database_url)) as http:
        outcomes = await asyncio.gather(*(place(http, reader) for _ in range(10)))

        assert [answer.status_code for answer in outcomes] == [202] * 10
        assert all(answer.json() == outcomes[0].json() for answer in outcomes)
        await then_one_order(http, shop, reader)


async def test_a_try_that_finds_too_little_in_stock_takes_the_order_of_the_one_that_found_enough(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    async def order_and_run_out() -> httpx.Response | None:
        seen.append(await place(http, reader))
        return problem(409, "out-of-stock", lines=[{"sku": "PEN", "wanted": 2, "available": 0}])

    seen: list[httpx.Response] = []
    shop.trouble["reserve"] = order_and_run_out
    answer = await place(http, reader)

    assert answer.status_code == 202
    assert answer.json() == seen[0].json()
    await then_one_order(http, shop, reader)


async def test_a_try_whose_order_another_one_withdrew_is_told_to_try_again(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    async def run_out_and_come_in() -> None:
        shop.stock["PEN"] = 0
        seen.append(await place(http, reader))
        shop.stock["PEN"] = 10

    seen: list[httpx.Response] = []
    shop.trouble["reserve"] = run_out_and_come_in
    answer = await place(http, reader)

    assert told(seen[0])[:2] == (409, "out-of-stock")
    assert told(answer)[:2] == (409, "request-in-progress")
    assert shop.sold == {}
    await then_one_order(http, shop, reader)


async def test_a_try_that_finds_the_basket_just_emptied_by_another_one_has_its_order(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    async def order() -> None:
        seen.append(await place(http, reader))

    seen: list[httpx.Response] = []
    shop.trouble["basket"] = order
    answer = await place(http, reader)

    assert (answer.status_code, answer.json()) == (202, seen[0].json())
    await then_one_order(http, shop, reader)
