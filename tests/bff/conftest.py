from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from bff.mobile.app import create_app as create_mobile
from bff.web.app import create_app as create_web
from frontispiece.pages import AuthenticatedBffSettings, BffSettings
from frontispiece.settings import Directory, TokenSettings
from tests.bff.discounts import discount_server
from tests.bff.documents import article, order, review
from tests.bff.times import extend
from tests.bff.world import HTTP_SERVICES, Shop, behind_respx
from tests.conftest import AppClient


@pytest.fixture
def enforced() -> frozenset[str]:
    """Which times pages keep, of `deadline` and `timeout`: none, so that a slow machine degrades no page."""
    return frozenset()


@pytest.fixture(autouse=True)
def times(enforced: frozenset[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Give pages all the time they need where they are not to keep their own."""
    extend(monkeypatch, enforced)


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop that sells PEN (10 % off, with a review), INK (nearly sold out) and CAP (sold out)."""
    shop = Shop(
        stock={"PEN": 40, "INK": 3, "CAP": 0},
        percent={"PEN": 10},
        ratings={"PEN": (4.3, 12)},
        reviews=[review(number) for number in range(1, 8)],
        basket={"PEN": 2, "INK": 1},
        orders=[order(2), order(1)],
        quotes=[
            {"method": "standard", "amount": 490, "currency": "EUR", "days": 3, "later": 1},
            {"method": "express", "amount": 990, "currency": "EUR", "days": 1},
        ],
    )
    shop.sells(article("PEN", related=["INK", "CAP"]), article("INK", 850), article("CAP", 100))
    with behind_respx(shop):
        yield shop


@pytest.fixture
async def settings(shop: Shop, token_settings: TokenSettings, signing_key: str) -> AsyncIterator[BffSettings]:
    """The settings of a BFF in that shop."""
    services = {name: f"httpx+http://{name}.test" for name in HTTP_SERVICES}
    async with discount_server(shop) as discounts:
        directory = Directory(services={**services, "discount-grpc": discounts})
        yield AuthenticatedBffSettings(
            directory=directory, signing_key=signing_key, tokens=token_settings, accept_any_document=True
        )


@pytest.fixture
async def web(settings: BffSettings, app_client: AppClient) -> AsyncIterator[httpx.AsyncClient]:
    """The web BFF in that shop."""
    async with app_client(create_web(settings)) as client:
        yield client


@pytest.fixture
async def mobile(settings: BffSettings, app_client: AppClient) -> AsyncIterator[httpx.AsyncClient]:
    """The mobile BFF in that shop."""
    async with app_client(create_mobile(settings)) as client:
        yield client


@pytest.fixture(params=["web", "mobile"])
async def either(
    request: pytest.FixtureRequest, settings: BffSettings, app_client: AppClient
) -> AsyncIterator[httpx.AsyncClient]:
    """A BFF in that shop: every test that asks runs on the web's and on the mobile client's."""
    create = create_web if request.param == "web" else create_mobile
    async with app_client(create(settings)) as client:
        yield client


@pytest.fixture
def audience(request: pytest.FixtureRequest) -> str:
    """The BFF that a test's tokens are for: the one that it asks."""
    if "either" in request.fixturenames:
        return f"bff-{request.node.callspec.params['either']}"
    return "bff-mobile" if "mobile" in request.fixturenames else "bff-web"
