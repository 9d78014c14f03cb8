"""Access tokens of a provider that is not ours, as phones bring them."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from frontispiece.security import Identity
from tests.frontispiece.gateway.auth.foreign.conftest import Shop, Town
from tests.frontispiece.gateway.auth.foreign.people import Phone
from tests.frontispiece.gateway.auth.foreign.process import ForeignProvider
from tests.support.serving import Serve, client_of
from tests.support.stub import Stub


@pytest.fixture
async def home(serve: Serve) -> str:
    """The address at which the phone's web views end."""
    return await serve(Stub())


async def called(shop: Shop, headers: dict[str, str]) -> httpx.Response:
    """What the gateway answers to a call with this token."""
    async with client_of(shop.origin) as http:
        return await http.get("/phone", headers=headers)


async def test_a_token_for_this_api_passes(
    town: Town, provider: ForeignProvider, home: str, caller: Callable[[Shop], Identity]
) -> None:
    shop, phone = await town.shop(provider), await Phone.of(provider, home)
    answer = await called(shop, await phone.headers(name="clerk"))

    assert answer.status_code == 200, answer.text
    client = phone.client["client_id"]
    assert caller(shop) == Identity(subject="clerk", scopes=frozenset({"shop"}), client=client)


@pytest.mark.parametrize("resource", ["https://warehouse.example/api", None])
async def test_a_token_for_another_api_or_for_the_provider_itself_is_refused(
    town: Town, provider: ForeignProvider, home: str, resource: str | None
) -> None:
    shop, phone = await town.shop(provider), await Phone.of(provider, home)
    answer = await called(shop, await phone.headers(resource))

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert not shop.things.requests


async def test_keys_are_rotated(town: Town, own_provider: ForeignProvider, home: str) -> None:
    await asyncio.to_thread(own_provider.start)
    shop = await town.shop(own_provider)
    old = await (await Phone.of(own_provider, home)).headers()
    assert (await called(shop, old)).status_code == 200
    await asyncio.to_thread(own_provider.stop)
    await asyncio.to_thread(own_provider.start)
    new = await (await Phone.of(own_provider, home)).headers()

    assert (await called(shop, new)).status_code == 200
    assert (await called(shop, old)).status_code == 401
