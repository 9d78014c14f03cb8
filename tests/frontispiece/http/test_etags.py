import pytest

from frontispiece.http.etags import matches, matches_strongly


@pytest.mark.parametrize("known", ['"a"', 'W/"a"', '"b","a"', '"b" , W/"a"', "*", " * ", '"a,b", "a"'])
def test_a_tag_is_found_in_the_list(known: str) -> None:
    assert matches(known, '"a"')
    assert matches(known, 'W/"a"')


@pytest.mark.parametrize("tag", ["a", 'w/"a"', "a, b"])
def test_what_is_no_tag_matches_to_the_letter(tag: str) -> None:
    assert matches(tag, tag)
    assert not matches(tag + " ", tag)


@pytest.mark.parametrize("known", [None, "", "a", '"b"', '"a', '"a,b"', '"b*", "*"', "*, x"])
def test_another_list_does_not_name_it(known: str | None) -> None:
    assert not matches(known, '"a"')


@pytest.mark.parametrize("known", ['"a"', '"b","a"', '"b" , "a"', "*", " * ", 'W/"b", "a"', '"a,b", "a"'])
def test_a_strong_tag_is_found_in_the_list(known: str) -> None:
    assert matches_strongly(known, '"a"')


def test_a_weak_tag_matches_no_other_strongly() -> None:
    assert not matches_strongly('W/"a"', 'W/"a"')
