"""RFC 9651, section 4.2: what a dictionary is, and that all else is refused as a whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontispiece.http.structured_fields import InvalidStructuredField, parse_dictionary


@pytest.mark.parametrize(
    ("value", "members"),
    [
        (b"", {}),
        (b"   ", {}),
        (b"a", {"a": "?1"}),
        (b"  a=1  ", {"a": "1"}),
        (b"a=1,b=2", {"a": "1", "b": "2"}),
        (b"a=1 \t , \t b", {"a": "1", "b": "?1"}),
        (b"a=1, b, a=2", {"b": "?1", "a": "2"}),
        (b"*a_-.*9=?0", {"*a_-.*9": "?0"}),
        (b"a=-999999999999999", {"a": "-999999999999999"}),
        (b"a=-1.5, b=123456789012.125", {"a": "-1.5", "b": "123456789012.125"}),
        (b'a="", b="x \\"y\\" \\\\ ,;="', {"a": '""', "b": '"x \\"y\\" \\\\ ,;="'}),
        (b"a=*t:/!#$%&'*+-.^_`|~", {"a": "*t:/!#$%&'*+-.^_`|~"}),
        (b"a=::, b=:aGk=:, c=:aGk:", {"a": "::", "b": ":aGk=:", "c": ":aGk:"}),
        (b"a=@1659578233, b=@-1", {"a": "@1659578233", "b": "@-1"}),
        (b'a=%"f%c3%bc r"', {"a": '%"f%c3%bc r"'}),
        (b'a=(), b=(1 2.5  x ), c=( "y";q=1;r )', {"a": "()", "b": "(1 2.5  x )", "c": '( "y";q=1;r )'}),
        (b"a;x;y=1, b=2; z=?1;z=w, c=(1);q", {"a": "?1", "b": "2", "c": "(1)"}),
    ],
)
def test_a_dictionary_has_members_by_name(value: bytes, members: dict[str, str]) -> None:
    parsed = parse_dictionary(value)
    assert parsed == members
    assert list(parsed) == list(members)


@pytest.mark.parametrize(
    "value",
    [
        *(b",", b"a,", b"a,,b", b",a", b"a b", b"a=1;", b"a;=1", b"a;B", b"a; b=", b"a ;b"),
        *(b"A=1", b"9=1", b"a =1", b"a= 1", b"=1", b"a=", b"a=,b", b"\xc3\xbc=1"),
        *(b"a=1000000000000000", b"a=1.", b"a=.5", b"a=1.2345", b"a=1234567890123.1", b"a=--1", b"a=+1"),
        *(b"a=1.2.3", b"a=-", b"a=1e3", b"a=0x1"),
        *(b'a="', b'a="x', b'a="\\x"', b'a="\x7f"', b'a="\t"', b"a='x'", b'a="\xfc"'),
        *(b"a=?2", b"a=?", b"a=?true", b"a=:a=b:", b"a=:abc", b"a=:a:", b"a=:!:", b"a=@1.5", b"a=@", b"a=@x"),
        *(b'a=%"%C3%BC"', b'a=%"%ff"', b'a=%"%4"', b'a=%"x', b"a=%x"),
        *(b"a=(", b"a=(1", b"a=(1,2)", b"a=(1\t2)", b"a=((1))", b'a=("x""y")', b"a=)", b"a=&"),
    ],
)
def test_any_error_makes_the_whole_field_invalid(value: bytes) -> None:
    for field in (value, b"good=1, " + value, value + b", good=1"):
        with pytest.raises(InvalidStructuredField):
            parse_dictionary(field)


@given(st.binary(max_size=60) | st.text('a1*=,;()?:@%"\\ .-').map(str.encode))
def test_any_bytes_are_a_dictionary_or_refused(value: bytes) -> None:
    try:
        parsed = parse_dictionary(value)
    except InvalidStructuredField:
        return
    assert all(isinstance(name, str) for name in parsed)
