"""What a run comes to: bars, a line of the history, and what got worse."""

from pathlib import Path

import pytest

from bench import bars
from bench.bars import BARS, Origin, Run
from bench.scenarios import SCENARIOS
from tests.bench.conftest import MakeMeasured

THREE = next(s for s in SCENARIOS if s.name == "three")


@pytest.fixture
def run(measured: MakeMeasured) -> Run:
    """A page of three sources, in three rounds; the rival's second one was disturbed."""
    results = [measured("ours", 1000.0, 1000.0, 1300.0), measured("fastify", 1000.0, 100.0, 1000.0)]
    layers = {"a route that asks for nothing": 5.0, "traces, of a call that is": 25.0}
    return Run(origin=Origin("2026-11-29", "3b75c05"), results=[(THREE, results)], added=[], layers=layers)


def test_a_bar_has_its_figure_and_whether_it_is_reached(run: Run) -> None:
    when, *lines = bars.table(run).splitlines()

    assert when == "Measured on 2026-11-29 at commit 3b75c05."
    assert "| Page of 3 independent sources ÷ Fastify + undici by hand | ≥ 1.25 | 1.30 | reached |" in lines
    assert "| A sampled trace, µs | ≤ 15 | 20.00 | missed by 33% |" in lines
    assert "| Added latency, p50, ms | ≤ 0.6 | | not measured |" in lines


def test_the_history_has_a_line_for_each_run(run: Run, tmp_path: Path) -> None:
    history = tmp_path / "history.csv"
    for _ in range(2):
        bars.record(run, history)

    head, first, second = history.read_text().splitlines()

    assert head.split(",") == ["date", "commit", *(bar.name for bar in BARS)]
    assert first == second
    assert first.startswith("2026-11-29,3b75c05,1.300,")
    assert bars.regressions(history) == []


@pytest.mark.parametrize(
    ("before", "after", "is_worse"),
    [
        ({"three": 1.3}, {"three": 1.18}, False),
        ({"three": 1.3}, {"three": 1.16}, True),
        ({"added_p50": 0.5}, {"added_p50": 0.55}, False),
        ({"added_p50": 0.5}, {"added_p50": 0.57}, True),
        ({"three": 1.3}, {"levels": 0.1}, False),
    ],
)
def test_a_figure_that_is_worse_by_a_tenth_is_named(
    tmp_path: Path, before: dict[str, float], after: dict[str, float], *, is_worse: bool
) -> None:
    history = tmp_path / "history.csv"
    lines = [["date", "commit", "three", "levels", "added_p50"]]
    for commit, figures in (("old", before), ("new", after)):
        lines.append(["2026-01-01", commit, *(str(figures.get(name, "")) for name in lines[0][2:])])
    history.write_text("".join(",".join(line) + "\n" for line in lines))

    found = bars.regressions(history)

    assert len(found) == is_worse
    assert all("in old" in line and "in new" in line for line in found)


def test_a_page_is_rewritten_between_its_marks_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench:rates -->\nold\n<!-- bench:end -->\nafter\n")

    bars.rewrite(page, "rates", "new\n")

    assert page.read_text() == "before\n<!-- bench:rates -->\nnew\n<!-- bench:end -->\nafter\n"
    with pytest.raises(ValueError, match="has no <!-- bench:bars -->"):
        bars.rewrite(page, "bars", "")


def test_the_projects_pages_have_the_marks(run: Run) -> None:
    for page, mark in (("README.md", "rates"), ("bench/README.md", "bars")):
        assert f"<!-- bench:{mark} -->" in Path(page).read_text()

    when, *_, last = bars.rates(run, [("ours", "Frontispiece"), ("fastify", "Fastify")]).splitlines()

    assert when == "Measured on 2026-11-29 at commit 3b75c05."
    assert last == "| page of 3 independent sources | 1,000 | 1,000 |"
