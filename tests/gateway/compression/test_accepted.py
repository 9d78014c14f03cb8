"""Which coding is chosen by what a client says of those it likes."""

import pytest

from gateway.compression import coding_for

OURS = ("zstd", "br", "gzip")


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        (b"gzip", "gzip"),
        (b"gzip, deflate, br, zstd", "zstd"),
        (b"gzip, deflate, br", "br"),
        (b"GZIP", "gzip"),
        (b"x-gzip", "gzip"),
        (b"br;q=0.5, gzip;q=0.8", "gzip"),
        (b"br;q=0.8,gzip;q=0.8", "br"),
        (b"br ; q=1.0 , zstd;Q=0.9", "br"),
        (b"*", "zstd"),
        (b"zstd;q=0, *", "br"),
        (b"*;q=0.1, gzip", "gzip"),
        (b"gzip, *;q=0", "gzip"),
        (b"identity;q=0, gzip;q=0.001", "gzip"),
        (b"identity;q=0.5, gzip;q=0.5", "gzip"),
        (b"", None),
        (b"identity", None),
        (b"deflate, compress", None),
        (b"gzip;q=0", None),
        (b"gzip;q=0.000", None),
        (b"*;q=0", None),
        (b"identity;q=1, gzip;q=0.5", None),
        (b"identity;q=0", None),
        (b"gzip;q=2", None),
        (b"gzip;q=-1", None),
        (b"gzip;q=nonsense, br;q=", None),
        (b"gzip;q=nonsense, br", "br"),
        (b"gzip;level=9", None),
        (b",,gzip,", "gzip"),
        (b"g zip", None),
        (b"gzip\xff", None),
    ],
)
def test_the_coding_that_is_liked_best_is_chosen(said: bytes, chosen: str | None) -> None:
    assert coding_for(said, OURS) == chosen


def test_only_codings_that_are_spoken_are_chosen_and_the_first_of_equals() -> None:
    assert coding_for(b"zstd, br, gzip", ("gzip", "br")) == "gzip"
    assert coding_for(b"zstd", ("gzip", "br")) is None
