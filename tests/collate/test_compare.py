"""What stands outside the text: statuses, types, first captures, and the finding as a whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from etolwatch.collate.compare import compare, judge
from etolwatch.collate.strange import read
from etolwatch.contract import finding_from_dict, finding_to_dict
from etolwatch.model import Category, Finding, Grade, Payload, Verdict
from etolwatch.text.profiles import profile

ETOL = profile("etol")
URI = "https://www.example.org/archive/vale/canal.htm"
T0, T1 = datetime(2026, 11, 2, 4, tzinfo=UTC), datetime(2026, 11, 9, 4, tzinfo=UTC)
PROSE = "The keepers of the lock would not turn the wheels, and nobody in the county was able to say why. "


def html(text: str = PROSE * 12, date: str = "11 October 2011") -> bytes:
    return (
        f"<html><head><title>The Canal</title></head><body><h1>The Canal</h1><p>{text}</p>"
        f'<p class="updat">Last updated on {date}</p></body></html>'
    ).encode()


BEFORE = Payload(URI, html(), captured_at=T0, content_type="text/html")
SAME = replace(BEFORE, captured_at=T1)


def first(payload: Payload) -> Finding:
    return judge(None, read(payload, ETOL))


def test_a_first_capture() -> None:
    found = first(SAME)
    assert found.verdict is Verdict.FIRST_CAPTURE
    assert found.previous_at is None
    assert found.captured_at == T1
    assert found.variants == ()
    assert found.stated_after is not None
    assert found.stated_after.iso == "2011-10-11"


def test_a_first_capture_that_the_server_dates_later_than_its_own_line() -> None:
    found = first(replace(SAME, last_modified="Tue, 03 Nov 2026 10:00:00 GMT"))
    assert found.verdict is Verdict.FIRST_CAPTURE
    assert "unwitnessed_change" in found.flags
    assert (
        "unwitnessed_change" not in first(replace(SAME, last_modified="Wed, 12 Oct 2011 10:00:00 GMT")).flags
    )


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_was_never_there(status: int) -> None:
    assert first(replace(SAME, status=status)).verdict is Verdict.PAGE_GONE


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (404, Verdict.PAGE_GONE),
        (410, Verdict.PAGE_GONE),
        (301, Verdict.PAGE_MOVED),
        (302, Verdict.PAGE_MOVED),
        (308, Verdict.PAGE_MOVED),
        (500, Verdict.SUSPECT_CAPTURE),
        (502, Verdict.SUSPECT_CAPTURE),
        (503, Verdict.SUSPECT_CAPTURE),
    ],
)
def test_the_status_decides_before_the_text(status: int, verdict: Verdict) -> None:
    found = compare(BEFORE, replace(SAME, body=html("Other words. " * 40), status=status), ETOL)
    assert found.verdict is verdict
    assert found.variants == ()
    assert found.certainty is None
    assert (found.previous_at, found.captured_at) == (T0, T1)


def test_a_body_cut_off_on_the_line_is_no_edit() -> None:
    found = compare(BEFORE, replace(SAME, body=BEFORE.body[:-80], truncated=True), ETOL)
    assert found.verdict is Verdict.SUSPECT_CAPTURE


@pytest.mark.parametrize("cut", [120, 300, 700, 1000])
def test_a_body_cut_off_anywhere_is_no_edit(cut: int) -> None:
    found = compare(BEFORE, replace(SAME, body=BEFORE.body[:cut]), ETOL)
    assert found.verdict is Verdict.SUSPECT_CAPTURE
    assert found.variants == ()


def test_a_text_shortened_by_hand_is_an_edit() -> None:
    found = compare(BEFORE, replace(SAME, body=html(PROSE * 6)), ETOL)
    assert found.verdict is Verdict.SILENT_EDIT


def test_a_pdf_is_compared_by_its_bytes() -> None:
    pdf = Payload(URI, b"%PDF-1.4 one", captured_at=T0, content_type="application/pdf")
    assert first(pdf).verdict is Verdict.FIRST_CAPTURE
    assert compare(pdf, replace(pdf, captured_at=T1), ETOL).verdict is Verdict.NO_TEXTUAL_CHANGE
    other = compare(pdf, replace(pdf, body=b"%PDF-1.4 two", captured_at=T1), ETOL)
    assert other.verdict is Verdict.UNDATED_EDIT
    assert [variant.grade for variant in other.variants] == [Grade.WORDS]


def test_plain_text_is_read() -> None:
    text = Payload("https://example.org/a.txt", b"One line.\n\nTwo lines.", content_type="text/plain")
    found = compare(text, replace(text, body=b"One line.\n\nTwo words."), ETOL)
    assert [(v.lemma, v.reading) for v in found.variants] == [("lines", "words")]
    assert found.verdict is Verdict.UNDATED_EDIT


def test_a_variant_says_where_it_stands() -> None:
    found = compare(BEFORE, replace(SAME, body=html(PROSE * 11 + PROSE.replace("county", "country"))), ETOL)
    (variant,) = found.variants
    assert (variant.lemma, variant.reading) == ("county", "country")
    assert variant.before.endswith("nobody in the ")
    assert len(variant.before.split()) == 5
    assert len(variant.after.split()) == 5
    assert variant.after.startswith(" was able to say")
    assert variant.block == 1
    assert variant.category is Category.SUBSTANTIVE
    assert variant.why


def test_the_normaliser_is_named() -> None:
    found = compare(BEFORE, SAME, ETOL)
    assert "lxml" in found.normaliser
    assert "beautifulsoup4" in found.normaliser


def test_a_finding_can_be_written_and_read_back() -> None:
    found = compare(BEFORE, replace(SAME, body=html(PROSE * 3 + "Not so. " + PROSE * 8)), ETOL)
    assert finding_from_dict(finding_to_dict(found)) == found


def test_month_first_or_day_first_is_told_by_the_page_itself() -> None:
    """3.8.2009 beside 7.25.2009 is 8 March: nothing went backwards."""
    found = compare(
        replace(BEFORE, body=html(date="3.8.2009")), replace(SAME, body=html(date="7.25.2009")), ETOL
    )
    assert found.verdict is Verdict.DATE_BUMP_ONLY
    assert found.stated_before is not None
    assert found.stated_before.iso == "2009-03-08"


@pytest.mark.parametrize("name", ["etol", "generic"])
def test_the_verdict_is_the_same_on_both_profiles_for_a_plain_page(name: str) -> None:
    found = compare(BEFORE, replace(SAME, body=html().replace(b"wheels", b"handles")), profile(name))
    assert found.verdict is Verdict.SILENT_EDIT
    assert {(v.lemma, v.reading) for v in found.variants} == {("wheels", "handles")}


@pytest.mark.parametrize(
    "text",
    [
        "The keeper was not found at home, and the gate was shut before anybody could ask him why.",
        "The document can no longer be had, said the clerk, and he went back to his dinner.",
        "The county was forbidden to them; access denied, they said, and laughed.",
    ],
)
def test_a_short_text_that_speaks_of_things_lost_is_a_text(text: str) -> None:
    """A soft 404 is a text shrunk below a quarter: one that was never longer has not shrunk."""
    assert first(replace(SAME, body=html(text))).verdict is Verdict.FIRST_CAPTURE
    before = replace(BEFORE, body=html(text))
    found = compare(before, replace(SAME, body=html(text.replace("The", "Our"))), ETOL)
    assert found.verdict is Verdict.SILENT_EDIT


SIGNS = "He said “no” – twice – and paid £5; “why”, they asked, “not £6?”"
LETTERS = "The naïve façade of the café was, as Zoë said, a rôle."


def damaged(text: str, sign: str) -> str:
    return "".join(character if character.isascii() else sign for character in text)


@pytest.mark.parametrize("sign", ["?", "\ufffd", "ÿÿ"])
@pytest.mark.parametrize(
    ("text", "verdict"),
    [(SIGNS, Verdict.COSMETIC), (LETTERS, Verdict.SILENT_EDIT), (SIGNS + LETTERS, Verdict.SILENT_EDIT)],
)
def test_damage_all_over_a_page_is_damage_and_nothing_else(sign: str, text: str, verdict: Verdict) -> None:
    whole, broken = (html(PROSE + each) for each in (text, damaged(text, sign)))
    found = compare(replace(BEFORE, body=whole), replace(SAME, body=broken), ETOL)
    assert {variant.category for variant in found.variants} == {Category.ENCODING}
    assert all("damaged" in variant.flags for variant in found.variants)
    assert found.verdict is verdict
    back = compare(replace(BEFORE, body=broken), replace(SAME, body=whole), ETOL)
    assert {variant.category for variant in back.variants} == {Category.ENCODING}
    assert all("repaired" in variant.flags for variant in back.variants)


@pytest.mark.parametrize("text", ["He paid £5 – twice – and didn’t ask why.", LETTERS])
def test_utf_8_read_as_windows_1252_is_damage_that_a_machine_can_mend(text: str) -> None:
    broken = text.encode().decode("cp1252")
    found = compare(replace(BEFORE, body=html(PROSE + text)), replace(SAME, body=html(PROSE + broken)), ETOL)
    assert {variant.category for variant in found.variants} == {Category.ENCODING}
    assert found.verdict is Verdict.COSMETIC


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("in 1921-22, he", "in 1921–22, he"),
        ("in 1921-22, he", "in 1921 – 22, he"),
        ("went, and came", "went – and came"),
        ("however the", "however, the"),
        ("did not agree", "did agree"),
        ("did agree", "did not agree"),
        ('said: "Export was', "said: “Export was"),
        ("an old (red) house", "an old (grey) house"),
    ],
)
def test_context_and_words_are_what_the_page_has(old: str, new: str) -> None:
    before, after = (f"<p>Here stands that {text} in the end of it.</p>" for text in (old, new))
    found = compare(
        replace(SAME, body=html(PROSE * 3 + before)), replace(SAME, body=html(PROSE * 3 + after)), ETOL
    )
    (variant,) = (each for each in found.variants if each.lemma or each.reading)
    lemma, reading = variant.spaced or (variant.lemma, variant.reading)
    if lemma:
        assert f"{variant.before}{lemma}{variant.after}" in before
    if reading:
        assert f"{variant.before}{reading}{variant.after}" in after


def test_a_redirect_is_a_move_only_to_another_address() -> None:
    elsewhere = "https://www.example.org/archive/vale/lock.htm"
    moved = compare(BEFORE, replace(SAME, status=302, final_uri=elsewhere, body=b""), ETOL)
    assert (moved.verdict, moved.why) == (Verdict.PAGE_MOVED, f"redirected (302) to {elsewhere}")
    loop = compare(BEFORE, replace(SAME, status=302, final_uri=SAME.uri, body=b""), ETOL)
    assert loop.verdict is Verdict.SUSPECT_CAPTURE
