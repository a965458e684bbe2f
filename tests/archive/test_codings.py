"""Content codings, and what is inside them."""

from __future__ import annotations

import gzip
import zlib

import brotlicffi
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from etolwatch.archive.codings import CodingError, Decoder, decode, decode_as_far_as_it_goes

TEXT = b"The figures speak for themselves. " * 99
LIMIT = 1_000_000
PACKERS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotlicffi.compress,
    "zstd": zstandard.compress,
}


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (TEXT, None),
        (TEXT, "identity"),
        (gzip.compress(TEXT), "gzip"),
        (gzip.compress(TEXT), " X-GZIP "),
        (gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:]), "gzip"),
        (gzip.compress(TEXT) + b"\0\0\0", "gzip"),
        (zlib.compress(TEXT), "deflate"),
        (raw_deflate(TEXT), "deflate"),
        (brotlicffi.compress(TEXT), "br"),
        (zstandard.compress(TEXT), "zstd"),
    ],
)
def test_coding_is_taken_off(body: bytes, coding: str | None) -> None:
    decoded = decode(body, coding, LIMIT)
    assert (decoded.body, decoded.whole, decoded.over) == (TEXT, True, False)


@given(st.binary(max_size=5_000), st.integers(1, 700), st.sampled_from(list(PACKERS)))
def test_pieces_make_the_same_whole(data: bytes, step: int, coding: str) -> None:
    packed = PACKERS[coding](data)
    decoder = Decoder(coding, LIMIT)
    for start in range(0, len(packed), step):
        decoder.feed(packed[start : start + step])
    assert decoder.result().body == data
    assert decoder.result().whole


@pytest.mark.parametrize("coding", list(PACKERS))
def test_nothing_is_decoded_beyond_the_limit(coding: str) -> None:
    zeros = b"\0" * 50_000_000
    packed = PACKERS[coding](zeros)
    decoded = decode(packed, coding, 100_000)
    assert decoded.over
    assert not decoded.whole
    assert len(decoded.body) == 100_000


def test_body_of_exactly_the_limit_is_whole() -> None:
    for coding, packed in (("gzip", gzip.compress(TEXT)), (None, TEXT)):
        assert decode(packed, coding, len(TEXT)).whole
        assert decode(packed, coding, len(TEXT) - 1).over


@pytest.mark.parametrize("cut", [1, 8, 9, 40])
def test_cut_off_coding_is_not_whole(cut: int) -> None:
    assert not decode(gzip.compress(TEXT)[:-cut], "gzip", LIMIT).whole


@pytest.mark.parametrize(("body", "coding"), [(b"<p>no gzip", "gzip"), (TEXT, "br"), (TEXT, "gzip, gzip")])
def test_what_cannot_be_decoded_is_an_error(body: bytes, coding: str) -> None:
    with pytest.raises(CodingError):
        decode(body, coding, LIMIT)
    assert decode_as_far_as_it_goes(body, coding, LIMIT) == b""


def test_as_far_as_it_goes() -> None:
    assert TEXT.startswith(decode_as_far_as_it_goes(zlib.compress(TEXT, 0)[:500], "deflate", LIMIT))


@pytest.mark.parametrize("coding", list(PACKERS))
def test_what_is_cut_off_is_not_whole(coding: str) -> None:
    packed = PACKERS[coding](TEXT + bytes(range(256)) * 9)
    decoded = decode(packed[:-4], coding, LIMIT)
    assert not decoded.whole
    assert (TEXT + bytes(range(256)) * 9).startswith(decoded.body)
