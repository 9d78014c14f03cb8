import time
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontispiece.http.paths import AmbiguousPath, Template, decode_segment, encode_segment, segments_of

REST = Template.parse("/{rest:path}")


def test_a_clear_path_is_read_as_its_normalised_segments() -> None:
    expected = {
        b"/": [""],
        b"/products": ["products"],
        b"/products/": ["products", ""],
        b"/products/NOTE-001": ["products", "NOTE-001"],
        b"/a.b/c..d/.well-known": ["a.b", "c..d", ".well-known"],
        b"/a%20b/%c3%a9": ["a%20b", "%c3%a9"],
        b"/100%25/%252f": ["100%25", "%252f"],
        b"/%41%7e%2D%2e%5F%30/a%2E": ["A~-._0", "a."],
        b"/a%3Bb/a%2bb": ["a%3Bb", "a%2bb"],
        b'/"<>^`{|}': ["%22%3C%3E%5E%60%7B%7C%7D"],
        b"/a;v=1/b,c/@me/~x/!$&'()*+,=:": ["a;v=1", "b,c", "@me", "~x", "!$&'()*+,=:"],
        "/é".encode(): ["%C3%A9"],
    }
    assert {raw: segments_of(raw) for raw in expected} == expected


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "does not begin with a slash"),
        (b"*", "does not begin with a slash"),
        (b"products", "does not begin with a slash"),
        (b"/a%2fb", "encoded slash"),
        (b"/a%2Fb", "encoded slash"),
        (b"/a%5cb", "a backslash"),
        (b"/a\\b", "a backslash"),
        (b"/..", "a dot segment"),
        (b"/a/../b", "a dot segment"),
        (b"/a/./b", "a dot segment"),
        (b"/a/%2e%2e/b", "a dot segment"),
        (b"/a/.%2E", "a dot segment"),
        (b"/%2e", "a dot segment"),
        (b"//", "an empty segment"),
        (b"//a", "an empty segment"),
        (b"/a//b", "an empty segment"),
        (b"/a//", "an empty segment"),
        (b"/a%00", "control character"),
        (b"/a\x00", "control character"),
        (b"/a%0d%0aSet-Cookie:x", "control character"),
        (b"/a%09", "control character"),
        (b"/a%7f", "control character"),
        (b"/a%c2%85", "control character"),
        (b"/a%", "percent sign"),
        (b"/a%2", "percent sign"),
        (b"/a%zz", "percent sign"),
        (b"/%c3", "not UTF-8"),
        (b"/%c0%ae%c0%ae", "not UTF-8"),
        (b"/%c0%af", "not UTF-8"),
        (b"/%ed%a0%80", "not UTF-8"),
        (b"/\xff", "not UTF-8"),
    ],
)
def test_a_path_that_two_readers_could_take_differently_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(AmbiguousPath, match=why):
        segments_of(raw)


@pytest.mark.parametrize("tail", [b"%20", b"%", b"//", b"\x00"])
@pytest.mark.parametrize("piece", [b"a", b"a/", b"ab.c/"])
def test_reading_a_long_path_takes_no_longer_than_its_length_warrants(piece: bytes, tail: bytes) -> None:
    begun = time.thread_time()
    for _ in range(3):
        try:
            segments_of(b"/" + piece * 10_000 + tail)
        except AmbiguousPath:
            continue

    assert time.thread_time() - begun < 5  # and not hours


paths = st.binary(max_size=30).map(lambda tail: b"/" + tail) | st.lists(
    st.sampled_from(
        [b"a", b".", b"..", b"/", b"//", b"%2f", b"%2e", b"%41", b"%c3%a9", b"%", b"\\", b" ", b"?"]
    )
).map(lambda parts: b"/" + b"".join(parts))


@given(paths)
def test_whatever_is_accepted_is_written_and_read_again_as_the_same_segments(raw: bytes) -> None:
    try:
        segments = segments_of(raw)
    except AmbiguousPath:
        return

    written = REST.expand({"rest": segments})
    texts = [decode_segment(segment) for segment in segments]

    assert segments_of(written.encode("ascii")) == segments
    assert texts == unquote_to_bytes(raw[1:]).decode().split("/")
    assert not {"", ".", ".."} & set(texts[:-1])
    assert not any(c in text for text in texts for c in "/\\\x00")


RESERVED = "!$&'()*+,;=:@?#[]"


@given(st.lists(st.sampled_from([*RESERVED, *' "%<>^`{|}é€😀']).map(lambda c: quote(c, safe="")), min_size=1))
def test_what_is_not_unreserved_stays_as_it_was_written(escapes: list[str]) -> None:
    raw = "/x" + "".join(escapes)

    assert "/" + segments_of(raw.encode())[0] == raw
    assert "/" + segments_of(raw.lower().encode())[0] == raw.lower()


@given(st.lists(st.text(min_size=1), min_size=1).filter(lambda s: not {".", ".."} & set(s)))
def test_every_segment_of_printable_text_survives_the_way(texts: list[str]) -> None:
    try:
        written = REST.expand({"rest": [encode_segment(text) for text in texts]})
        assert [decode_segment(segment) for segment in segments_of(written.encode("ascii"))] == texts
    except UnicodeEncodeError:  # a lone surrogate can come in no path
        assert any("\ud800" <= c <= "\udfff" for text in texts for c in text)
    except AmbiguousPath:
        assert any(ord(c) < 0xA0 or c in "/\\" for text in texts for c in text)


def test_a_template_puts_segments_in_the_place_of_its_names() -> None:
    template = Template.parse("/shops/{shop}/files/{rest:path}")

    assert template.names == ("shop", "rest")
    assert template.expand({"shop": ["a%20b"], "rest": ["%C3%A9", "50%25", "x%3F%23"]}) == (
        "/shops/a%20b/files/%C3%A9/50%25/x%3F%23"
    )
    assert str(template) == "/shops/{shop}/files/{rest:path}"


def test_templates_that_match_the_same_paths_have_the_same_shape() -> None:
    assert Template.parse("/a/{x}").shape == Template.parse("/a/{y}").shape
    assert Template.parse("/a/{x}").shape != Template.parse("/a/{x:path}").shape
    assert Template.parse("/a/{x}").shape != Template.parse("/a/x").shape


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("products", "does not begin with a slash"),
        ("", "does not begin with a slash"),
        ("/{a}/{a}", "uses a name twice"),
        ("/{rest:path}/more", "behind a placeholder that takes the rest"),
        ("/{}", "is no placeholder"),
        ("/{a-b}", "is no placeholder"),
        ("/{1a}", "is no placeholder"),
        ("/{a:int}", "is no placeholder"),
        ("/x{a}", "is no placeholder"),
        ("/{a}{b}", "is no placeholder"),
        ("/{a", "is no placeholder"),
        ("/a}", "is no placeholder"),
        ("/a//b", "an empty segment"),
        ("/a/../b", "a dot segment"),
        ("/a%2fb", "plain"),
        ("/a b", "plain"),
        ("/é", "plain"),
        ("/a?b", "plain"),
        ("/a#b", "plain"),
    ],
)
def test_what_is_no_template_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Template.parse(text)
