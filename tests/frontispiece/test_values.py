import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontispiece.http.problems import Problem, internal
from frontispiece.http.request_id import is_traceparent, new_traceparent, request_id
from frontispiece.service import decode_cursor, encode_cursor
from shop.money import percent_off

KEYS = st.tuples(st.integers(-(2**53), 2**53), st.text())


@given(KEYS)
def test_a_cursor_gives_back_the_key_it_was_made_of(key: tuple[int, str]) -> None:
    assert decode_cursor(encode_cursor(*key), tuple[int, str]) == key


@pytest.mark.parametrize("text", ["", "%", "é", "bm8", "W10", "WyJhIiwxXQ", "a" * 400])
def test_a_cursor_that_the_list_never_gave_out_is_a_422(text: str) -> None:
    with pytest.raises(Problem) as refusal:
        decode_cursor(text, tuple[int, str])
    assert (refusal.value.status, refusal.value.kind) == (422, "cursor-invalid")


@given(st.integers(0, 10**12), st.integers(0, 100))
def test_a_discount_never_gives_away_more_than_it_says(amount: int, percent: int) -> None:
    left = percent_off(amount, percent)

    assert 0 <= left <= amount
    assert 0 <= left - amount * (100 - percent) / 100 < 1


def test_a_problem_has_the_members_of_rfc_9457_and_its_own() -> None:
    body = json.loads(Problem(409, "out-of-stock", "Too little.", lines=[1]).body("r-1"))

    assert body == {
        "type": "urn:frontispiece:problem:out-of-stock",
        "title": "Out of stock",
        "status": 409,
        "detail": "Too little.",
        "lines": [1],
        "request_id": "r-1",
    }


def test_a_problem_passed_on_keeps_its_type() -> None:
    assert Problem(404, "https://errors.example/gone").type == "https://errors.example/gone"


def test_a_bug_is_reported_with_the_request_id_alone() -> None:
    assert json.loads(internal("r-1").body("r-1"))["detail"].endswith("request r-1.")


@pytest.mark.parametrize("fit", [b"r-1", b"A.b_c-9", b"x" * 64])
def test_a_valid_request_id_is_passed_on(fit: bytes) -> None:
    assert request_id(fit) == fit


@pytest.mark.parametrize("unfit", [None, b"", b"a b", b"a\nb", b"x" * 65, "é".encode()])
def test_an_unfit_request_id_is_replaced_by_a_new_one(unfit: bytes | None) -> None:
    first, second = request_id(unfit), request_id(unfit)
    assert first != second
    assert re.fullmatch(rb"[0-9a-f]{32}", first)


@pytest.mark.parametrize(
    "broken", [None, b"", b"rubbish", b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01", b"00-x-y-z"]
)
def test_a_broken_trace_is_none_and_a_new_one_is_not_sampled(broken: bytes | None) -> None:
    assert not is_traceparent(broken)
    assert is_traceparent(new := new_traceparent())
    assert new.endswith(b"-00")
