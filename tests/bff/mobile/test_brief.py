import pytest

from bff.mobile.brief import sentences, shortened


@pytest.mark.parametrize(
    ("text", "first_two"),
    [
        ("", ""),
        ("No end", "No end"),
        ("One.", "One."),
        ("One. Two.", "One. Two."),
        ("One. Two. Three.", "One. Two."),
        ("One! Two? Three.", "One! Two?"),
        ("One…  Two.\nThree.", "One…  Two."),
        ("“One.” “Two.” Three.", "“One.” “Two.”"),
        (
            "It is 1.5 mm wide, e.g. for paper. It writes. It ends.",
            "It is 1.5 mm wide, e.g. for paper. It writes.",
        ),
        ("Holds approx. 12 g. Ünder. Three.", "Holds approx. 12 g. Ünder."),
        ("Yes?! No. Three", "Yes?! No."),
        ("...", "..."),
    ],
)
def test_a_description_is_cut_after_its_second_sentence(text: str, first_two: str) -> None:
    assert sentences(text, 2) == first_two


def test_ideographic_sentences_need_no_space_between_them() -> None:
    full_stop = "\N{IDEOGRAPHIC FULL STOP}"

    assert sentences(f"一{full_stop}二{full_stop}三{full_stop}", 2) == f"一{full_stop}二{full_stop}"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("", ""),
        ("ten chars!", "ten chars!"),
        ("more than ten", "more than…"),
        ("a wholelongword", "a wholelo…"),
        ("wholelongword", "wholelong…"),
    ],
)
def test_a_text_is_cut_between_words_where_that_does_not_cost_half_of_it(text: str, short: str) -> None:
    assert shortened(text, 10) == short
    assert len(shortened(text, 10)) <= 10
