"""docs/aggregates.md names every key of a part as the code has it, and its example is in order."""

import re
from pathlib import Path

from pydantic import BaseModel

from gateway.aggregate.parts import Batch, Part
from gateway.table import parse

PAGE = Path(__file__).parents[3] / "docs" / "aggregates.md"
ROW = re.compile(r"^\| `([a-z]+)` \|", re.MULTILINE)


def keys(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def test_every_key_is_documented_and_none_that_there_is_not() -> None:
    of_part, _, of_batch = PAGE.read_text("utf-8").partition("And of `batch`")

    assert set(ROW.findall(of_part)) == keys(Part)
    assert set(ROW.findall(of_batch)) == keys(Batch)


def test_the_example_is_in_order() -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert example is not None
    names = ("catalog", "inventory", "reviews")
    services = "".join(f'[services.{name}]\nurl = "registry://{name}"\n' for name in names)

    (only,) = parse(services + example[1]).routes
    assert only.parts is not None
    assert only.parts["related"].needs == {"product"}
