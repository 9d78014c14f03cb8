"""A budget allows a tenth of further tries."""

from hypothesis import given
from hypothesis import strategies as st

from frontispiece.aio import RetryBudget


@given(st.lists(st.booleans(), max_size=200))
def test_a_budget_never_allows_more_than_a_tenth_of_the_first_tries(first_tries: list[bool]) -> None:
    budget = RetryBudget()
    first = extra = 0
    for is_first in first_tries:
        if is_first:
            budget.deposit()
            first += 1
        else:
            extra += budget.withdraw()
        assert extra <= first / 10


@given(st.integers(0, 3000), st.integers(0, 40))
def test_a_budget_saves_up_no_more_than_ten(earned: int, wanted: int) -> None:
    budget = RetryBudget()
    for _ in range(earned):
        budget.deposit()

    assert sum(budget.withdraw() for _ in range(wanted)) == min(earned // 10, wanted, 10)
