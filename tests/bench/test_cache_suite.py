"""What a run of the public suite of HTTP caches is counted as."""

from typing import Any

from bench.cache_suite import outcomes, report

LISTED: list[dict[str, Any]] = [
    {"id": "a", "name": "First"},
    {"id": "b", "name": "Second", "kind": "optimal", "depends_on": ["a"]},
    {"id": "c", "name": "Third", "kind": "check", "depends_on": ["b"]},
    {"id": "d", "name": "Fourth", "depends_on": ["c"]},
    {"id": "e", "name": "Fifth"},
    {"id": "f", "name": "Sixth"},
]
RESULTS = {"a": True, "b": ["Assertion", "old"], "c": True, "d": True, "e": ["Setup", "no answer"]}


def test_what_depends_on_a_test_that_did_not_pass_says_nothing() -> None:
    found = {each.id: each.outcome for each in outcomes(LISTED, RESULTS)}

    assert found == {
        "a": "pass",
        "b": "fail",
        "c": "dependency",
        "d": "dependency",
        "e": "setup",
        "f": "untested",
    }


def test_the_report_counts_by_kind_and_names_what_did_not_pass() -> None:
    lines = report(outcomes(LISTED, RESULTS)).splitlines()

    assert lines[2:7] == [
        "| required | 1 | 0 | 1 | 1 | 1 | 4 |",
        "| optimal | 0 | 1 | 0 | 0 | 0 | 1 |",
        "| check | 0 | 0 | 0 | 1 | 0 | 1 |",
        "",
        "1 of 6 pass.",
    ]
    assert "- optimal fail: `b`: Second: old" in lines
    assert not [line for line in lines if "`a`" in line or "`f`" in line]
