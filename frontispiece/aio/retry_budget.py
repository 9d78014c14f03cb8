"""A retry budget: retries are at most a share of all calls.

A budget that grows with the calls themselves keeps a service that is down from getting twice the calls of
one that is up. The rule is Finagle's (https://twitter.github.io/finagle/guide/Clients.html, "Retries"): every
first try deposits a part of a retry; a part of a tenth is at most 10 % more calls.
"""


class RetryBudget:
    """A balance of further tries.

    Args:
        ratio: what each first try deposits.
        max_balance: beyond, a deposit is lost.
        balance: at the start.
    """

    def __init__(self, ratio: float = 0.1, max_balance: float = 10.0, balance: float = 0.0) -> None:
        self._ratio = ratio
        self._max_balance = max_balance
        self._balance = balance

    @property
    def balance(self) -> float:
        """Tries that may be made now."""
        return self._balance

    def deposit(self) -> None:
        """Count a first try."""
        self._balance = min(self._max_balance, self._balance + self._ratio)

    def withdraw(self) -> bool:
        """Whether there may be another try, which is then taken off the balance."""
        if self._balance < 1 - 1e-9:  # ten tenths are one, however they are added up
            return False
        self._balance -= 1
        return True
