"""RSA keys whose private half can be computed from the public one, for their generator was broken ("ROCA").

The primes of Infineon's RSALib are `k * M + 65537 ** a % M`, where `M` is the product of the first primes. So
the modulus of such a key is a power of 65537 modulo `M`, as that of one in 2 ** 154 other keys is.

Source: CVE-2017-15361; Nemec and others: The Return of Coppersmith's Attack (ACM CCS 2017), section 3.2.
"""

from functools import cache
from math import gcd, lcm
from typing import Final

GENERATOR: Final = 65537
SMALL_PRIMES: Final = (
    *(3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103),
    *(107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167),
)
"""The odd primes of the smallest `M`, that of keys with 512 to 960 bits; larger keys have them as well."""


def is_roca_weak(modulus: int) -> bool:
    """Whether an RSA modulus is a power of 65537 modulo all `SMALL_PRIMES`, with one exponent for all."""
    exponent, period = 0, 1  # all exponents that fit the primes so far: exponent + n * period
    for prime in SMALL_PRIMES:
        logarithms = _logarithms(prime)
        logarithm, order = logarithms.get(modulus % prime), len(logarithms)
        if logarithm is None or (logarithm - exponent) % gcd(order, period):
            return False
        while (exponent - logarithm) % order:
            exponent += period
        period = lcm(period, order)
    return True


@cache
def _logarithms(prime: int) -> dict[int, int]:
    """The powers of 65537 modulo a prime, with their exponents: the subgroup that it generates."""
    powers: dict[int, int] = {}
    power = 1
    while power not in powers:
        powers[power] = len(powers)
        power = power * GENERATOR % prime
    return powers
