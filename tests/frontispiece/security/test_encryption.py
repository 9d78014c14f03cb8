import base64

import pytest

from frontispiece.security.encryption import DecryptionError, Keyring, new_key

ONE, OTHER = new_key(), new_key()


def test_what_is_sealed_is_opened_for_the_same_purpose_and_looks_different_every_time() -> None:
    ring = Keyring([ONE])
    first, second = ring.encrypt(b"a secret", b"letters"), ring.encrypt(b"a secret", b"letters")

    assert ring.decrypt(first, b"letters") == ring.decrypt(second, b"letters") == b"a secret"
    assert first != second
    assert b"secret" not in first


def test_what_was_sealed_for_one_purpose_is_not_opened_for_another() -> None:
    ring = Keyring([ONE])
    with pytest.raises(DecryptionError):
        ring.decrypt(ring.encrypt(b"a secret", b"letters"), b"parcels")


def test_nothing_can_be_changed_or_cut_off_unnoticed() -> None:
    ring = Keyring([ONE])
    sealed = ring.encrypt(b"a secret", b"letters")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        for forgery in (bytes(changed), sealed[:place]):
            with pytest.raises(DecryptionError):
                ring.decrypt(forgery, b"letters")


def test_a_new_key_seals_and_the_old_one_still_opens_until_it_leaves_the_ring() -> None:
    before, both, after = Keyring([ONE]), Keyring([OTHER, ONE]), Keyring([OTHER])
    old, new = before.encrypt(b"old", b"-"), both.encrypt(b"new", b"-")

    assert (both.decrypt(old, b"-"), both.decrypt(new, b"-"), after.decrypt(new, b"-")) == (
        b"old",
        b"new",
        b"new",
    )
    with pytest.raises(DecryptionError):
        after.decrypt(old, b"-")


def test_a_key_may_be_written_without_padding() -> None:
    sealed = Keyring([ONE]).encrypt(b"a secret", b"-")
    assert Keyring([ONE.rstrip("=")]).decrypt(sealed, b"-") == b"a secret"


@pytest.mark.parametrize(
    "keys", [[], [""], ["short"], [base64.urlsafe_b64encode(bytes(16)).decode()], ["ü" * 43]]
)
def test_a_ring_without_a_key_or_with_what_is_none_is_refused(keys: list[str]) -> None:
    with pytest.raises(ValueError, match=r"32 bytes|at least one"):
        Keyring(keys)
