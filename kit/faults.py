"""What is refused whole tells every fault at once."""

from collections.abc import Sequence


class Faulty(Exception):
    """Something declared cannot work; `faults` names every reason, each with its place."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = list(faults)
