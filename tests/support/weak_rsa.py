"""RSA keys as the broken generator made them (ROCA): for tests only."""

import itertools
import math
from random import Random

from cryptography.hazmat.primitives.asymmetric import rsa

GENERATOR = 65537


def roca_key(seed: int = 1) -> rsa.RSAPrivateKey:
    """A key of 2048 bits whose primes are `k * M + 65537 ** a % M`."""
    random = Random(seed)  # noqa: S311 (these keys are weak on purpose)
    p, q = _prime(random), _prime(random)
    d = pow(GENERATOR, -1, math.lcm(p - 1, q - 1))
    public = rsa.RSAPublicNumbers(GENERATOR, p * q)
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, *crt, public).private_key()


def _prime(random: Random) -> int:
    """A prime of 1024 bits."""
    primorial = math.prod(itertools.islice(_primes(), 126))
    while True:
        rest = pow(GENERATOR, random.randrange(2**62), primorial)
        candidate = random.randrange(7 * 2**1021 // primorial, 2**1024 // primorial - 1) * primorial + rest
        if pow(2, candidate - 1, candidate) == 1 and math.gcd(GENERATOR, candidate - 1) == 1:
            return candidate


def _primes() -> "itertools.filterfalse[int]":
    return itertools.filterfalse(lambda n: any(n % d == 0 for d in range(2, n)), itertools.count(2))
