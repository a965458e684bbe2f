"""The played history: the report says of each page what the story says that it must."""

from __future__ import annotations

from pathlib import Path

import pytest

from etolwatch.demo.history import Story, read
from etolwatch.demo.play import Played, play
from etolwatch.model import Category, Certainty, Finding, Verdict, Zone

FOLDER = "archive/penhale/"


@pytest.fixture(scope="module")
def story() -> Story:
    return read()


@pytest.fixture(scope="module")
def said() -> list[str]:
    return []


@pytest.fixture(scope="module")
def played(story: Story, said: list[str], tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play(tmp_path_factory.mktemp("demo"), story=story, say=said.append)


def finding(played: Played, story: Story, day: int, page: str) -> Finding:
    (found,) = [
        each
        for each in played.findings
        if each.uri == story.address + FOLDER + page
        and each.captured_at is not None
        and each.captured_at.date() == story.instant(day, story.pass_at).date()
    ]
    return found


def readings(found: Finding) -> list[tuple[Category, str, str]]:
    """What a reader sees: the variants that weigh, without the date line."""
    return [
        (each.category, each.lemma, each.reading)
        for each in found.variants
        if each.grade.value != "none" and each.category is not Category.UPDATED
    ]


def test_the_verdicts_are_those_of_the_story(played: Played, story: Story) -> None:
    told = {
        (story.instant(change.day, story.pass_at).date(), story.address + change.path): change.verdict
        for change in story.changes
    }
    first = {(story.first_day, story.address + path): Verdict.FIRST_CAPTURE for path in story.beginning}
    found = {
        (each.captured_at.date(), each.uri): each.verdict
        for each in played.findings
        if each.captured_at is not None
    }
    assert found == told | first
    assert len(found) == len(played.findings)


def test_the_silent_edit(played: Played, story: Story) -> None:
    found = finding(played, story, 2, "1951/03/lamplighters.htm")
    assert found.certainty is Certainty.PROVEN
    assert readings(found) == [(Category.SUBSTANTIVE, "not", "")]
    (variant,) = [each for each in found.variants if each.lemma == "not"]
    assert variant.zone is Zone.BODY
    assert "negation" in variant.flags
    assert found.stated_before is not None
    assert found.stated_before.raw == "14.9.2011"
    assert found.stated_after == found.stated_before


def test_the_silent_edit_in_a_note(played: Played, story: Story) -> None:
    found = finding(played, story, 3, "1953/05/translators-trade.htm")
    assert found.certainty is Certainty.PROVEN
    assert readings(found) == [(Category.SUBSTANTIVE, "214", "241")]
    (variant,) = [each for each in found.variants if each.lemma == "214"]
    assert variant.zone is Zone.NOTE
    assert (variant.note or "").strip("[].") == "3"
    assert "number" in variant.flags


def test_the_declared_edit(played: Played, story: Story) -> None:
    found = finding(played, story, 3, "1954/11/two-pits.html")
    assert [pair[1:] for pair in readings(found)] == [("short", "half"), ("two", "three"), ("one", "two")]
    assert {pair[0] for pair in readings(found)} <= {Category.SUBSTANTIVE}
    assert found.stated_before is not None
    assert found.stated_before.iso == "2016-02-08"
    assert found.stated_after is not None
    assert found.stated_after.iso == "2026-11-04"


def test_the_date_alone(played: Played, story: Story) -> None:
    found = finding(played, story, 4, "1955/02/branch-library.htm")
    assert readings(found) == []
    assert found.stated_after is not None
    assert found.stated_after.raw == "31.10.2026"


def test_the_quotation_marks_are_told_once(played: Played, story: Story) -> None:
    found = finding(played, story, 4, "1957/10/quoting.htm")
    before = story.pages(3)[FOLDER + "1957/10/quoting.htm"].body
    marks = [each for each in found.variants if each.grade.value != "none"]
    assert {each.category for each in marks} == {Category.TYPOGRAPHY}
    assert sum(each.count for each in marks) == before.count(b"&#8220;") + before.count(b"&#8221;")
    assert len(marks) <= 2  # opening and closing marks, at most


def test_the_new_work_in_the_index(played: Played, story: Story) -> None:
    found = finding(played, story, 4, "index.htm")
    ((category, lemma, reading),) = readings(found)
    assert category is Category.INDEX
    assert lemma == ""
    assert "The Last Tram" in reading


def test_the_pound_signs(played: Played, story: Story) -> None:
    found = finding(played, story, 5, "1952/09/relief-fund.htm")
    damaged = [each for each in found.variants if each.grade.value != "none"]
    assert {each.category for each in damaged} == {Category.ENCODING}
    assert all("£" in each.lemma and "\ufffd" in each.reading for each in damaged)
    before = story.pages(4)[FOLDER + "1952/09/relief-fund.htm"].body
    assert sum(each.count for each in damaged) == before.count(b"\xa3")


def test_mark_up_alone_is_nothing(played: Played, story: Story) -> None:
    assert readings(finding(played, story, 2, "1956/07/ferry.htm")) == []


def test_the_folder_can_be_looked_into(played: Played) -> None:
    assert played.config.path.is_file()
    assert played.config.store.is_dir()
    assert played.report.is_file()
    assert played.report.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html>")


def test_what_is_said(played: Played, said: list[str]) -> None:
    text = "\n".join(said)
    assert "[-not-]" in text
    assert str(played.report) in text
    assert "127.0.0.1" not in text.replace(str(played.folder), "")


def test_a_folder_in_use_is_not_written_over(tmp_path: Path) -> None:
    from etolwatch.errors import UsageError

    (tmp_path / "config.toml").write_text("# mine\n")
    with pytest.raises(UsageError):
        play(tmp_path, say=lambda _line: None)
    assert (tmp_path / "config.toml").read_text() == "# mine\n"


def test_it_ends_with_where_to_look_further(played: Played, said: list[str]) -> None:
    assert f"cd {played.folder} && etolwatch serve" in said[-1]
