"""`front sales` against a server that answers what it pleases."""

from pathlib import Path
from typing import Any

import pytest
import respx
from typer.testing import CliRunner

from services.sales.cli import REPORT, app

URL = "http://127.0.0.1:9"

MONEY = {"amount": 1000, "currency": "EUR"}
ROW = {
    "key": "",
    **dict.fromkeys(("placed", "completed", "cancelled", "pieces"), 1),
    "conversion": 1.0,
    **dict.fromkeys(("basket_value", "refunded", "revenue"), MONEY),
}


@pytest.mark.parametrize(
    ("arguments", "answer", "printed"),
    [
        (["--svg", "/nowhere/sales.svg"], {}, "/nowhere/sales.svg cannot be written: No such file"),
        ([], {"json": None, "text": "<html>"}, "its answer is no JSON"),
        (["--token", "ü"], {}, "The token is none"),
        (["--url", "http://[::1"], {}, "http://[::1 is no address"),
    ],
)
def test_what_goes_wrong_is_said_in_a_line(
    arguments: list[str], answer: dict[str, Any], printed: str, respx_mock: respx.MockRouter
) -> None:
    report: dict[str, Any] = {"first": "2026-01-01", "last": "2026-01-02", "total": [ROW], "day": []}
    respx_mock.get(URL + REPORT).respond(**({"json": report} | answer))

    result = CliRunner().invoke(app, ["--token", "t", "--url", URL, *arguments])

    assert result.exit_code == 1
    assert printed in result.stderr


def test_the_picture_of_the_total_has_its_bar(tmp_path: Path, respx_mock: respx.MockRouter) -> None:
    report = {"first": "2026-01-01", "last": "2026-01-02", "total": [ROW]}
    respx_mock.get(URL + REPORT).respond(json=report)
    picture = tmp_path / "sales.svg"

    result = CliRunner().invoke(app, ["--token", "t", "--url", URL, "--by", "total", "--svg", str(picture)])

    assert result.exit_code == 0
    assert picture.read_text().count("<rect") == 1
