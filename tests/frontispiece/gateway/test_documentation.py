"""Pages on the route table say what the code does, and their examples are in order."""

import re
from pathlib import Path

import pytest

from frontispiece.gateway.aggregates.config import Batch, Part
from frontispiece.gateway.config.table import parse
from frontispiece.gateway.policies.load_shedding import RETRY_AFTER, THRESHOLDS, Priority
from frontispiece.gateway.policies.retry import Retry

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "edge" / "resilience.md").read_text("utf-8")
AGGREGATES = (DOCS / "aggregates.md").read_text("utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
NAMES = ("catalog", "catalog-next", "bff-web")


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_in_order(example: str) -> None:
    services = "".join(
        f'[services.{name}]\nurl = "registry://{name}"\n'
        for name in NAMES
        if f"[services.{name}]\n" not in example
    )
    rest = '[[routes]]\npath = "/products/{sku}"\nauth = "none"\n'
    if example.startswith("[[routes]]"):
        rest = example
    elif example.startswith("[services"):
        services, rest = services + example, f'{rest}to = "catalog"\n'
    else:
        rest += example if example.startswith("to =") else f'to = "catalog"\n{example}'

    assert len(parse(services + rest).routes) == 1


def test_every_priority_is_documented_with_its_threshold() -> None:
    rows = dict(re.findall(r"^\| `(\w+)`[^|]*\| ([^|]+?) \|", PAGE.partition("## Shedding")[2], re.MULTILINE))
    del rows["priority"]  # the heading

    assert rows == {
        priority.value: f"{THRESHOLDS[priority]:.0%}".replace("%", " %")
        if priority in THRESHOLDS
        else "never"
        for priority in Priority
    }
    for priority, seconds in RETRY_AFTER.items():
        assert re.search(rf"^\| `{priority}`.*\| {seconds} s \|$", PAGE, re.MULTILINE)


def test_every_key_of_a_retry_is_documented() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.partition("## A limit")[0], re.MULTILINE)
    assert set(rows) == set(Retry.model_fields)


def test_every_key_of_a_part_is_documented_and_none_that_there_is_not() -> None:
    keys = Part.model_fields, Batch.model_fields
    for page, fields in zip(AGGREGATES.split("And of `batch`"), keys, strict=True):
        names = {field.alias or name for name, field in fields.items()}
        assert set(re.findall(r"^\| `([a-z]+)` \|", page, re.MULTILINE)) == names


def test_the_example_of_an_aggregate_is_in_order() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", AGGREGATES, re.DOTALL)
    names = ("catalog", "inventory", "reviews")
    services = "".join(f'[services.{name}]\nurl = "registry://{name}"\n' for name in names)

    (only,) = parse(services + example).routes
    assert only.parts is not None
    assert only.parts["related"].needs == {"product"}
