"""What is encoded can be decoded, by others' decoders: whole, in pieces, and as far as it has come."""

import threading

import pytest

from gateway.compression import Encoder, Workers, encoder
from gateway.compression.working import BIG
from tests.support.codings import decoded

CODINGS = ("zstd", "br", "gzip")
TEXT = b"".join(b"line %d of a text that says much the same again and again\n" % n for n in range(3000))


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("size", [0, 1, 1000, len(TEXT)])
async def test_a_whole_body_comes_back_as_it_was(coding: str, size: int) -> None:
    content = TEXT[:size]

    encoded = await Workers().whole(encoder(coding), content)

    assert encoded is not None
    assert decoded(encoded, coding) == content
    assert size < 1000 or len(encoded) < size / 3


@pytest.mark.parametrize("coding", CODINGS)
async def test_pieces_come_back_as_they_were(coding: str) -> None:
    made = encoder(coding)
    workers = Workers()
    sizes = [1, 0, 70_000, 5, 3000]
    pieces = [TEXT[sum(sizes[:n]) : sum(sizes[: n + 1])] for n in range(len(sizes))]

    encoded = [await workers.piece(made, piece) for piece in pieces]

    assert decoded(b"".join([*encoded, made.end()]), coding) == b"".join(pieces)


@pytest.mark.parametrize("coding", CODINGS)
def test_what_was_flushed_can_be_read_before_the_end(coding: str) -> None:
    made = encoder(coding)
    begun = b""

    for n in range(3):
        begun += made.piece(b"event %d\n" % n) + made.flush()
        assert decoded(begun, coding).endswith(b"event %d\n" % n)


class Watched:
    """An encoder that tells in which thread it works."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def piece(self, _content: bytes) -> bytes:
        self.threads.append(threading.current_thread())
        return b"made"

    def flush(self) -> bytes:
        return b""

    def end(self) -> bytes:
        return b""


async def test_big_bodies_are_compressed_beside_the_loop_and_small_ones_in_it() -> None:
    workers, small, big = Workers(), Watched(), Watched()
    made: list[tuple[Encoder, int]] = [(small, BIG - 1), (big, BIG)]

    for each, size in made:
        assert await workers.whole(each, b"x" * size) == b"made"
        assert await workers.piece(each, b"x" * size) == b"made"

    assert small.threads == [threading.main_thread()] * 2
    assert threading.main_thread() not in big.threads


async def test_a_big_body_for_which_nobody_is_free_stays_as_it_is() -> None:
    nobody = Workers(at_once=0)

    assert await nobody.whole(Watched(), b"x" * BIG) is None
    assert await nobody.whole(Watched(), b"x" * (BIG - 1)) == b"made"


async def test_whoever_has_compressed_a_body_is_free_for_the_next() -> None:
    one = Workers(at_once=1)

    for _ in range(3):
        assert await one.whole(Watched(), b"x" * BIG) == b"made"
