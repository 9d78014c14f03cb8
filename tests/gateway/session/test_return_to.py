"""Whatever is asked for, nobody is led to another site."""

from urllib.parse import unquote, urljoin, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.session.return_to import checked
from kit.problems import Problem

HERE = "https://shop.example/web/session/callback"

PIECES = [*"/\\%2f5cF0923A.:?#@a \t\n\r", "%2f", "%5c", "%09", "%25", "é", "\u2028"]
TRICKY = st.lists(st.sampled_from(PIECES)).map("".join)


@given(st.one_of(st.text(), TRICKY.map(lambda rest: f"/{rest}")))
@example("/%2525252f/elsewhere.example")
def test_what_is_let_through_leads_here_however_often_it_is_decoded(text: str) -> None:
    try:
        location = checked(text)
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
    assert checked(path) == path
