"""Where first answers are kept, and who is finding one right now."""

from collections.abc import Callable
from time import monotonic
from typing import Final, NamedTuple, Protocol, cast

from cachetools import TLRUCache

from gateway.shared.server import Shared

MOST_BYTES: Final = 32 * 1024 * 1024
"""Of all answers that a process keeps; beyond, the one unused for longest is forgotten."""

# KEYS: a place. ARGV: the word of whoever claimed it; what is kept from now on; ms.
KEEP: Final = """
local there = redis.call('GET', KEYS[1])
if there == ARGV[1] or there == ARGV[2] then
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    return 1
end
return 0
"""

# KEYS: a place. ARGV: the word of whoever claimed it.
RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('DEL', KEYS[1])
end
"""


class Answers(Protocol):
    """Places, each of which is free, claimed by a word, or holds an answer.

    Every method may raise `Away`.
    """

    async def claim(self, place: str, word: bytes, seconds: float) -> bytes | None:
        """Claim a free place for so long; what is there already, None when it was free."""
        ...

    async def keep(self, place: str, word: bytes, content: bytes, seconds: float) -> bool:
        """Put an answer where one's word is, for so long; False when somebody else's is there."""
        ...

    async def release(self, place: str, word: bytes) -> None:
        """Let others claim it."""
        ...


class ValkeyAnswers:
    """Answers that all gateways of one Valkey keep.

    Args:
        shared: keeps them.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._keep = shared.script(KEEP)
        self._release = shared.script(RELEASE)

    async def claim(self, place: str, word: bytes, seconds: float) -> bytes | None:
        """Claim a free place."""
        client = self._shared.client
        there = await self._shared.ask(
            lambda: client.set(place, word, nx=True, get=True, px=round(seconds * 1000))
        )
        found = cast(bytes | None, there)
        return None if found == word else found  # its own: the command was sent twice

    async def keep(self, place: str, word: bytes, content: bytes, seconds: float) -> bool:
        """Put an answer where one's word is."""
        lasting = max(1, round(seconds * 1000))
        return bool(await self._shared.ask(lambda: self._keep([place], [word, content, lasting])))

    async def release(self, place: str, word: bytes) -> None:
        """Let others claim it."""
        await self._shared.ask(lambda: self._release([place], [word]))


class _Answer(NamedTuple):
    content: bytes
    ends: float


class MemoryAnswers:
    """Answers that this process keeps, while there is room for them.

    Args:
        most_bytes: of all of them together.
        clock: seconds that only grow.
    """

    def __init__(self, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._claimed: dict[str, bytes] = {}
        self._kept: TLRUCache[str, _Answer] = TLRUCache(
            most_bytes, lambda _, answer, __: answer.ends, clock, lambda answer: len(answer.content)
        )

    async def claim(self, place: str, word: bytes, seconds: float) -> bytes | None:  # noqa: ARG002 (it ends with the process)
        """Claim a free place."""
        if (kept := self._kept.get(place)) is not None:
            return kept.content
        there = self._claimed.setdefault(place, word)
        return None if there == word else there

    async def keep(self, place: str, word: bytes, content: bytes, seconds: float) -> bool:
        """Put an answer where one's word is."""
        if self._claimed.get(place) != word:
            return False
        del self._claimed[place]
        if len(content) <= self._kept.maxsize:
            self._kept[place] = _Answer(content, self._clock() + seconds)
        return True

    async def release(self, place: str, word: bytes) -> None:
        """Let others claim it."""
        if self._claimed.get(place) == word:
            del self._claimed[place]
