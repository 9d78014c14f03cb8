from itertools import product as product_of

from services.catalog.model import Search, Sort
from services.catalog.store import Store
from shop.money import Money
from tests.services.catalog.goods import look, product, skus

NASTY = (
    *("pen AND", "OR", "NOT pen", "NEAR(pen, 2)", "title:pen", "pen:*", "pen*", "pen & ! | <->", '"pen', '"'),
    *("'", "''", "(pen", ")", "^pen", "-pen", "\\", "%", "_", "';--", "$1", ":question", "%(q)s", "?!"),
    *("😀", "ﬁnd", "筆", "\x00", "pen\x00brush", "a" * 200, "a " * 100, "\u202e\ufeff"),
)


async def test_every_word_must_be_found_whatever_its_case_accents_and_plural(store: Store) -> None:
    wanted: dict[str, set[str]] = {
        "pen ink": {"P-1", "I-1", "I-3"},
        "steel elm": {"P-2"},
        "pen quill": set(),
        "bra": {"P-2"},
        "bra pen": set(),  # only the last word may be incomplete
        "ecriture": {"P-3"},
        "REED PENS": {"P-1"},
        "i-2": {"I-2"},
    }
    for words, found in wanted.items():
        assert set(skus((await look(store, words)).products)) == found, words


async def test_a_name_counts_more_than_a_description(store: Store) -> None:
    found = skus((await look(store, "ink")).products)

    assert set(found[:3]) == {"I-1", "I-2", "I-3"}
    assert found[-1] == "P-1"


async def test_nothing_that_a_shopper_types_breaks_the_search(store: Store) -> None:
    for words in NASTY:
        found = await look(store, words)
        assert found.total == len(found.products), words


async def test_only_punctuation_finds_nothing(store: Store) -> None:
    found = await look(store, "?!")

    assert (found.total, found.products, found.brands, found.types, found.prices) == (0, (), (), (), ())


async def test_names_are_sorted_without_case_and_accents_and_price_ranges_leave_no_gap(store: Store) -> None:
    found = await look(store)

    assert skus(found.products) == ["I-1", "P-2", "I-2", "P-3", "I-3", "P-1"]
    ranges = [(prices.first, prices.last, prices.count) for prices in found.prices]
    assert ranges == [(0, 999, 1), (1000, 2499, 3), (2500, 4999, 1), (25000, None, 1)]


async def test_prices_are_sorted_both_ways_and_equal_ones_by_sku(store: Store) -> None:
    rising = skus((await look(store, sort=Sort.PRICE)).products)
    falling = skus((await look(store, sort=Sort.PRICE_DESCENDING)).products)

    assert rising == ["P-1", "I-1", "I-2", "I-3", "P-2", "P-3"]
    assert falling == ["P-3", "P-2", "I-1", "I-2", "I-3", "P-1"]


async def test_filters_hold_together_and_prices_include_both_ends(store: Store) -> None:
    found = await look(store, brands=frozenset({"elm"}), types=frozenset({"inks", "pens"}), max_price=4000)
    dear = await look(store, min_price=4000)

    assert (skus(found.products), found.total) == (["P-2", "I-2"], 2)
    assert skus(dear.products) == ["P-2", "P-3"]


async def test_a_facet_counts_as_if_its_own_filter_were_not_set(store: Store) -> None:
    found = await look(store, brands=frozenset({"elm"}), types=frozenset({"inks"}), min_price=1000)

    assert [(count.id, count.name, count.count) for count in found.brands] == [
        ("elm", "Elm", 1),
        ("oak", "Oak", 2),
    ]
    assert [(count.id, count.count) for count in found.types] == [("inks", 1), ("pens", 2)]
    assert [(prices.first, prices.last, prices.count) for prices in found.prices] == [(1000, 2499, 1)]
    assert found.total == 1


async def test_slices_put_together_are_the_whole_list(store: Store) -> None:
    for sort, words in product_of(Sort, [None, "ink"]):
        wanted = Search(words=words, sort=sort)
        whole = await store.search(wanted, limit=50)
        part = await store.search(wanted, limit=1)
        slices = skus(part.products)
        while part.after:
            part = await store.search(wanted, limit=1, after=part.after)
            slices += skus(part.products)

        assert slices == skus(whole.products), wanted
        assert len(slices) == whole.total == part.total


async def test_what_is_entered_between_two_slices_moves_no_product(store: Store) -> None:
    wanted = Search(sort=Sort.PRICE)
    first = await store.search(wanted, limit=3)
    await store.add([product("A-0", "Cheapest of all", price=Money(amount=1, currency="EUR"))])

    second = await store.search(wanted, limit=50, after=first.after)
    assert skus(second.products) == ["I-3", "P-2", "P-3"]
