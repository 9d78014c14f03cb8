"""docs/edge/resilience.md says what the code does, and its examples are in order."""

import re
from pathlib import Path

import pytest

from gateway.layers.shed import BEGINS, COMES_AGAIN
from gateway.policies.priority import Priority
from gateway.policies.retry import Retry
from gateway.table import parse

PAGE = (Path(__file__).parents[2] / "docs" / "edge" / "resilience.md").read_text("utf-8")
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
        priority.value: f"{BEGINS[priority]:.0%}".replace("%", " %") if priority in BEGINS else "never"
        for priority in Priority
    }
    for priority, seconds in COMES_AGAIN.items():
        assert re.search(rf"^\| `{priority}`.*\| {seconds} s \|$", PAGE, re.MULTILINE)


def test_every_key_of_a_retry_is_documented() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.partition("## A limit")[0], re.MULTILINE)
    assert set(rows) == set(Retry.model_fields)
