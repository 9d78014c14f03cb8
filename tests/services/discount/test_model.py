import pytest

from kit.demo import SKUS
from services.discount import seed
from services.discount.model import EVERY_ARTICLE, NO_COUPON, Discount, Terms, best, given_coupon


def rule(percent: int, sku: str = "PEN") -> Discount:
    return Discount(id=f"{sku}-{percent}", sku=sku, percent=percent, coupon="", description="", version=1)


def test_the_most_percent_win_whether_for_one_article_or_for_all() -> None:
    assert best([rule(10), rule(20, EVERY_ARTICLE), rule(50, "INK")], "PEN") == rule(20, EVERY_ARTICLE)
    assert best([rule(30), rule(20, EVERY_ARTICLE)], "PEN") == rule(30)


def test_of_equal_percent_the_rule_for_just_this_article_wins() -> None:
    assert best([rule(20, EVERY_ARTICLE), rule(20)], "PEN") == rule(20)


def test_an_article_without_rules_gets_none() -> None:
    assert best([rule(50, "INK")], "PEN") is None


@pytest.mark.parametrize(
    ("typed", "compared"),
    [
        ("Ink20", "INK20"),
        (" ink20 ", "INK20"),
        ("no such\x00coupon", NO_COUPON),
        ("ß" * 30, NO_COUPON),
        ("", ""),
    ],
)
def test_a_typed_coupon_is_compared_in_capitals_and_nonsense_is_none(typed: str, compared: str) -> None:
    assert given_coupon(typed) == compared


def test_every_fault_of_terms_is_named_at_once() -> None:
    wrong = Terms(sku="S" * 65, percent=91, coupon="a b", description="\x00")

    assert set(wrong.faults()) == {"sku", "percent", "coupon", "description"}


def test_the_first_data_are_true_rules_the_same_in_every_run() -> None:
    rules = list(seed.rules())

    assert rules == list(seed.rules())
    assert not any(terms.faults() for terms in rules)
    assert {terms.sku for terms in rules} <= {*SKUS, EVERY_ARTICLE}
    assert 0.15 < sum(terms.coupon == NO_COUPON for terms in rules) / len(SKUS) < 0.25
    assert {terms.coupon for terms in rules} >= {"WELCOME10", "INK20", "PAPER15"}
