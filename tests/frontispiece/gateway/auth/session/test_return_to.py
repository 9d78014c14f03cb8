"""`return_to` never leads to another site, however it is encoded."""

from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from frontispiece.gateway.auth.session.login_link import MAX_RETURN_TO, check_return_to
from frontispiece.http.problems import Problem

HERE = "https://shop.example/web/session/callback"

PIECES = [*"/\\%2f5cF0923A.:?#@a \t\n\r", "%2f", "%5c", "%09", "%25", "é", "\u2028"]
TRICKY = st.lists(st.sampled_from(PIECES)).map("".join)


@given(st.one_of(st.text(), TRICKY.map(lambda rest: f"/{rest}")))
@example("/%2525252f/elsewhere.example")
def test_what_is_let_through_leads_here_however_often_it_is_decoded(text: str) -> None:
    try:
        location = check_return_to(text)
    except Problem:
        return
    assert location.isascii()
    assert location.isprintable()
    for _ in range(4):
        assert urlsplit(urljoin(HERE, location)).netloc == "shop.example"
        assert location[:1] == "/"
        assert location[1:2] not in {"/", "\\", "\t", "\n", "\r"}
        location = unquote(location, errors="replace")


@given(st.from_regex(r"\A/[a-z0-9]{1,8}(/[a-z0-9.-]{1,8}){0,3}(\?[a-z]=[a-z0-9%]{0,1})?(#[a-z]+)?\Z"))
def test_usual_paths_come_through_as_they_are(path: str) -> None:
    assert check_return_to(path) == path


@pytest.mark.parametrize("letter", ["a", "é", "語", "😀", " ", '"'])
def test_it_is_bounded_as_it_is_sent(letter: str) -> None:
    fits = (MAX_RETURN_TO - 1) // len(check_return_to(f"/{letter}").removeprefix("/"))
    assert len(check_return_to("/" + letter * fits)) <= MAX_RETURN_TO

    with pytest.raises(Problem, match="characters"):
        check_return_to("/" + letter * (fits + 1))
