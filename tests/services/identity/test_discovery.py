"""The discovery document, and settings that cannot work."""

from typing import Any

import pytest

from frontispiece.errors import ConfigError
from services.identity.app import create_app
from services.identity.settings import IdentitySettings
from tests.conftest import AppClient
from tests.services.identity.conftest import MakeSettings
from tests.services.identity.world import ISSUER, MOBILE, WEB, World, clients

NEEDED = {
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
}
"""What OpenID Connect Discovery 1.0, 3, requires."""


async def test_the_discovery_document_names_what_it_must_and_everything_is_there(shop: World) -> None:
    response = await shop.http.get("/.well-known/openid-configuration")
    document = response.json()

    assert set(document) >= NEEDED
    assert document["issuer"] == ISSUER
    assert response.headers["cache-control"] == "public, max-age=1800"
    endpoints = {name: url for name, url in document.items() if name.endswith(("_endpoint", "_uri"))}
    assert len(endpoints) == 6
    for url in endpoints.values():
        assert url.startswith(f"{ISSUER}/")
        statuses = {(await shop.http.request(method, url)).status_code for method in ("GET", "POST")}
        assert 404 not in statuses, url
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["request_uri_parameter_supported"] is False


async def test_health_and_problems(made: MakeSettings, app_client: AppClient) -> None:
    async with app_client(create_app(made())) as http:
        assert (await http.get("/health/ready")).json() == {"status": "ready"}
        assert (await http.get("/nowhere")).headers["content-type"] == "application/problem+json"
        assert (await http.head("/jwks")).status_code == 200


def web(**changes: Any) -> dict[str, Any]:
    """The clients, the web's changed."""
    given = clients()
    given["web"] |= changes
    return {"clients": given}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            web(redirect_uris=[f"{WEB}#x"]),
            "IDENTITY_CLIENTS_WEB_REDIRECT_URIS_0: has a fragment",
        ),
        (web(redirect_uris=["http://shop.example/callback"]), "http to another machine"),
        (web(redirect_uris=["javascript:alert(1)"]), "no domain name in reverse"),
        (web(redirect_uris=["myapp:/callback"]), "no domain name in reverse"),
        (web(redirect_uris=["https:///callback"]), "has no host"),
        (web(redirect_uris=["https://shop.example@evil.example/"]), "has credentials"),
        (web(redirect_uris=["https://shop.example/\u00fc"]), "characters that no URI has"),
        (web(redirect_uris=[]), "IDENTITY_CLIENTS_WEB_REDIRECT_URIS"),
        (web(post_logout_redirect_uris=["http://shop.example/"]), "POST_LOGOUT_REDIRECT_URIS_0"),
        (web(backchannel_logout_uri="ftp://gateway/"), "BACKCHANNEL_LOGOUT_URI"),
        (web(secret="short"), "IDENTITY_CLIENTS_WEB_SECRET"),
        (web(redirect_uri=WEB), "IDENTITY_CLIENTS_WEB_REDIRECT_URI"),
        ({"clients": {"ü": {"redirect_uris": [MOBILE]}}}, "IDENTITY_CLIENTS"),
        ({"issuer": "http://shop.example/identity"}, "IDENTITY_ISSUER"),
        ({"issuer": "https://shop.example/identity/"}, "IDENTITY_ISSUER"),
        ({"issuer": "https://shop.example/identity", "seed": True}, "IDENTITY_SEED"),
        ({"issuer": "HTTPS://shop.example/identity", "seed": True}, "IDENTITY_SEED"),
        ({"issuer": "https://shop.example/identity?x"}, "IDENTITY_ISSUER"),
        ({"issuer": "com.shop:/identity"}, "IDENTITY_ISSUER"),
        ({"encryption_keys": ["short"]}, "IDENTITY_ENCRYPTION_KEYS"),
        ({"encryption_keys": []}, "IDENTITY_ENCRYPTION_KEYS"),
        ({"key_lifetime": 60, "key_prepublish": 60}, "IDENTITY_KEY_PREPUBLISH"),
        ({"algorithm": "HS256"}, "IDENTITY_ALGORITHM"),
        ({"access_token_lifetime": 0}, "IDENTITY_ACCESS_TOKEN_LIFETIME"),
    ],
)
def test_invalid_settings_are_errors(made: MakeSettings, changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        made(**changes)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, made: MakeSettings) -> None:
    given = made()
    monkeypatch.setenv("IDENTITY_DATABASE_URL", given.database_url)
    monkeypatch.setenv("IDENTITY_ISSUER", "https://shop.example/identity")
    monkeypatch.setenv(
        "IDENTITY_CLIENTS", '{"app": {"redirect_uris": ["com.shop:/cb", "https://shop.example/cb"]}}'
    )
    monkeypatch.setenv("IDENTITY_ENCRYPTION_KEYS", f'["{given.encryption_keys[0]}"]')
    read = IdentitySettings(tokens=given.tokens)

    assert not read.clients["app"].is_confidential
    assert read.origin == "https://shop.example"
