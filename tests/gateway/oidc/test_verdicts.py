"""What was found out of a token is known until the token expires or is revoked, and no longer."""

import time
from dataclasses import dataclass, field

import pytest

from gateway.oidc import AccessTokens, Provider
from gateway.oidc.access import MOST_KNOWN
from kit.tokens import InvalidToken
from tests.support.issuer import Issuer


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        """Seconds since 1970."""
        return self.now


@dataclass
class Ended:
    """Logins that have ended."""

    sids: set[str] = field(default_factory=set)
    subjects: dict[str, float] = field(default_factory=dict)

    def is_revoked(self, sid: str | None, subject: str, issued_at: float) -> bool:
        """Whether a token of this login counts for nothing."""
        return sid in self.sids or issued_at <= self.subjects.get(subject, 0.0)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def ended() -> Ended:
    return Ended()


@pytest.fixture
def access(provider: Provider, ended: Ended, hands: Hands) -> AccessTokens:
    """One with a clock that is moved and a list of logins that have ended."""
    return AccessTokens(provider.settings, provider.proof, provider.keys, revocations=ended, clock=hands)


async def test_a_verdict_is_kept_until_its_token_expires(
    access: AccessTokens, issuer: Issuer, hands: Hands
) -> None:
    token = issuer.token("reader", exp=int(hands.now) + 300)
    assert access.known(token) is None
    identity = await access.identity(token)

    hands.now += 299
    assert access.known(token) is identity
    assert await access.identity(token) is identity
    hands.now += 1 + issuer.settings.skew
    assert access.known(token) is None


async def test_an_expired_token_is_refused_though_it_was_true_before(issuer: Issuer) -> None:
    hands = Hands()
    async with Provider(issuer.settings, clock=hands) as clocked:
        access = clocked.access_tokens()
        token = issuer.token("reader", exp=int(hands.now) + 300)
        await access.identity(token)

        hands.now += 300 + issuer.settings.skew
        with pytest.raises(InvalidToken, match="expired"):
            await access.identity(token)


async def test_false_tokens_push_no_verdict_out(access: AccessTokens, issuer: Issuer) -> None:
    token = issuer.token("reader")
    await access.identity(token)
    for n in range(MOST_KNOWN + 1):
        with pytest.raises(InvalidToken):
            await access.identity(f"false.{n}")

    assert access.known(token) is not None


async def test_tokens_of_a_login_that_has_ended_count_for_nothing(
    access: AccessTokens, issuer: Issuer, ended: Ended
) -> None:
    of_it, other = issuer.token("reader", sid="one"), issuer.token("reader", sid="other")
    later, without = issuer.token("reader", sid="one"), issuer.token("reader", sid=None)
    for token in (of_it, other, without):
        await access.identity(token)

    ended.sids.add("one")
    access.drop(sid="one")
    for token in (of_it, later):
        assert access.known(token) is None
        with pytest.raises(InvalidToken, match="revoked"):
            await access.identity(token)
    assert access.known(other)
    assert access.known(without)


async def test_tokens_of_a_user_from_before_a_logout_of_all_count_for_nothing(
    access: AccessTokens, issuer: Issuer, ended: Ended, hands: Hands
) -> None:
    logout = int(hands.now)
    before, after = issuer.token("reader", iat=logout - 1), issuer.token("reader", iat=logout + 1)
    of_another = issuer.token("clerk", iat=logout - 1)
    for token in (before, after, of_another):
        await access.identity(token)

    ended.subjects["reader"] = logout
    access.drop(subject="reader")
    with pytest.raises(InvalidToken, match="revoked"):
        await access.identity(before)
    assert (await access.identity(after)).subject == "reader"
    assert access.known(of_another)
