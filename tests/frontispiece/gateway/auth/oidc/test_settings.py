from pathlib import Path

import pytest

from frontispiece.errors import ConfigError
from frontispiece.gateway.auth.oidc import IssuerSettings


def test_without_settings_there_is_no_issuer() -> None:
    assert not IssuerSettings().is_on


@pytest.mark.parametrize(
    "url",
    [
        "https://id.example",
        "https://id.example/realms/shop",
        "http://127.0.0.1:8080/identity",
        "http://[::1]:80",
    ],
)
def test_an_issuer_is_reached_securely_or_on_loopback(url: str) -> None:
    assert IssuerSettings(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "id.example",
        "http://id.example",
        "ftp://id.example",
        "https://",
        "https://id.example?a=b",
        "https://id.example#a",
        "https://user@id.example",
        "http://127.0.0.1.evil.example",
    ],
)
def test_other_issuers_are_faults_by_name(url: str) -> None:
    with pytest.raises(ConfigError, match="ISSUER_URL"):
        IssuerSettings(url=url)


@pytest.mark.parametrize(
    "jwks", ["https://id.example/jwks?v=1", "http://127.0.0.1:8080/jwks", "{file}", "file://{file}"]
)
def test_the_key_set_is_at_a_secure_url_or_in_a_file(tmp_path: Path, jwks: str) -> None:
    (file := tmp_path / "a key set.json").write_text("{}")
    settings = IssuerSettings(url="http://any.issuer", jwks=jwks.format(file=file))

    assert settings.is_on
    assert not settings.has_discovery
    assert settings.jwks_file == (file if "file" in jwks else None)


@pytest.mark.parametrize(
    ("url", "jwks", "variable"),
    [
        ("https://id.example", "http://id.example/jwks", "JWKS"),
        ("https://id.example", "ftp://id.example/jwks", "JWKS"),
        ("https://id.example", "https://user@id.example/jwks", "JWKS"),
        ("https://id.example", "/no/such/file.json", "JWKS"),
        ("https://id.example", "/", "JWKS"),
        ("off", "https://id.example/jwks", "URL"),
    ],
)
def test_another_key_set_or_one_without_an_issuer_is_an_error(url: str, jwks: str, variable: str) -> None:
    with pytest.raises(ConfigError, match=f"ISSUER_{variable}"):
        IssuerSettings(url=url, jwks=jwks)


def test_the_way_to_it_may_be_any_within_the_own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISSUER_BACKEND_URL", "http://identity:8000/")
    assert IssuerSettings().backend_url == "http://identity:8000"

    monkeypatch.setenv("ISSUER_BACKEND_URL", "identity:8000")
    with pytest.raises(ConfigError, match="ISSUER_BACKEND_URL"):
        IssuerSettings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALGORITHMS", '["HS256"]'),
        ("ALGORITHMS", '["none"]'),
        ("ALGORITHMS", "[]"),
        ("CLOCK_SKEW", "61"),
        ("CLOCK_SKEW", "-1"),
        ("JWKS_REFRESH_INTERVAL", "0"),
        ("AUDIENCE", ""),
    ],
)
def test_what_would_open_doors_is_a_fault(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(f"ISSUER_{variable}", value)

    with pytest.raises(ConfigError, match=f"ISSUER_{variable}"):
        IssuerSettings()
