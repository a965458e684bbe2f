"""Judging with forms: what is kept, what is refused, what is taken back."""

from __future__ import annotations

import pytest

from etolwatch.archive.lock import Lock
from etolwatch.config import Config
from etolwatch.review.journal import Journal
from web.conftest import LAMPS, NOW, Page, Reader, app_of


def test_a_judgement_is_kept_and_the_finding_leaves_the_list(
    reader: Reader, demo: Config, lamps: str
) -> None:
    assert lamps in reader.get("/").links("to")
    shown = reader.judge(lamps, "confirmed", note="A “not” is gone.", reason=["content_removed"])
    assert "Judged as confirmed: 1 finding." in shown.text
    assert "confirmed by Ann, 7 November 2026, 12:00 UTC: content_removed; A “not” is gone." in shown.text
    assert lamps not in reader.get("/").links("to")
    assert lamps in reader.get("/?state=confirmed").links("to")
    (judgement,) = Journal.of(demo.store).read()
    assert (judgement.reviewer, judgement.state, judgement.note) == ("Ann", "confirmed", "A “not” is gone.")
    assert judgement.findings[0].uri == LAMPS


def test_the_name_is_remembered(reader: Reader, lamps: str) -> None:
    shown = reader.judge(lamps, "trivial", reviewer="Ann Example")
    assert 'autocomplete="name" value="Ann Example"' in shown.html
    assert 'autocomplete="name" value="Ann Example"' in reader.get("/finding/" + _another(reader)).html


def _another(reader: Reader) -> str:
    return reader.get("/").links("to")[0].removeprefix("/finding/")


def test_keep_and_on_to_the_next_leads_there(reader: Reader) -> None:
    first, second = reader.get("/").links("to")[:2]
    shown = reader.judge(first, "trivial", then="next")
    uri = second.split("/", 3)[3]
    assert uri in shown.text
    assert 'name="state" value="new"' not in shown.html  # it was not judged yet


def test_undo_brings_the_finding_back(reader: Reader, lamps: str) -> None:
    shown = reader.judge(lamps, "trivial")
    data = {name: shown.field(name) for name in ("csrf_token", "judgement", "back")}
    assert reader.post("/undo", data).status == 303
    shown = reader.get(lamps)
    assert "Taken back: trivial, said by Ann." in shown.text
    assert "taken back" in shown.text.split("What was said")[1]
    assert lamps in reader.get("/").links("to")


def test_a_judgement_of_what_has_changed_meanwhile_is_refused(
    reader: Reader, demo: Config, lamps: str
) -> None:
    shown = reader.get(lamps)
    names = ("csrf_token", "uri", "at", "back")
    data = {name: shown.field(name) for name in names} | {"state": "trivial", "reviewer": "Ann"}
    refused = reader.post("/judge", {**data, "digest": "sha256:" + "0" * 64})
    assert refused.status == 409
    assert "has changed since its page was loaded" in refused.text
    assert Journal.of(demo.store).read() == []


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("state", "excellent", "no such state: excellent"),
        ("reason", "boredom", "no such reason: boredom"),
        ("note", "x" * 10_001, "the note is too long"),
        ("reviewer", " \x00 ", "the reviewer has no usable name"),
    ],
)
def test_what_cannot_be_kept_is_named_and_stays_filled_in(
    reader: Reader, lamps: str, demo: Config, field: str, value: str, said: str
) -> None:
    typed: dict[str, object] = {
        "state": "follow_up", "reason": ["spelling"], "note": "\nAsk.", "rule": "1", "reviewer": "Ann"
    }  # fmt: skip
    refused = reader.post("/judge", _filled(reader.get(lamps), **typed | {field: value}))
    assert refused.status == 400
    assert f"Not kept: {said}" in refused.text
    assert Journal.of(demo.store).read() == []
    if field != "state":
        assert 'value="follow_up" required checked' in refused.html
    if field != "reason":
        assert 'value="spelling" checked' in refused.html
    assert (
        f'<textarea id="note" name="note" rows="3" maxlength="10000">\n{(typed | {field: value})["note"]}<'
        in refused.html
    )
    assert 'name="rule" value="1" checked' in refused.html
    assert reader.post("/judge", _filled(refused, **typed)).status == 303
    assert len(Journal.of(demo.store).read()) == 2  # with the rule


def _filled(shown: Page, **fields: object) -> dict[str, object]:
    """The form of this page, filled in so."""
    names = ("csrf_token", "uri", "at", "digest", "back", "next", "stands")
    return {name: shown.field(name) for name in names} | {"reviewer": "Ann"} | fields


def test_a_stale_page_overrides_nobody(reader: Reader, demo: Config, lamps: str) -> None:
    stale = reader.get(lamps)
    reader.judge(lamps, "confirmed", note="It is gone.", reviewer="Bob")
    refused = reader.post("/judge", _filled(stale, state="trivial", note="a long note"))
    assert refused.status == 409
    assert "judged otherwise meanwhile: confirmed by Bob" in refused.text
    assert "a long note</textarea>" in refused.html
    (kept,) = Journal.of(demo.store).read()
    assert kept.reviewer == "Bob"
    assert reader.post("/judge", _filled(refused, state="trivial", note="a long note")).status == 303
    last = Journal.of(demo.store).read()[-1]
    assert (last.reviewer, last.follows) == ("Ann", (kept.id,))


def test_a_judgement_taken_back_meanwhile_makes_a_page_stale(reader: Reader, lamps: str) -> None:
    stale = reader.judge(lamps, "confirmed")
    assert reader.post("/undo", _undoing(stale)).status == 303
    assert reader.post("/judge", _filled(stale, state="trivial")).status == 409


def test_a_form_that_is_sent_twice_is_no_quarrel(reader: Reader, lamps: str) -> None:
    form = _filled(reader.get(lamps), state="trivial", note="twice")
    assert reader.post("/judge", form).status == 303
    assert reader.post("/judge", form).status == 303


def test_a_locked_journal_costs_nobody_what_was_typed(reader: Reader, demo: Config, lamps: str) -> None:
    lock = Lock(demo.store / "review.jsonl.lock")
    lock.acquire(NOW)
    try:
        refused = reader.post("/judge", _filled(reader.get(lamps), state="trivial", note="a long note"))
    finally:
        lock.release()
    assert refused.status == 503
    assert "another etolwatch works on this store" in refused.text
    assert "a long note</textarea>" in refused.html
    assert reader.post("/judge", _filled(refused, state="trivial", note="a long note")).status == 303


def test_a_note_comes_back_as_it_was(reader: Reader, lamps: str) -> None:
    shown = reader.judge(lamps, "trivial", note="<b>one</b>\n\ntwo")
    assert 'maxlength="10000">\n&lt;b&gt;one&lt;/b&gt;\n\ntwo</textarea>' in shown.html


# ── taking back ──


def _undoing(shown: Page) -> dict[str, object]:
    """The form that takes back the first judgement on this page."""
    return {
        "csrf_token": shown.field("csrf_token"),
        "judgement": shown.field("judgement"),
        "back": shown.field("back"),
    }


def test_who_has_no_remembered_name_gives_one_to_take_back(demo: Config, lamps: str) -> None:
    app = app_of(demo)
    ann, stranger = Reader(app.test_client()), Reader(app.test_client())
    assert '<input name="reviewer"' not in ann.judge(lamps, "trivial").html
    shown = stranger.get(lamps)
    assert '<label>Your name <input name="reviewer" required' in shown.html
    assert '<label>Your name <input name="reviewer" required' in stranger.get("/history").html
    assert stranger.post("/undo", {**_undoing(shown), "reviewer": "Cleo"}).status == 303
    shown = stranger.get(lamps)
    assert "Taken back: trivial, said by Ann." in shown.text
    assert 'autocomplete="name" value="Cleo"' in shown.html
    assert Journal.of(demo.store).read()[-1].reviewer == "Cleo"


def test_an_undo_sent_twice_is_one_line(reader: Reader, demo: Config, lamps: str) -> None:
    form = _undoing(reader.judge(lamps, "trivial"))
    for _ in range(2):
        assert reader.post("/undo", form).status == 303
    assert "Taken back already: trivial, said by Ann." in reader.get("/").text
    assert len(Journal.of(demo.store).read()) == 2


def test_the_history_says_what_was_taken_back(reader: Reader, lamps: str) -> None:
    reader.post("/undo", _undoing(reader.judge(lamps, "trivial")))
    shown = reader.get("/history")
    assert f"Took back “trivial”, said by Ann, 7 November 2026, 12:00 UTC, of {LAMPS}." in shown.text
    reader.post("/undo", _undoing(shown))
    assert "Took back the taking back by Ann, 7 November 2026, 12:00 UTC." in reader.get("/history").text


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("uri", "https://demo.example/never.htm", 404),
        ("at", "2020-11-03T07:00:10Z", 404),
        ("at", "yesterday", 400),
        ("at", "", 400),
    ],
)
def test_a_finding_that_is_not_there_is_not_judged(
    reader: Reader, lamps: str, field: str, value: str, status: int
) -> None:
    shown = reader.get(lamps)
    names = ("csrf_token", "uri", "at", "digest", "back")
    data = {name: shown.field(name) for name in names} | {"state": "trivial", "reviewer": "Ann"}
    assert reader.post("/judge", data | {field: value}).status == status


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", "\t//evil"])
def test_no_form_leads_to_another_site(reader: Reader, lamps: str, back: str) -> None:
    shown = reader.get(lamps)
    names = ("csrf_token", "uri", "at", "digest")
    data = {name: shown.field(name) for name in names} | {"state": "trivial", "reviewer": "Ann"}
    assert reader.post("/judge", {**data, "back": back}).response.location == "/"


def test_a_rule_judges_what_comes_and_can_be_taken_back(reader: Reader, lamps: str) -> None:
    reader.judge(lamps, "follow_up", rule="1", note="Ask the editor.")
    shown = reader.get("/rules")
    assert "[-not-]" in shown.text
    assert "Ask the editor." in shown.text
    data = {name: shown.field(name) for name in ("csrf_token", "judgement", "back")}
    assert reader.post("/undo", data).status == 303
    assert "There is no rule." in reader.get("/rules").text


def test_the_history_tells_all(reader: Reader, lamps: str) -> None:
    assert "Nobody has judged anything yet." in reader.get("/history").text
    reader.judge(lamps, "confirmed", note="first")
    reader.judge(lamps, "trivial", note="second", reviewer="Ben")
    told = reader.get("/history").text
    assert told.index("second") < told.index("first")
    assert "Ben" in told


@pytest.mark.parametrize("path", ["/judge", "/undo", "/logout"])
def test_nothing_is_changed_by_get(reader: Reader, path: str) -> None:
    assert reader.get(path).status == 405


def test_the_list_goes_out_as_a_sheet(reader: Reader) -> None:
    page = reader.get("/findings.csv?verdict=silent_edit")
    assert page.response.headers["Content-Disposition"] == 'attachment; filename="findings.csv"'
    lines = page.html.splitlines()
    assert len([line for line in lines if "silent_edit" in line]) == 2
    assert not [line for line in lines if "declared_edit" in line]
    assert reader.get("/findings.xlsx").response.data.startswith(b"PK")


@pytest.mark.parametrize("name", ["findings.csv", "findings.xlsx"])
def test_a_sheet_since_no_date_is_refused(reader: Reader, name: str) -> None:
    page = reader.get(f"/{name}?since=abc")
    assert page.status == 400
    assert "abc" in page.text
    assert "Content-Disposition" not in page.response.headers
