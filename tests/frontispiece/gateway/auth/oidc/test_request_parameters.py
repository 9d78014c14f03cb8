"""Further parameters of authorization and token requests, by settings."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from frontispiece.errors import ConfigError
from frontispiece.gateway.app import Gateway
from frontispiece.gateway.auth.oidc import IssuerSettings, Provider, TokenRefused
from frontispiece.gateway.auth.session import SessionSettings
from frontispiece.gateway.config import table
from frontispiece.gateway.runtime import Runtime
from frontispiece.security import Signer, new_key
from frontispiece.settings import Directory
from tests.support.issuer_login import SECRET, LoginIssuer, login_issuer_at
from tests.support.serving import Serve, client_of, nobody_there
from tests.support.tables import route, route_table

RESOURCE = "https://shop.example/api"
URL = "https://issuer.example"
ROUTES = route_table(route("/mine", auth="session"), session={"scopes": ["openid"]})


@pytest.fixture
async def issuer(serve: Serve) -> LoginIssuer:
    """The issuer, which notes what it is asked."""
    return await login_issuer_at(serve)


async def test_a_login_asks_for_the_resource_and_with_the_parameters_of_the_settings(
    serve: Serve, issuer: LoginIssuer, valkey_url: str, signing_key: str
) -> None:
    parameters = {"prompt": "consent", "audience": "the shop & more"}
    settings = IssuerSettings(url=issuer.url, resource=RESOURCE, login_parameters=parameters)
    runtime = Runtime(
        Directory(services={"things": nobody_there()}),
        signer=Signer(signing_key, "gateway"),
        provider=Provider(settings, client_id="web", client_secret=SECRET),
        session=SessionSettings(
            origin="https://shop.example",
            valkey_url=valkey_url,
            encryption_keys=[new_key()],
            client_secret=SECRET,
        ),
    )
    gateway = Gateway(table.parse(ROUTES), runtime)
    async with client_of(await serve(gateway)) as http:
        answers = [
            await http.get(f"/web/session/login{link}") for link in ("", "?prompt=login", "?prompt=none")
        ]
    asked, *by_links = (dict(parse_qsl(urlsplit(each.headers["location"]).query)) for each in answers)

    assert asked.items() >= (parameters | {"resource": RESOURCE}).items()
    assert (asked["response_type"], asked["client_id"], asked["scope"]) == ("code", "web", "openid")
    assert [each["prompt"] for each in by_links] == ["login consent", "none"]


@pytest.mark.parametrize(("resource", "told"), [(RESOURCE, RESOURCE), ("off", None)])
async def test_token_requests_name_the_resource(issuer: LoginIssuer, resource: str, told: str | None) -> None:
    settings = IssuerSettings(url=issuer.url, resource=resource)
    async with Provider(settings, client_id="web", client_secret=SECRET) as provider:
        with pytest.raises(TokenRefused):
            await provider.exchange("a code", "a verifier", "https://shop.example/web/session/callback")
        with pytest.raises(TokenRefused):
            await provider.refresh("a token")

    kinds = [form["grant_type"] for form in issuer.forms]
    assert kinds == ["authorization_code", "refresh_token"]
    assert [form.get("resource") for form in issuer.forms] == [told, told]


@pytest.mark.parametrize("name", ["state", "nonce", "redirect_uri", "code_challenge", "request", "resource"])
def test_what_the_safety_of_a_login_depends_on_is_not_for_settings_to_say(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        IssuerSettings(url=URL, login_parameters={"prompt": "consent", name: "something"})


@pytest.mark.parametrize("resource", ["shop", "/api", "https://shop.example/api#part", ""])
def test_a_resource_is_an_absolute_uri(resource: str) -> None:
    with pytest.raises(ConfigError, match="absolute URI"):
        IssuerSettings(url=URL, resource=resource)


def test_parameters_come_from_a_variable_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISSUER_LOGIN_PARAMETERS", '{"prompt": "consent"}')

    assert IssuerSettings(url=URL).login_parameters == {"prompt": "consent"}
