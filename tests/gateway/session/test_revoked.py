"""What is known of ended logins: for as long as their tokens could last."""

from gateway.session import Revoked
from gateway.session.revoked import LONGEST

NOW = 1_800_000_000.0


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def test_tokens_of_an_ended_login_count_no_more_whenever_they_were_made() -> None:
    revoked = Revoked(Clock())
    revoked.add(sid="one", subject="reader", at=NOW)

    assert revoked.is_revoked("one", "reader", NOW - 60)
    assert revoked.is_revoked("one", "reader", NOW + 60)
    assert not revoked.is_revoked("two", "reader", NOW - 60)
    assert not revoked.is_revoked(None, "reader", NOW - 60)


def test_after_a_logout_of_all_only_later_tokens_count() -> None:
    revoked = Revoked(Clock())
    revoked.add(sid=None, subject="reader", at=NOW)

    assert revoked.is_revoked("one", "reader", NOW - 1)
    assert revoked.is_revoked(None, "reader", NOW)
    assert not revoked.is_revoked("one", "reader", NOW + 1)
    assert not revoked.is_revoked("one", "clerk", NOW - 1)


def test_the_latest_logout_of_all_counts_in_whatever_order_they_are_heard() -> None:
    revoked = Revoked(Clock())
    for at in (NOW - 30, NOW, NOW - 60):
        revoked.add(sid=None, subject="reader", at=at)

    assert revoked.is_revoked(None, "reader", NOW - 1)


def test_what_no_token_can_outlast_is_forgotten() -> None:
    clock = Clock()
    revoked = Revoked(clock)
    revoked.add(sid="one", subject=None, at=NOW)
    clock.now += LONGEST
    revoked.add(sid="two", subject=None, at=clock.now)
    assert revoked.is_revoked("one", "reader", NOW)

    clock.now += 1
    revoked.add(sid="three", subject=None, at=clock.now)
    assert not revoked.is_revoked("one", "reader", NOW)
    assert revoked.is_revoked("two", "reader", NOW)


def test_whoever_keeps_verdicts_is_told_once_of_each_logout() -> None:
    told: list[tuple[str | None, str | None]] = []
    revoked = Revoked(Clock())
    revoked.tell(lambda sid, subject: told.append((sid, subject)))
    for _ in range(2):
        revoked.add(sid="one", subject="reader", at=NOW)
        revoked.add(sid=None, subject="reader", at=NOW)

    assert told == [("one", None), (None, "reader")]
