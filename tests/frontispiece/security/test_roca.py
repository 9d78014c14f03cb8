"""RSA keys of the broken generator are recognised, and no others."""

import math
from random import Random

from cryptography.hazmat.primitives.asymmetric import rsa

from frontispiece.security import is_roca_weak
from frontispiece.security.roca import SMALL_PRIMES
from tests.support.weak_rsa import roca_key


def modulus(key: rsa.RSAPrivateKey) -> int:
    return key.public_key().public_numbers().n


def test_a_key_of_the_broken_generator_is_recognised() -> None:
    key = roca_key()
    assert modulus(key).bit_length() == 2048
    assert is_roca_weak(modulus(key))


def test_other_keys_are_not() -> None:
    assert not is_roca_weak(modulus(rsa.generate_private_key(65537, 2048)))
    random = Random(1)  # noqa: S311 (any numbers will do)
    assert not any(is_roca_weak(random.getrandbits(2048) | 1) for _ in range(1000))


def test_a_modulus_that_is_a_power_for_each_prime_but_not_with_one_exponent_is_not() -> None:
    """What the older test, prime by prime, takes for weak once in 2 ** 27 keys."""
    whole = math.prod(SMALL_PRIMES)
    number = 0
    for exponent, prime in enumerate(SMALL_PRIMES):
        rest = whole // prime
        number += pow(65537, exponent, prime) * rest * pow(rest, -1, prime)

    assert is_roca_weak(pow(65537, 12345, whole))
    assert not is_roca_weak(number % whole)
