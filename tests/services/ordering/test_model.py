from hypothesis import given
from hypothesis import strategies as st

from services.ordering.model import Article, Item, intent_id, price
from shop.money import Money

SKUS = st.sampled_from([f"SKU-{number}" for number in range(20)])
ITEMS = st.dictionaries(SKUS, st.integers(1, 999), min_size=1).map(
    lambda wanted: [Item(sku=sku, quantity=quantity) for sku, quantity in wanted.items()]
)
PRICES = st.fixed_dictionaries({f"SKU-{number}": st.integers(0, 10_000_000) for number in range(20)})
PERCENTS = st.dictionaries(SKUS, st.integers(0, 100))


def article(sku: str, amount: int, currency: str = "EUR") -> Article:
    return Article(
        sku=sku, name=sku.title(), price=Money(amount=amount, currency=currency), type="pens", brand="quill"
    )


def articles(prices: dict[str, int]) -> dict[str, Article]:
    return {sku: article(sku, amount) for sku, amount in prices.items()}


@given(items=ITEMS, prices=PRICES, percents=PERCENTS)
def test_totals_add_up_and_are_never_negative_and_no_discount_exceeds_what_it_is_taken_off(
    items: list[Item], prices: dict[str, int], percents: dict[str, int]
) -> None:
    bill = price(items, articles(prices), percents)

    assert bill.subtotal - bill.discount == bill.total
    assert bill.total == sum(line.total for line in bill.lines)
    assert bill.pieces == sum(item.quantity for item in items)
    assert all(0 <= line.total <= line.subtotal for line in bill.lines)
    assert 0 <= bill.discount <= bill.subtotal


@given(items=ITEMS, prices=PRICES, percents=PERCENTS)
def test_a_pieces_price_does_not_depend_on_how_many_there_are(
    items: list[Item], prices: dict[str, int], percents: dict[str, int]
) -> None:
    singles = price([Item(sku=item.sku, quantity=1) for item in items], articles(prices), percents)
    bill = price(items, articles(prices), percents)

    for single, line in zip(singles.lines, bill.lines, strict=True):
        assert line.total == single.total * line.quantity


def test_a_half_minor_unit_stays_with_the_shop_on_every_piece() -> None:
    bill = price([Item(sku="PEN", quantity=3)], {"PEN": article("PEN", 333)}, {"PEN": 50})

    assert (bill.subtotal, bill.total, bill.discount) == (999, 501, 498)


def test_an_order_has_one_id_for_every_owner_and_key() -> None:
    assert intent_id("reader", "key-1") == intent_id("reader", "key-1")
    assert len({intent_id("a", "bc"), intent_id("ab", "c"), intent_id("a", "c"), intent_id("b", "bc")}) == 4
