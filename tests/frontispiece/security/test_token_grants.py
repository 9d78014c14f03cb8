"""What the internal tokens of one caller may say, and what no service believes them."""

from typing import Any

import pytest

from frontispiece.security import Identity, InvalidToken, Signer, Verifier, private_key
from frontispiece.security.keys import public_part
from frontispiece.settings import TokenSettings

READER = Identity(subject="reader", scopes=frozenset({"shop", "stock:write"}), client="web")
GUEST = Identity(subject="guest:1", scopes=frozenset({"guest"}))


class Service:
    """The service `press`, which accepts the tokens of one caller, and that caller."""

    def __init__(self, key: str, grant: dict[str, Any]) -> None:
        keys = [public_part(private_key(key))]
        settings = TokenSettings(issuers={"bindery": {"keys": keys, **grant}})
        self._verifier = Verifier(settings, "press")
        self._signer = Signer(key, "bindery")

    def caller(self, identity: Identity) -> Identity:
        """Whom the service takes the caller for, when its token says this."""
        return self._verifier.caller(self._signer.authorization(identity, "press").decode())

    def refusal(self, identity: Identity) -> str:
        """Why the service accepts no token that says this."""
        token = self._signer.authorization(identity, "press").decode().removeprefix("Bearer ")
        with pytest.raises(InvalidToken) as refused:
            self._verifier.verify(token)
        return str(refused.value)


def test_a_caller_whose_grant_says_nothing_may_say_everything(signing_key: str) -> None:
    service = Service(signing_key, {})
    merging = Identity(subject="reader", scopes=frozenset(), merged_guest="guest:1")

    assert [service.caller(each) for each in (READER, GUEST, merging)] == [READER, GUEST, merging]


def test_a_caller_may_call_only_the_services_of_its_grant(signing_key: str) -> None:
    assert Service(signing_key, {"audiences": ["press"]}).caller(READER) == READER
    for audiences in (["catalog"], []):
        refusal = Service(signing_key, {"audiences": audiences}).refusal(READER)
        assert refusal == "The token's issuer may not call this service"


def test_scopes_beyond_the_grant_do_not_count(signing_key: str) -> None:
    narrowed = Service(signing_key, {"scopes": ["shop", "guest"]})

    assert narrowed.caller(READER).scopes == {"shop"}
    assert narrowed.caller(GUEST) == GUEST
    assert Service(signing_key, {"scopes": []}).caller(READER).scopes == frozenset()


def test_a_caller_may_act_only_for_the_users_of_its_grant(signing_key: str) -> None:
    service = Service(signing_key, {"users": ["reader"]})

    assert service.caller(READER) == READER
    assert service.caller(GUEST) == GUEST
    for subject in ("clerk", "Reader", "reader ", ""):
        other = Identity(subject=subject, scopes=frozenset())
        assert service.refusal(other) == "The token's issuer may not act for this user"


def test_a_caller_without_guests_acts_for_none_and_merges_none(signing_key: str) -> None:
    service = Service(signing_key, {"guests": False})
    merging = Identity(subject="reader", scopes=frozenset(), merged_guest="guest:1")

    assert service.caller(READER) == READER
    for identity in (GUEST, merging):
        assert service.refusal(identity) == "The token's issuer may not act for guests"


def test_a_caller_that_may_act_for_guests_merges_none_unless_it_may(signing_key: str) -> None:
    service = Service(signing_key, {"merges_guests": False})
    merging = Identity(subject="reader", scopes=frozenset(), merged_guest="guest:1")

    assert [service.caller(each) for each in (READER, GUEST)] == [READER, GUEST]
    assert service.refusal(merging) == "The token's issuer may not merge a guest's data"


@pytest.mark.parametrize("merged", ["clerk", "", "Guest:1", " guest:1"])
def test_only_guests_are_merged(signing_key: str, merged: str) -> None:
    merging = Identity(subject="reader", scopes=frozenset(), merged_guest=merged)

    assert Service(signing_key, {}).refusal(merging) == "The token's merged guest is no guest"
