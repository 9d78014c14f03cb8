from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontispiece.http.dates import http_date, parse_date


@pytest.mark.parametrize(
    "date", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_all_three_forms_of_a_date_are_the_same(date: str) -> None:
    assert parse_date(date.encode()) == 784_111_777


@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_every_second_of_the_calendar_that_is_written_is_read_as_the_same(seconds: int) -> None:
    assert parse_date(http_date(seconds)) == seconds


def test_the_calendar_ends_with_the_year_9999_and_has_no_year_0() -> None:
    assert (
        parse_date(b"Fri, 31 Dec 9999 23:59:59 GMT")
        == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
    )
    assert parse_date(b"Sat, 01 Jan 0000 00:00:00 GMT") is None
    assert parse_date(b"Sat Jan  1 00:00:00 0000") is None


_DIGITS = st.text("0123456789", min_size=1, max_size=30)


@given(
    st.binary(max_size=100) | st.builds("Sat, {} Jan {} {}:{}:{} GMT".format, *[_DIGITS] * 5).map(str.encode)
)
def test_whatever_is_no_date_is_none_and_no_failure(value: bytes) -> None:
    assert parse_date(value) is None or len(value) <= 64
