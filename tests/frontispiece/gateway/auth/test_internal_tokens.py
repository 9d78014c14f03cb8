from unittest.mock import patch

from frontispiece.gateway.auth.internal_tokens import InternalTokenIssuer
from frontispiece.security import Identity, Signer
from frontispiece.security.internal_tokens import LIFETIME, RENEW_BEFORE
from tests.support.clock import Clock

READER = Identity(subject="reader", scopes=frozenset({"shop"}), client="web")


def test_a_caller_has_one_token_for_a_service_until_it_is_nearly_over(signing_key: str) -> None:
    clock = Clock()
    tokens = InternalTokenIssuer(Signer(signing_key, "gateway", clock), {"a": "a", "b": "b"}, clock)
    first = tokens.authorization(READER, "a")

    with patch.object(Signer, "sign", side_effect=AssertionError("it is signed once")):
        clock.advance(LIFETIME - RENEW_BEFORE - 0.001)
        assert tokens.authorization(READER, "a") is first
    clock.advance(0.001)
    assert tokens.authorization(READER, "a") != first


def test_callers_with_one_subject_have_tokens_of_their_own(signing_key: str) -> None:
    tokens = InternalTokenIssuer(Signer(signing_key, "gateway"), {"a": "a", "b": "b"})
    others = [
        Identity(subject="reader", scopes=frozenset(), client="web"),
        Identity(subject="reader", scopes=frozenset({"shop"}), client="mobile"),
        Identity(subject="reader", scopes=frozenset({"shop"}), client="web", merged_guest="guest:1"),
    ]
    everything = {tokens.authorization(each, service) for each in (READER, *others) for service in "ab"}

    assert len(everything) == 8
