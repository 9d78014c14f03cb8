"""`front sales` against a server that answers what it pleases."""

from pathlib import Path
from typing import Any

import pytest
import respx
from typer.testing import CliRunner

from services.sales.cli import REPORT, app
from services.sales.model import Grouping
from tests.support.commands import printed

URL = "http://127.0.0.1:9"

MONEY = {"amount": 1000, "currency": "EUR"}
ROW = {
    "key": "",
    **dict.fromkeys(("placed", "completed", "cancelled", "pieces"), 1),
    "conversion": 1.0,
    **dict.fromkeys(("basket_value", "refunded", "revenue"), MONEY),
}
REPORT_OF_ONE = {"first": "2026-01-01", "last": "2026-01-02", **{each.value: [ROW] for each in Grouping}}


@pytest.mark.parametrize(
    ("arguments", "answer", "error"),
    [
        (["--svg", "/nowhere/sales.svg"], {}, "/nowhere/sales.svg cannot be written: No such file"),
        ([], {"json": None, "text": "<html>"}, "has no such report: JSON is malformed"),
        ([], {"json": [ROW]}, "has no such report: Expected `object`, got `array`"),
        (["--token", "ü"], {}, "The token is none"),
        (["--url", "http://[::1"], {}, "http://[::1 is no address"),
    ],
)
def test_an_error_is_one_line(
    arguments: list[str], answer: dict[str, Any], error: str, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get(URL + REPORT).respond(**({"json": REPORT_OF_ONE} | answer))

    result = CliRunner().invoke(app, ["--token", "t", "--url", URL, *arguments])

    assert result.exit_code == 1
    assert error in printed(result)


def test_the_picture_of_the_total_has_its_bar(tmp_path: Path, respx_mock: respx.MockRouter) -> None:
    respx_mock.get(URL + REPORT).respond(json=REPORT_OF_ONE)
    picture = tmp_path / "sales.svg"

    result = CliRunner().invoke(app, ["--token", "t", "--url", URL, "--by", "total", "--svg", str(picture)])

    assert result.exit_code == 0
    assert picture.read_text().count("<rect") == 1
