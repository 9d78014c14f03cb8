import pytest

from gateway.oidc import IssuerSettings
from kit.faults import Faulty


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
    with pytest.raises(Faulty, match="ISSUER_URL"):
        IssuerSettings(url=url)


def test_the_way_to_it_may_be_any_within_the_own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISSUER_VIA", "http://identity:8000/")
    assert IssuerSettings().via == "http://identity:8000"

    monkeypatch.setenv("ISSUER_VIA", "identity:8000")
    with pytest.raises(Faulty, match="ISSUER_VIA"):
        IssuerSettings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALGORITHMS", '["HS256"]'),
        ("ALGORITHMS", '["none"]'),
        ("ALGORITHMS", "[]"),
        ("SKEW", "61"),
        ("SKEW", "-1"),
        ("KEYS_EVERY", "0"),
        ("AUDIENCE", ""),
    ],
)
def test_what_would_open_doors_is_a_fault(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(f"ISSUER_{variable}", value)

    with pytest.raises(Faulty, match=f"ISSUER_{variable}"):
        IssuerSettings()
