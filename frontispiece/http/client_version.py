"""`X-Client: <name>/<version>`: the client that sends a request, in a semantic version (semver.org)."""

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Final, Self

CLIENT: Final = b"x-client"

_NUMBER = r"(?:0|[1-9][0-9]{0,8})"
_IDENTIFIER = r"(?:0|[1-9][0-9]{0,8}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION: Final = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?", re.ASCII
)
NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
"""The name of a client."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A semantic version without build metadata, such as `1.3.0` or `1.4.0-beta.2`; `<` is precedence."""

    major: int
    minor: int
    patch: int
    prerelease: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The version that a text names.

        Raises:
            ValueError: the text is no such version.
        """
        if not (found := _VERSION.fullmatch(text)):
            raise ValueError(f"{text!r} is no version: write three numbers, such as 1.3.0")
        major, minor, patch, prerelease = found.groups()
        return cls(int(major), int(minor), int(patch), tuple(prerelease.split(".")) if prerelease else ())

    def __lt__(self, other: "Version") -> bool:
        if self.prerelease or other.prerelease:
            return self._precedence < other._precedence
        return (self.major, self.minor, self.patch) < (other.major, other.minor, other.patch)

    def __str__(self) -> str:
        release = f"{self.major}.{self.minor}.{self.patch}"
        return f"{release}-{'.'.join(self.prerelease)}" if self.prerelease else release

    @property
    def _precedence(self) -> tuple[object, ...]:
        """A release comes after its pre-releases, and there a number before a word."""
        words = [(0, int(word), "") if word.isdigit() else (1, 0, word) for word in self.prerelease]
        return self.major, self.minor, self.patch, not self.prerelease, words


@dataclass(frozen=True, slots=True)
class ClientVersion:
    """A client in one version."""

    name: str
    version: Version

    @classmethod
    def parse(cls, field: bytes) -> Self:
        """The value of `X-Client`.

        Raises:
            ValueError: it is not a name of small letters, digits and hyphens, a slash, and a version.
        """
        name, slash, version = field.decode("latin-1").partition("/")
        if not slash or not NAME.fullmatch(name):
            raise ValueError("write a name and a version, such as web/1.3.0")
        return cls(name, Version.parse(version))
