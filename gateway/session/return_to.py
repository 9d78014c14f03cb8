"""Where somebody goes back to after a login: somewhere here, and nowhere else."""

import re
from typing import Final
from urllib.parse import quote, unquote

from kit.problems import Problem

LONGEST: Final = 1024
"""Characters at most: it travels in a cookie."""

MOST_DECODED: Final = 4
"""How often a path may be percent-encoded over and over."""

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\\]")
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))


def checked(text: str) -> str:
    """A path here, with its query and fragment, fit for a `Location`.

    Browsers take two slashes, or a backslash for one of them, or tabs in between, for the way to another
    site. What it becomes when somebody decodes it once more is looked at as well.

    Raises:
        Problem: 400 `return-to-refused`.
    """
    decoded = text
    for _ in range(MOST_DECODED):
        if not _is_here(decoded):
            break
        before, decoded = decoded, unquote(decoded, errors="replace")
        if before == decoded and len(text) <= LONGEST:
            return quote(text, safe=_PRINTABLE)
    raise Problem(400, "return-to-refused", "return_to is a path on this site, such as /basket?step=2.")


def _is_here(text: str) -> bool:
    path = re.split(r"[?#]", text, maxsplit=1)[0]
    return path.startswith("/") and "//" not in path and not _UNFIT.search(text)
