"""Nothing that logs and traces tell of a URL is anybody's name, address or token, however it is written."""

import pytest

from frontispiece.telemetry.redaction import names, path, personal, word

JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJyZWFkZXIifQ.c2lnbmF0dXJl"


def test_a_path_is_redacted_and_in_printable_ascii() -> None:
    expected = {
        "/things/7": "/things/7",
        "/orders/6f9619ff-8b86-d011-b42d-00c04fc964ff": "/orders/6f9619ff-8b86-d011-b42d-00c04fc964ff",
        "/users/reader@example.test": "/users/REDACTED",
        "/users/reader%40example.test/cart": "/users/REDACTED/cart",
        "/users/reader%2540example.test": "/users/REDACTED",
        "/users/reader%252540example.test": "/users/REDACTED",
        f"/reset/{JWT}": "/reset/REDACTED",
        "/reset/" + "a1" * 32: "/reset/REDACTED",
        "/things;jsessionid=abc/7": "/things;REDACTED/7",
        "/a\nb\r\x1b[31m\x7f": "/a%0Ab%0D%1B[31m%7F",
        "/a\u2028b": "/a%E2%80%A8b",
        "/a%0Ab": "/a%0Ab",
        "": "",
    }
    assert {raw: path(raw) for raw in expected} == expected


def test_a_segment_that_identifies_a_person_is_redacted() -> None:
    person = personal({"user": ["jo hn"], "sku": ["PENS-001"]})

    assert path("/baskets/jo%20hn/items/PENS-001", person) == "/baskets/REDACTED/items/PENS-001"
    assert personal({"owner": "jo", "user": ["j%20h"]}) == {"jo", "j h"}


@pytest.mark.parametrize("piece", [".", "%2525", "a" * 39 + "."])
def test_redacting_a_long_path_takes_no_longer_than_its_length_warrants(piece: str) -> None:
    raw = "/" + piece * (500_000 // len(piece))

    assert path(raw) == raw  # and not after half an hour


def test_of_a_query_only_names_are_logged() -> None:
    expected = {
        "": [],
        "q=me@example.test&page=2": ["q", "page"],
        "access_token=abc": ["access_token"],
        JWT: ["REDACTED"],
        "me@example.test": ["REDACTED"],
        "a%0Ab=1": ["REDACTED"],
        "a\nb=1&\x1b[31m": ["REDACTED", "REDACTED"],
        "&".join(["a=1"] * 100): ["a"] * 20,
    }
    assert {query: names(query) for query in expected} == expected


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("rate-limited", "rate-limited"),
        ("me@example.test", "REDACTED"),
        ("a\nb", "a%0Ab"),
        ("-" * 200, "REDACTED"),
    ],
)
def test_a_word_is_redacted_and_on_one_short_line(text: str, redacted: str) -> None:
    assert word(text) == redacted
