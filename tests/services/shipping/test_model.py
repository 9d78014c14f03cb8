"""The tariff: which countries, methods and pieces cost what."""

from services.shipping.model import (
    DOMESTIC,
    EUROPE,
    EUROPEAN_UNION,
    OVERSEAS,
    PIECES_PER_PARCEL,
    Method,
    quotes,
)


def test_every_country_has_every_method_and_express_costs_more_and_is_faster() -> None:
    for country in DOMESTIC | EUROPEAN_UNION | EUROPE | OVERSEAS:
        standard, express = quotes(country, 1)

        assert (standard.method, express.method) == (Method.STANDARD, Method.EXPRESS)
        assert standard.amount < express.amount
        assert standard.days > express.days


def test_pieces_beyond_one_parcel_cost_another_one() -> None:
    (one, _), (full, _), (two, _) = (quotes("DE", n) for n in (1, PIECES_PER_PARCEL, PIECES_PER_PARCEL + 1))

    assert (full.amount, two.amount) == (one.amount, 2 * one.amount)
