"""Nothing that logs and traces tell of a URL is anybody's name, address or token, however it is written."""

import pytest

from kit.redaction import names, path, personal, word

JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJyZWFkZXIifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("/things/7", "/things/7"),
        ("/orders/6f9619ff-8b86-d011-b42d-00c04fc964ff", "/orders/6f9619ff-8b86-d011-b42d-00c04fc964ff"),
        ("/users/reader@example.test", "/users/REDACTED"),
        ("/users/reader%40example.test/cart", "/users/REDACTED/cart"),
        ("/users/reader%2540example.test", "/users/REDACTED"),
        ("/users/reader%252540example.test", "/users/REDACTED"),
        (f"/reset/{JWT}", "/reset/REDACTED"),
        ("/reset/" + "a1" * 32, "/reset/REDACTED"),
        ("/things;jsessionid=abc/7", "/things;REDACTED/7"),
        ("/a\nb\r\x1b[31m\x7f", "/a%0Ab%0D%1B[31m%7F"),
        ("/a\u2028b", "/a%E2%80%A8b"),
        ("/a%0Ab", "/a%0Ab"),
        ("", ""),
    ],
)
def test_a_path_is_told_without_secrets_and_in_printable_ascii(raw: str, told: str) -> None:
    assert path(raw) == told


def test_a_segment_that_stands_for_somebody_is_not_told() -> None:
    somebody = personal({"user": ["jo hn"], "sku": ["PENS-001"]})

    assert path("/baskets/jo%20hn/items/PENS-001", somebody) == "/baskets/REDACTED/items/PENS-001"
    assert personal({"owner": "jo"}) == {"jo"}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", []),
        ("q=me@example.test&page=2", ["q", "page"]),
        ("access_token=abc", ["access_token"]),
        (JWT, ["REDACTED"]),
        ("me@example.test", ["REDACTED"]),
        ("a%0Ab=1", ["REDACTED"]),
        ("a\nb=1&\x1b[31m", ["REDACTED", "REDACTED"]),
        ("&".join(["a=1"] * 100), ["a"] * 20),
    ],
)
def test_of_a_query_only_names_are_told(query: str, told: list[str]) -> None:
    assert names(query) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rate-limited", "rate-limited"),
        ("me@example.test", "REDACTED"),
        ("a\nb", "a%0Ab"),
        ("-" * 200, "REDACTED"),
    ],
)
def test_a_word_that_others_chose_is_told_on_one_short_line(text: str, told: str) -> None:
    assert word(text) == told
