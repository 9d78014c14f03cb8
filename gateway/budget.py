"""How many more calls may be made than there are.

A budget that grows with the calls themselves keeps a service that is down from being asked twice as often as
one that is up. The rule is Finagle's (https://twitter.github.io/finagle/guide/Clients.html, "Retries"): every
first try earns a part of a retry; a part of a tenth is at most 10 % more calls.
"""


class Budget:
    """Extra tries that may be made: `share` of the first ones, at most `most` of them saved up.

    Args:
        share: what a first try earns.
        most: beyond, nothing is earned.
        saved: how many there are to begin with.
    """

    def __init__(self, share: float = 0.1, most: float = 10.0, saved: float = 0.0) -> None:
        self._share = share
        self._most = most
        self._saved = saved

    def earn(self) -> None:
        """There is a first try."""
        self._saved = min(self._most, self._saved + self._share)

    def spend(self) -> bool:
        """Whether there may be another try, which is then taken off."""
        if self._saved < 1 - 1e-9:  # ten tenths are one, however they are added up
            return False
        self._saved -= 1
        return True
