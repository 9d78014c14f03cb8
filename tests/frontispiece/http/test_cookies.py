"""Cookies of a request: which names count, and what several of one name mean."""

import pytest

from frontispiece.http import DuplicateCookie, cookies, single_cookie

SESSION = b"__Host-Http-session"

NOT_TRIMMED = [
    pytest.param(b"\xa0", id="a no-break space in Latin-1"),
    pytest.param(b"\x85", id="the next-line character in Latin-1"),
    pytest.param(b"\xc2\xa0", id="a no-break space in UTF-8"),
    pytest.param("\u2003".encode(), id="an em space in UTF-8"),
    pytest.param(b"\x0b", id="a vertical tab"),
    pytest.param(b"\x0c", id="a form feed"),
    pytest.param(b"\x1c", id="a file separator"),
    pytest.param(b"\x1f", id="a unit separator"),
    pytest.param(b"\x00", id="a NUL"),
    pytest.param(b'"', id="a quote"),
]


@pytest.mark.parametrize("character", NOT_TRIMMED)
def test_a_name_with_a_character_that_no_token_has_names_no_cookie(character: bytes) -> None:
    for line in (character + SESSION + b"=theirs", SESSION + character + b"=theirs"):
        assert single_cookie([(b"cookie", line)], SESSION) is None
        assert list(cookies([(b"cookie", b"a=1; " + line + b"; b=2")])) == [(b"a", b"1"), (b"b", b"2")]


def test_spaces_and_tabs_around_a_name_and_a_value_are_no_part_of_them() -> None:
    headers = [(b"cookie", b"a=1;\t __Host-Http-session \t=  mine \t;b=2")]

    assert single_cookie(headers, SESSION) == b"mine"


def test_a_name_is_compared_byte_by_byte() -> None:
    assert single_cookie([(b"cookie", b"__host-http-session=theirs")], SESSION) is None


def test_a_value_without_a_name_is_no_cookie() -> None:
    headers = [(b"cookie", b"__Host-Http-session; =__Host-Http-session=theirs; ;")]

    assert list(cookies(headers)) == []


def test_a_value_keeps_its_quotes_and_equals_signs() -> None:
    assert single_cookie([(b"cookie", b'a="b=c="')], b"a") == b'"b=c="'


def test_cookies_may_come_in_several_fields() -> None:
    headers = [(b"cookie", b"a=1"), (b"accept", b"x=y"), (b"cookie", b"b=2")]

    assert list(cookies(headers)) == [(b"a", b"1"), (b"b", b"2")]
    assert single_cookie(headers, b"c") is None


@pytest.mark.parametrize("fields", [[b"a=1; a=2"], [b"a=1", b"a=1"]])
def test_several_cookies_of_a_name_are_no_single_cookie(fields: list[bytes]) -> None:
    headers = [(b"cookie", line) for line in fields]

    assert [name for name, _ in cookies(headers)] == [b"a", b"a"]
    with pytest.raises(DuplicateCookie, match="the cookie a comes more than once"):
        single_cookie(headers, b"a")
