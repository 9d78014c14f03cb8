"""An RSA key as the broken generator made them (ROCA): for tests only."""

import itertools
import math

from cryptography.hazmat.primitives.asymmetric import rsa

GENERATOR = 65537

PRIMES = (8122507909410794, 4480558391655809827), (8257487666785394, 1972396874838320366)
"""`k` and `a` for which `k * M + 65537 ** a % M` is a prime of 1024 bits."""


def roca_key() -> rsa.RSAPrivateKey:
    """A key of 2048 bits."""
    primorial = math.prod(itertools.islice(_primes(), 126))
    p, q = (k * primorial + pow(GENERATOR, a, primorial) for k, a in PRIMES)
    d = pow(GENERATOR, -1, math.lcm(p - 1, q - 1))
    public = rsa.RSAPublicNumbers(GENERATOR, p * q)
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, *crt, public).private_key()


def _primes() -> "itertools.filterfalse[int]":
    return itertools.filterfalse(lambda n: any(n % d == 0 for d in range(2, n)), itertools.count(2))
