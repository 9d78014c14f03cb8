from gateway.upstream import Failed, Nonsense, TimedOut, Unreachable, UpstreamError


def test_every_failure_of_an_upstream_says_how_a_client_and_a_degraded_page_are_told() -> None:
    kinds = {TimedOut: (504, "timeout"), Unreachable: (503, "unavailable"), Failed: (502, "failed")}
    kinds[Nonsense] = (502, "nonsense")

    for kind, (status, reason) in kinds.items():
        failure: UpstreamError = kind("it is so")
        assert (failure.problem("catalog").status, failure.reason) == (status, reason)
        assert failure.problem("catalog").detail == "catalog: it is so."
