"""The content coding by `Accept-Encoding`."""

from frontispiece.http.accept import preferred_coding

OURS = ("zstd", "br", "gzip")


CHOSEN = {
    "gzip": "gzip",
    "gzip, deflate, br, zstd": "zstd",
    "gzip, deflate, br": "br",
    "GZIP": "gzip",
    "x-gzip": "gzip",
    "br;q=0.5, gzip;q=0.8": "gzip",
    "br;q=0.8,gzip;q=0.8": "br",
    "br ; q=1.0 , zstd;Q=0.9": "br",
    "*": "zstd",
    "zstd;q=0, *": "br",
    "*;q=0.1, gzip": "gzip",
    "gzip, *;q=0": "gzip",
    "identity;q=0, gzip;q=0.001": "gzip",
    "identity;q=0.5, gzip;q=0.5": "gzip",
    "": None,
    "identity": None,
    "deflate, compress": None,
    "gzip;q=0": None,
    "gzip;q=0.000": None,
    "*;q=0": None,
    "identity;q=1, gzip;q=0.5": None,
    "identity;q=0": None,
    "gzip;q=2": None,
    "gzip;q=-1": None,
    "gzip;q=nonsense, br;q=": None,
    "gzip;q=nonsense, br": "br",
    "gzip;level=9": None,
    ",,gzip,": "gzip",
    "g zip": None,
    "gzip\xff": None,
    'br;x="a, zstd", gzip': "gzip",
    'gzip;x=";q=0"': None,
    'x;y="\\", gzip;q=1, \\"", br;q=0.5': "br",
    '"gzip, br': "br",
}


def test_the_coding_of_the_highest_quality_is_chosen() -> None:
    assert {field: preferred_coding(field, OURS) for field in CHOSEN} == CHOSEN


def test_only_codings_that_are_spoken_are_chosen_and_the_first_of_equals() -> None:
    assert preferred_coding("zstd, br, gzip", ("gzip", "br")) == "gzip"
    assert preferred_coding("zstd", ("gzip", "br")) is None
