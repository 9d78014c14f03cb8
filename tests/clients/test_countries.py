"""The countries that customers can choose."""

import re
from pathlib import Path

from services.shipping.model import TARIFF

FILE = Path(__file__).parents[2] / "clients/shared/countries.js"


def test_the_clients_offer_the_countries_to_which_the_shop_delivers_and_no_other() -> None:
    offered = re.findall(r'"([A-Z]{2})"', FILE.read_text(encoding="utf-8"))

    assert sorted(offered) == sorted(country for zone, _ in TARIFF for country in zone)
