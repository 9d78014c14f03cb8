"""`python -m frontispiece.testing jwks.json reader read`: a key set, and a token of it.

The key is new. Its key set is written to jwks.json, and the token, for the user `reader` with the scope
`read`, is printed.
"""

import sys
from pathlib import Path

from frontispiece.testing.access_tokens import AccessTokens

if len(sys.argv) < 3:  # noqa: PLR2004 (a file and a user)
    sys.exit("usage: python -m frontispiece.testing JWKS_FILE USER [SCOPE …]")
file, subject, *scopes = sys.argv[1:]
sys.stdout.write(f"{AccessTokens(Path(file)).token(subject, *scopes)}\n")
