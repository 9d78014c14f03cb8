"""Whether a kept answer serves a request as it is (RFC 9111, 4)."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from gateway.cache.directives import MOST_SECONDS, Directives, control_of, joined
from gateway.cache.entry import Entry
from gateway.upstream import Headers

NO_CACHE: Final = Directives("no-cache")


class Use(Enum):
    """What is done with a kept answer."""

    FRESH = auto()
    STALE = auto()
    """It is used, and that is all: its client takes it so."""
    REFRESHED = auto()
    """It is used, and a newer one is fetched for those who come later."""
    ASKED = auto()
    """Its service is asked whether it still holds, because it is too old."""
    DEMANDED = auto()
    """The same, because the client wants that."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a request says of the answers that its client takes."""

    control: Directives

    @classmethod
    def of(cls, headers: Headers) -> "Wishes":
        """Read from the request's headers; `Pragma` counts for those who know nothing newer."""
        control = control_of(headers)
        if not control and joined(headers, b"pragma").strip().lower() == b"no-cache":
            control = NO_CACHE
        return cls(control)

    @property
    def no_store(self) -> bool:
        """Whether nothing of it may be kept."""
        return "no-store" in self.control

    @property
    def only_kept(self) -> bool:
        """Whether no service shall be asked."""
        return "only-if-cached" in self.control

    @property
    def wants_news(self) -> bool:
        """Whether no answer will do that was there before."""
        return "no-cache" in self.control or self.control.seconds("max-age") == 0

    def accept(self, entry: Entry, now: float) -> bool:
        """Whether its age is right for this client, be it fresh or not."""
        oldest = self.control.seconds("max-age")
        spare = self.control.seconds("min-fresh", nonsense=MOST_SECONDS)
        if "no-cache" in self.control or (oldest is not None and entry.age(now) > oldest):
            return False
        return spare is None or entry.left(now) >= spare

    def take_stale(self, entry: Entry, now: float) -> bool:
        """Whether the client takes an answer that is stale for as long as this one."""
        if "max-stale" not in self.control or not entry.may_be_stale or entry.validates:
            return False
        return self.control.without_value("max-stale") or -entry.left(now) <= (
            self.control.seconds("max-stale") or 0
        )


def use_of(entry: Entry, wishes: Wishes, now: float) -> Use:
    """What is done with this answer for a client with these wishes."""
    if not wishes.accept(entry, now):
        return Use.DEMANDED
    if entry.validates:
        return Use.ASKED
    left = entry.left(now)
    if left > 0:
        return Use.FRESH
    if wishes.take_stale(entry, now):
        return Use.STALE
    return Use.REFRESHED if -left < entry.refreshing else Use.ASKED


def serves_on_failure(entry: Entry, wishes: Wishes, now: float) -> bool:
    """Whether it is used though its service could not say whether it still holds (RFC 5861, 4)."""
    told = wishes.control.seconds("stale-if-error") or 0
    asked = min(told, MOST_SECONDS) if entry.may_be_stale and not entry.validates else 0
    if entry.validates:
        return False
    return -entry.left(now) < max(entry.failing, asked)
