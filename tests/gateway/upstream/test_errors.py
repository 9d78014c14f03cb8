import pytest

from gateway.upstream import Failed, Nonsense, Overloaded, TimedOut, Unreachable, UpstreamError


def test_every_failure_of_an_upstream_says_how_a_client_and_a_degraded_page_are_told() -> None:
    kinds = {TimedOut: (504, "timeout"), Unreachable: (503, "unavailable"), Failed: (502, "failed")}
    kinds |= {Nonsense: (502, "nonsense"), Overloaded: (503, "overloaded")}

    for kind, (status, reason) in kinds.items():
        failure: UpstreamError = kind("it is so")
        assert (failure.problem("catalog").status, failure.reason) == (status, reason)
        assert failure.problem("catalog").detail == "catalog: it is so."


@pytest.mark.parametrize(("seconds", "told"), [(0.0, "1"), (0.2, "1"), (1.0, "1"), (1.01, "2"), (60, "60")])
def test_whoever_cannot_reach_an_upstream_is_told_when_to_try_again(seconds: float, told: str) -> None:
    assert Unreachable("it is so", retry_after=seconds).problem("catalog").headers == {"Retry-After": told}
    assert Unreachable("it is so").problem("catalog").headers == {"Retry-After": "1"}
    assert Overloaded("it is so").problem("catalog").headers == {"Retry-After": "1"}
