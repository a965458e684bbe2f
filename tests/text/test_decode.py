"""Bytes to characters: every rule, and the pages that lie about themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etolwatch.text.decode import decode, fold, repair

META = '<meta http-equiv="content-type" content="text/html; charset={}" />'


def declared(charset: str, text: str, encoding: str) -> bytes:
    return (META.format(charset) + text).encode(encoding)


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
        (b"\xff\xfe\x00\x00", "utf-32-le"),
        (b"\x00\x00\xfe\xff", "utf-32-be"),
    ],
)
def test_a_byte_order_mark_decides_before_any_declaration(mark: bytes, encoding: str) -> None:
    found = decode(mark + "café – 1911".encode(encoding), "text/html; charset=iso-8859-2")
    assert found.text == "café – 1911"
    assert found.charset == encoding
    assert found.rule == "bom"


def test_valid_utf_8_is_utf_8_whatever_is_declared() -> None:
    body = declared("iso-8859-1", "“café”", "utf-8")
    assert decode(body, "text/html; charset=iso-8859-1").text.endswith("“café”")
    assert decode(body).charset == "utf-8"


def test_ascii_needs_no_declaration_and_no_guess() -> None:
    for charset in ("utf-16", "iso-8859-1", "windows-1251", "utf", "rtf-8"):
        assert decode(declared(charset, "plain", "ascii")).text.endswith("plain")


@pytest.mark.parametrize("charset", "iso-8859-1 ISO-8859-1 latin1 us-ascii ascii windows-1252".split())
def test_latin_1_and_ascii_are_read_as_windows_1252(charset: str) -> None:
    assert decode(declared(charset, "“1919–22” €", "cp1252")).text.endswith("“1919–22” €")


@pytest.mark.parametrize("encoding", ["iso-8859-2", "windows-1251", "koi8-r", "iso-8859-7"])
def test_another_known_charset_is_believed_where_the_bytes_are_no_utf_8(encoding: str) -> None:
    word = {"iso-8859-2": "košič", "iso-8859-7": "λόγος"}.get(encoding, "слово")
    body = word.encode(encoding)
    assert decode(body, f"text/html; charset={encoding}").text == word
    assert decode(body, f"text/html; charset={encoding}").rule == "http header"
    assert decode(declared(encoding, word, encoding)).text.endswith(word)
    assert decode(declared(encoding, word, encoding)).rule == "meta"


def test_the_http_header_goes_before_the_meta() -> None:
    body = declared("iso-8859-2", "слово", "windows-1251")
    assert decode(body, 'text/html; charset="windows-1251"').text.endswith("слово")


@pytest.mark.parametrize(
    "charset", ["", *"iso-8859 iso iso8850-1 utf utf-98 rtf-8 iutf-8 utrf-8 rot13 base64".split()]
)
def test_a_nonsense_charset_falls_through_to_windows_1252(charset: str) -> None:
    found = decode(declared(charset, "£5 – “no”", "cp1252"), f"text/html; charset={charset}")
    assert found.text.endswith("£5 – “no”")


def test_without_any_declaration_windows_1252() -> None:
    found = decode("don’t".encode("cp1252"))
    assert found.text == "don’t"
    assert found.charset == "windows-1252"


def test_utf_16_declared_over_eight_bit_bytes_is_a_slip() -> None:
    assert decode(declared("utf-16", "Grüße", "cp1252")).text.endswith("Grüße")


def test_latin_1_bytes_under_declared_utf_8_keep_their_letters() -> None:
    assert decode(declared("utf-8", "naïve façade", "latin-1")).text.endswith("naïve façade")


def test_utf_8_with_one_broken_byte_stays_utf_8() -> None:
    body = declared("utf-8", "“café” – “naïve”", "utf-8") + b"\xff"
    found = decode(body).text
    assert "“café” – “naïve”" in found
    assert found.endswith("\ufffd")


def test_the_five_bytes_that_windows_1252_leaves_open_do_not_fail() -> None:
    found = decode(bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D)) + "£".encode("cp1252"))
    assert len(found.text) == 6
    assert found.text.endswith("£")


@given(st.binary(max_size=300), st.one_of(st.none(), st.text(max_size=60)))
def test_decoding_never_fails(body: bytes, content_type: str | None) -> None:
    assert isinstance(decode(body, content_type).text, str)


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs",)), max_size=80))
def test_what_was_saved_as_utf_8_is_read_so(text: str) -> None:
    body = ("\ufeff" + text).encode()
    assert decode(body).text == text


# ── repair and fold ──


@pytest.mark.parametrize(
    ("damaged", "clean"),
    [
        ("cafÃ©", "café"),
        ("1919â€“22", "1919–22"),
        ("donâ€™t", "don’t"),
        ("wages \x96 and beer", "wages – and beer"),
        ("\x93no\x94", "“no”"),
        ("ï¿½300", "\ufffd300"),
    ],
)
def test_mojibake_is_put_right(damaged: str, clean: str) -> None:
    assert repair(damaged) == clean


@pytest.mark.parametrize(
    "text", [*"café naïve Ångström “no” £5 ÎLE Ã łódź слово".split(), "São Paulo", "1 – 2", "à la"]
)
def test_sound_letters_are_left_alone(text: str) -> None:
    assert repair(text) == text


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ma\u00adchinery", "machinery"),
        ("a\u200bb\u200cc\u200dd\u2060e\ufefff", "abcdef"),
        ("14\u00a0May\u2009and\u3000on", "14 May and on"),
        ("cafe\u0301", "café"),
        ("ﬁrst", "ﬁrst"),  # NFC, never NFKC
        ("x²", "x²"),
        ("…", "…"),
    ],
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)
