"""An order that was interrupted is carried on, and tries that run at once make one order."""

import asyncio

import httpx
import pytest

from services.ordering.event_store import Conflict
from tests.services.ordering.conftest import OpenShop
from tests.services.ordering.world import Shop, answers, problem, raises, refusal


@pytest.mark.parametrize("step", ["claim", "catalog", "quote"])
async def test_a_step_that_was_carried_out_though_its_answer_was_lost_is_repeated(
    shop: Shop, step: str
) -> None:
    shop.lost.add(step)

    assert refusal(await shop.place())[0] in {502, 503}
    assert await shop.statuses() == []
    await shop.a_retry_makes_one_order()


async def test_when_nothing_is_ordered_the_basket_is_given_back(shop: Shop) -> None:
    shop.trouble["catalog"] = answers(problem(500, "broken"))
    await shop.place()

    assert (shop.basket, shop.claims) == ({"PEN": 2, "INK": 1}, {})


async def test_a_basket_that_cannot_be_given_back_now_does_not_hide_why(shop: Shop) -> None:
    """The claim ends on its own."""
    shop.trouble["catalog"] = answers(problem(500, "broken"))
    shop.trouble["release"] = raises(httpx.ConnectError("refused"))

    assert refusal(await shop.place()) == (502, "upstream-failed", "catalog")
    await shop.a_retry_makes_one_order()


async def test_one_intent_sent_many_times_at_once_is_one_order(
    database_url: str, open_shop: OpenShop
) -> None:
    async with open_shop(database_url) as shop:
        outcomes = await asyncio.gather(*(shop.place() for _ in range(10)))

        assert [answer.status_code for answer in outcomes] == [202] * 10
        assert all(answer.json() == outcomes[0].json() for answer in outcomes)
        await shop.a_retry_makes_one_order()


async def test_one_basket_ordered_at_once_with_different_keys_is_one_order(
    database_url: str, open_shop: OpenShop
) -> None:
    async with open_shop(database_url) as shop:
        outcomes = await asyncio.gather(
            *(shop.place({**shop.headers, "Idempotency-Key": f"intent-{number}"}) for number in range(5))
        )

        assert sorted(answer.status_code for answer in outcomes) == [202, 422, 422, 422, 422]
        assert len(shop.claims) == 1


async def test_an_attempt_that_fails_while_another_one_succeeds_has_its_order(shop: Shop) -> None:
    async def order_and_fail() -> httpx.Response | None:
        seen.append(await shop.place())
        return problem(500, "broken")

    seen: list[httpx.Response] = []
    shop.trouble["quote"] = order_and_fail
    answer = await shop.place()

    assert (answer.status_code, answer.json()) == (202, seen[0].json())
    await shop.a_retry_makes_one_order()


async def test_an_order_that_others_keep_changing_is_to_be_tried_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def be_overtaken(*_args: object) -> int:
        raise Conflict

    with monkeypatch.context() as patch:
        patch.setattr("services.ordering.store.event_store.append", be_overtaken)
        answer = await shop.place()
    assert refusal(answer)[:2] == (409, "request-in-progress")
    assert answer.headers["retry-after"] == "1"
    await shop.a_retry_makes_one_order()


async def test_a_customer_who_presses_again_with_a_new_key_does_not_buy_twice(shop: Shop) -> None:
    """The basket that was ordered is empty: there is nothing left to buy."""
    await shop.place()
    again = await shop.place({**shop.headers, "Idempotency-Key": "pressed-again"})

    assert refusal(again) == (422, "basket-empty", "basket")
    assert len(shop.claims) == 1
