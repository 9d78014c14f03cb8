import pytest

from frontispiece.http.headers import FOR_EVERY_RECIPIENT, HOP_BY_HOP, end_to_end, joined, members


def test_the_lines_of_a_list_are_one_list() -> None:
    headers = [(b"x", b"a, b"), (b"y", b"-"), (b"x", b""), (b"x", b" c,,d ")]

    assert joined(headers, b"x") == b"a, b,, c,,d "
    assert members(headers, b"x") == [b"a", b"b", b"c", b"d"]
    assert (joined(headers, b"z"), members(headers, b"z")) == (b"", [])


def test_what_connection_names_in_any_line_and_case_concerns_one_connection() -> None:
    headers = [
        (b"x-first", b"1"),
        (b"connection", b"X-First , close"),
        (b"x-kept", b"1"),
        (b"x-third", b"1"),
        (b"connection", b"x-SECOND,,x-third"),
    ]

    assert end_to_end(headers) == [(b"x-kept", b"1")]


@pytest.mark.parametrize("name", sorted(FOR_EVERY_RECIPIENT))
def test_connection_cannot_name_what_every_recipient_goes_by(name: bytes) -> None:
    assert end_to_end([(b"connection", b"x, " + name), (name, b"1")]) == [(name, b"1")]
    assert name not in HOP_BY_HOP
