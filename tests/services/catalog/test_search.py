from hypothesis import given
from hypothesis import strategies as st

from services.catalog.search import MAX_WORD_LENGTH, singular, words


@given(st.text(), st.text(alphabet="abces", min_size=1))
def test_words_are_letters_and_digits_and_no_singular_is_empty(text: str, word: str) -> None:
    assert all(found.isalnum() and len(found) <= MAX_WORD_LENGTH for found in words(text))
    assert singular(word)


def test_words_are_cut_and_folded() -> None:
    assert words("Öl & Tusche") == ["ol", "tusche"]
    assert words("GRÖSSE größe") == ["grosse", "grosse"]
    assert words("NOTE-001, A5") == ["note", "001", "a5"]
    assert words("Printer's \x00 ink_well") == ["printer", "s", "ink", "well"]
    assert words("\"*:()^- '") == []


def test_an_english_plural_and_its_singular_are_one_word() -> None:
    plurals = ["pens", "brushes", "presses", "press", "boxes", "diaries", "notches", "a4s"]

    assert [*map(singular, plurals)] == ["pen", "brush", "press", "press", "box", "diary", "notch", "a4s"]
