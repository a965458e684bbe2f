"""Content codings (RFC 9110 §8.4), taken off without trusting what is inside; and digests.

Pure. A megabyte of gzip can hold a gigabyte, so nothing is decoded beyond a limit.
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import b32encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from etolwatch.errors import EtolwatchError

# Of Accept-Encoding: what every reader of WARC files can take off. `Decoder` knows br and zstd as
# well, for servers that send them unasked, and for what others captured.
ACCEPTED = "gzip, deflate"
_GZIP = ("gzip", "x-gzip")
_STEP = 65_536
_ZSTD_STEP = 128  # bytes; each may unfold to 32 KiB before the limit is looked at (RFC 8878 §3.1.1.2)


class CodingError(EtolwatchError):
    """A body that is not in the coding that its header says, or in one that is not known."""


class _Unpacker(Protocol):
    """One of the codings that zlib does not know."""

    broken: type[Exception]
    eof: bool

    def pieces(self, data: bytes) -> Iterator[bytes]: ...


class _Brotli:
    """Content coding br (RFC 7932)."""

    def __init__(self) -> None:
        import brotlicffi

        self.broken: type[Exception] = brotlicffi.error
        self._stream = brotlicffi.Decompressor()
        self.eof = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while not self.eof:
            piece = self._stream.process(data, output_buffer_limit=_STEP)
            self.eof = self._stream.is_finished()
            yield piece
            if not piece and self._stream.can_accept_more_data():
                return
            data = b""


class _Zstd:
    """Content coding zstd (RFC 8878), its window limited as RFC 9659 §3 says."""

    def __init__(self) -> None:
        import zstandard

        self.broken: type[Exception] = zstandard.ZstdError
        self._stream = zstandard.ZstdDecompressor(max_window_size=8 << 20).decompressobj()
        self.eof = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_STEP):
            if self.eof:
                return
            yield self._stream.decompress(data[start : start + _ZSTD_STEP])
            self.eof = self._stream.eof


_OTHERS: dict[str, type[_Brotli] | type[_Zstd]] = {"br": _Brotli, "zstd": _Zstd}


@dataclass(frozen=True, slots=True)
class Decoded:
    """A body without its coding. ``whole``: its end was there; ``over``: it was cut at the limit."""

    body: bytes
    whole: bool
    over: bool


class Decoder:
    """Takes one content coding off a body that comes in pieces, up to ``limit`` bytes decoded."""

    def __init__(self, coding: str | None, limit: int) -> None:
        """Raises CodingError for a coding that is not known."""
        self.limit, self.over, self._size = limit, False, 0
        self._coding = (coding or "identity").strip().lower() or "identity"
        self._pieces: list[bytes] = []
        self._zlib: zlib._Decompress | None = None
        self._other: _Unpacker | None = None
        self._is_begun = False
        if self._coding in _GZIP:
            self._zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)
        elif self._coding in _OTHERS:
            self._other = _OTHERS[self._coding]()
        elif self._coding not in ("identity", "deflate"):
            raise CodingError("unknown content coding", self._coding)

    def feed(self, data: bytes) -> None:
        """Takes the next piece. Raises CodingError where it is not in the coding."""
        if self._coding == "identity":
            self._keep(data[: self.limit - self._size + 1])
            return
        self._is_begun = self._is_begun or bool(data)
        broken = self._other.broken if self._other else zlib.error
        try:
            if self._other:
                self._unpack(self._other, data)
            else:
                self._inflate(data)
        except broken as error:
            raise CodingError("broken content coding", self._coding, str(error)) from error

    def result(self) -> Decoded:
        """What was decoded so far."""
        whole = self._zlib is None or self._zlib.eof or not self._size
        if self._coding == "deflate" and self._zlib is None:
            whole = not self._size
        if self._other:
            whole = self._other.eof or not self._is_begun
        return Decoded(b"".join(self._pieces)[: self.limit], whole and not self.over, self.over)

    def _unpack(self, other: _Unpacker, data: bytes) -> None:
        for piece in other.pieces(data):
            self._keep(piece)
            if self.over:
                return

    def _inflate(self, data: bytes) -> None:
        if self._zlib is None and data:  # deflate: with a zlib header, or, from some servers, without
            wrapped = data[0] & 0x0F == 8 and (len(data) < 2 or not (data[0] << 8 | data[1]) % 31)
            self._zlib = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        while self._zlib is not None and not self.over:
            if self._zlib.eof and not self._next_member(data):
                return
            room = min(_STEP, self.limit - self._size + 1)
            piece = self._zlib.decompress(data, room)
            self._keep(piece)
            data = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail
            # zlib may hold output back although it has taken all input: then the piece is full
            if not data and len(piece) < room:
                return

    def _next_member(self, data: bytes) -> bool:
        """Whether another gzip member begins here; what else follows is no body (RFC 1952 §2.2)."""
        if self._coding not in _GZIP or not data.startswith(b"\x1f\x8b"):
            return False
        self._zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)
        return True

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        self.over = self.over or self._size > self.limit
        self._pieces.append(piece)


def decode(body: bytes, coding: str | None, limit: int) -> Decoded:
    """The body without its content coding, at most ``limit`` bytes of it. Raises CodingError."""
    if not coding or coding.strip().lower() == "identity":
        return Decoded(body[:limit], len(body) <= limit, len(body) > limit)
    decoder = Decoder(coding, limit)
    decoder.feed(body)
    return decoder.result()


def decode_as_far_as_it_goes(body: bytes, coding: str | None, limit: int) -> bytes:
    """What can be read of a body that was cut off or damaged; b"" if nothing can."""
    try:
        decoder = Decoder(coding, limit)
    except CodingError:
        return b""
    try:
        decoder.feed(body)
    except CodingError:
        return decoder.result().body
    return decoder.result().body


def digest_of(body: bytes) -> str:
    """The digest of a decoded body, which decides whether it changed: ``sha256:…`` in hex."""
    return "sha256:" + hashlib.sha256(body).hexdigest()


def payload_digest_of(body: bytes) -> str:
    """The digest of a body as sent, as WARC tools write it: ``sha1:…`` in base 32 (WARC 1.1 §5.9)."""
    return "sha1:" + b32encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode("ascii")
