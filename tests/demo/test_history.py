"""The story: what it is made of, and that it plays as it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

import httpx
import pytest

from etolwatch.demo.history import Change, Page, Story, read
from etolwatch.demo.server import serving
from etolwatch.model import Verdict

FOLDER = "archive/penhale/"
AT = datetime(2026, 11, 3, 5, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def story() -> Story:
    return read()


def test_days_follow_one_another(story: Story) -> None:
    assert story.days == 5
    assert story.instant(1, story.pass_at) == datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
    assert story.instant(5, story.pass_at) == datetime(2026, 11, 6, 7, 0, tzinfo=UTC)
    assert all(1 < change.day <= story.days for change in story.changes)
    assert story.changed_at < story.pass_at


def test_each_change_changes_its_page_and_no_other(story: Story) -> None:
    for day in range(2, story.days + 1):
        before, after = story.pages(day - 1), story.pages(day)
        changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        assert changed == {change.path for change in story.changes_on(day)}
        assert len(changed) == len(story.changes_on(day))


def test_a_changed_page_is_modified_that_morning(story: Story) -> None:
    for change in story.changes:
        if not change.gone:
            page = story.pages(change.day)[change.path]
            assert page.modified_at == story.instant(change.day, story.changed_at)


def test_the_index_lists_every_page_but_not_before_it_is_there(story: Story) -> None:
    for day in range(1, story.days + 1):
        pages = story.pages(day)
        index = pages[FOLDER + "index.htm"].body.decode()
        gone = {change.path for change in story.changes if change.gone and change.day <= day}
        listed = {FOLDER + part.split('"')[0] for part in index.split('<p class="index"><a href="')[1:]}
        assert listed == (set(pages) - {FOLDER + "index.htm"}) | gone


def test_the_mark_up_forms_of_the_watched_site_are_there(story: Story) -> None:
    pages = {path.removeprefix(FOLDER): page.body for path, page in story.pages(1).items()}
    assert b"<!-- WebWriter AutoDato -->14.9.2011<!-- WW -->" in pages["1951/03/lamplighters.htm"]
    assert b"Last updated: 30 January 2016" in pages["1953/05/translators-trade.htm"]
    assert b'<span class="info">Source:</span>' in pages["1954/11/two-pits.html"]
    assert b'href="#b1" name="a1"' in pages["1953/05/translators-trade.htm"]
    assert b'href="#n1" name="f1"' in pages["1951/03/lamplighters.htm"]
    assert b"updated" not in pages["1957/01/almanac.htm"].lower()
    assert b"\xa3300" in pages["1952/09/relief-fund.htm"]
    assert b"\r\n<P>" in pages["1956/07/ferry.htm"]


def test_the_damage_is_the_replacement_character_in_utf_8(story: Story) -> None:
    before = story.pages(4)[FOLDER + "1952/09/relief-fund.htm"].body
    after = story.pages(5)[FOLDER + "1952/09/relief-fund.htm"].body
    assert after == before.replace(b"\xa3", b"\xef\xbf\xbd")
    assert before.count(b"\xa3") > 1


def change(**what: object) -> Change:
    return replace(Change(2, "a.htm", "", Verdict.SILENT_EDIT), **what)  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [b"nothing", b"one one"])
def test_an_edit_that_does_not_fit_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"day 2: a\.htm"):
        change(replace=((b"one", b"two"),)).made_to({"a.htm": Page(body, AT)}, AT)


def test_an_edit_everywhere() -> None:
    made = change(replace=((b"one", b"two"),), everywhere=True).made_to({"a.htm": Page(b"one one", AT)}, AT)
    assert made == {"a.htm": Page(b"two two", AT)}


def test_the_server_is_honest(story: Story) -> None:
    path = FOLDER + "1951/03/lamplighters.htm"
    with serving(story) as server, httpx.Client(base_url=server.address) as client:
        first = client.get(path)
        assert first.content == story.pages(1)[path].body
        assert first.headers["Last-Modified"] == "Wed, 14 Sep 2011 12:00:00 GMT"
        assert first.headers["Date"] == "Mon, 02 Nov 2026 07:00:00 GMT"
        tag, modified = first.headers["ETag"], first.headers["Last-Modified"]
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
        assert client.get(path, headers={"If-Modified-Since": modified}).status_code == 304
        # the entity tag decides where both are sent (RFC 9110 §13.2.2)
        both = {"If-None-Match": '"other"', "If-Modified-Since": modified}
        assert client.get(path, headers=both).status_code == 200

        server.turn_to(2)
        again = client.get(path, headers={"If-None-Match": tag, "If-Modified-Since": modified})
        assert again.status_code == 200
        at = story.instant(2, story.changed_at)
        assert again.headers["Last-Modified"] == format_datetime(at, usegmt=True)
        assert client.get("robots.txt").text.startswith("User-agent: *")

        server.turn_to(5)
        assert client.get(FOLDER + "1958/04/old-banner.htm").status_code == 404
