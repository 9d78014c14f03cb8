"""Internal tokens between our own programs, signing keys, proofs of possession, and encryption at rest.

Stability: provisional.
"""

from frontispiece.security.dpop import (
    DPOP_ALGORITHMS,
    DpopNonces,
    DpopProof,
    InvalidProof,
    bound_key,
    is_bound_to,
    verify_proof,
)
from frontispiece.security.encryption import DecryptionError, Keyring, new_key
from frontispiece.security.internal_tokens import (
    ANONYMOUS,
    GUEST_PREFIX,
    Identity,
    Signer,
    Verifier,
    bearer_token,
    invalid_token_problem,
    quotable,
)
from frontispiece.security.keys import (
    SigningKey,
    issuers,
    key_id,
    new_signing_key,
    private_key,
    public_key,
    public_part,
)
from frontispiece.security.roca import is_roca_weak
from frontispiece.security.signed_tokens import (
    MAX_TOKEN_LENGTH,
    InvalidToken,
    SignedToken,
    check_times,
    timestamp,
)

__all__ = [
    "ANONYMOUS",
    "DPOP_ALGORITHMS",
    "GUEST_PREFIX",
    "MAX_TOKEN_LENGTH",
    "DecryptionError",
    "DpopNonces",
    "DpopProof",
    "Identity",
    "InvalidProof",
    "InvalidToken",
    "Keyring",
    "SignedToken",
    "Signer",
    "SigningKey",
    "Verifier",
    "bearer_token",
    "bound_key",
    "check_times",
    "invalid_token_problem",
    "is_bound_to",
    "is_roca_weak",
    "issuers",
    "key_id",
    "new_key",
    "new_signing_key",
    "private_key",
    "public_key",
    "public_part",
    "quotable",
    "timestamp",
    "verify_proof",
]
