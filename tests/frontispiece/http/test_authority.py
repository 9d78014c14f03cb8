import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontispiece.http.authority import host_name, normalised


def test_a_host_is_known_by_its_name_alone() -> None:
    expected = {
        b"shop.example": "shop.example",
        b"SHOP.Example:8080": "shop.example",
        b"shop.example:": "shop.example",
        b"shop.example.": "shop.example",
        b"shop.example.:443": "shop.example",
        b"[::1]:80": "[::1]",
        b"[2001:DB8::1]": "[2001:db8::1]",
        b"": "",
    }
    assert {authority: host_name(authority) for authority in expected} == expected


@pytest.mark.parametrize(
    ("scheme", "authorities"),
    [
        ("http", [b"a.example", b"A.EXAMPLE", b"a.example:", b"a.example:80", b"a.example:080"]),
        ("https", [b"a.example", b"a.example:443"]),
        ("http", [b"a.example:8080", b"A.example:08080"]),
        ("http", [b"[::A]", b"[::a]:", b"[::a]:80"]),
    ],
)
def test_equivalent_authorities_have_one_form(scheme: str, authorities: list[bytes]) -> None:
    assert {normalised(each, scheme) for each in authorities} == {normalised(authorities[0], scheme)}


def test_other_ports_and_names_are_other_authorities() -> None:
    others = [b"a.example", b"a.example:443", b"a.example:8080", b"a.example.", b"b.example", b"a.example:0"]

    assert len({normalised(each, "http") for each in others}) == len(others)


@given(st.binary(max_size=30), st.sampled_from(["http", "https"]))
def test_a_normalised_authority_stays_the_same(authority: bytes, scheme: str) -> None:
    once = normalised(authority, scheme)

    assert normalised(once, scheme) == once or b":" in once.rpartition(b"]")[2].partition(b":")[2]
