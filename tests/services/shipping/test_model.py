"""The tariff: which countries, methods and pieces cost what."""

import pytest

from services.shipping.model import (
    DOMESTIC,
    EUROPE,
    EUROPEAN_UNION,
    OVERSEAS,
    PIECES_PER_PARCEL,
    CountryNotServed,
    Method,
    quotes,
    tracking_code,
)


def test_every_country_is_in_one_zone_at_most() -> None:
    zones = (DOMESTIC, EUROPEAN_UNION, EUROPE, OVERSEAS)

    assert len(frozenset().union(*zones)) == sum(map(len, zones))


def test_every_country_has_every_method_and_express_costs_more_and_is_faster() -> None:
    for country in DOMESTIC | EUROPEAN_UNION | EUROPE | OVERSEAS:
        standard, express = quotes(country, 1)

        assert (standard.method, express.method) == (Method.STANDARD, Method.EXPRESS)
        assert standard.amount < express.amount
        assert standard.days > express.days


def test_pieces_beyond_one_parcel_cost_another_one() -> None:
    (one, _), (full, _), (two, _) = (quotes("DE", n) for n in (1, PIECES_PER_PARCEL, PIECES_PER_PARCEL + 1))

    assert (full.amount, two.amount) == (one.amount, 2 * one.amount)


def test_a_country_of_no_zone_is_not_served() -> None:
    for country in ("XX", "de", ""):
        with pytest.raises(CountryNotServed):
            quotes(country, 1)


def test_an_order_has_one_tracking_code() -> None:
    codes = {tracking_code(f"order-{number}") for number in range(1000)}

    assert len(codes) == 1000
    assert {len(code) for code in codes} == {14}
