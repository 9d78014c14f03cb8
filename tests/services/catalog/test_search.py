import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.search import LONGEST_WORD, singular, words


@given(st.text())
def test_words_hold_letters_and_digits_only_whatever_the_text(text: str) -> None:
    found = words(text)

    assert all(word.isalnum() and len(word) <= LONGEST_WORD for word in found)


@given(st.text(alphabet="abces"))
def test_something_is_left_of_every_word_without_its_plural_ending(text: str) -> None:
    assert not text or singular(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Öl & Tusche", ["ol", "tusche"]),
        ("GRÖSSE größe", ["grosse", "grosse"]),
        ("NOTE-001, A5", ["note", "001", "a5"]),
        ("Printer's \x00 ink_well", ["printer", "s", "ink", "well"]),
        ("\"*:()^- '", []),
    ],
)
def test_words_are_cut_and_folded(text: str, found: list[str]) -> None:
    assert words(text) == found


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("pens", "pen"),
        ("brushes", "brush"),
        ("presses", "press"),
        ("press", "press"),
        ("boxes", "box"),
        ("diaries", "diary"),
        ("notches", "notch"),
        ("a4s", "a4s"),
    ],
)
def test_an_english_plural_and_its_singular_are_one_word(plural: str, one: str) -> None:
    assert singular(plural) == one
