"""The date line in every form counted on the site; broken ones are kept literally and never mended."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etolwatch.model import Payload, StatedDate
from etolwatch.text.dates import is_date_line, stated
from etolwatch.text.profiles import profile
from etolwatch.text.witness import witness


def of_page(line: str, text: str = "A paragraph of the text, in our own words.") -> StatedDate | None:
    """The stated date of a page with this HTML at its foot."""
    html = f"<html><head><title>t</title></head><body><h1>T</h1><p>{text}</p>{line}</body></html>"
    return witness(Payload("https://example.org/a.htm", html.encode()), profile("etol")).stated


READ = [
    ("Last updated on 23 July 2015", "2015-07-23"),
    ("Last updated on 8 February 2016", "2016-02-08"),
    ("Last updated on 14.9.2011", "2011-09-14"),
    ("Last updated on 17.10.2005", "2005-10-17"),
    ("Last updated on: 12 May 2009", "2009-05-12"),
    ("Last updated on: 25.12.2006", "2006-12-25"),
    ("Last updated: 30 January 2016", "2016-01-30"),
    ("Last updated: 30.1.2016", "2016-01-30"),
    ("last updated on 6 April 2007", "2007-04-06"),
    ("LAST UPDATED ON 6 APRIL 2007", "2007-04-06"),
    ("Updated on 19 April 2020", "2020-04-19"),
    ("Updated on: 10 April 2015", "2015-04-10"),
    ("Updated on February 14, 2019", "2019-02-14"),
    ("25.6.2006", "2006-06-25"),
    ("2020-04-10", "2020-04-10"),
    ("Last updated on 2020-04-10", "2020-04-10"),
    ("Last updated on Last updated 12.5.2003", "2003-05-12"),
    ("Last Update: 19 April, 2006", "2006-04-19"),
    ("Sunday, October 05, 2008. Mirrored by the library", "2008-10-05"),
    ("Lat updated on 13.3.2004", "2004-03-13"),
    ("Last updated on 2 July 2017/p>", "2017-07-02"),
    ("Last updated on 7.25.2009", "2009-07-25"),
    ("Last updated on 12.16.2011", "2011-12-16"),
    ("Last updated on 29 February 2008", "2008-02-29"),
    ("Last updated on March 2004", "2004-03"),
    ("Last updated on 2011", "2011"),
]
BROKEN = [
    "29 Novemember 2015",
    "27 Junel 2018",
    "2 Novem9ber 2018",
    "2 No vember 2019",
    "26 O ctober 2020",
    "2 Mai 2014",
    "219 July 2018",
    "13 February 20175",
    "5 November 202",
    "25 April",
    "7 October",
    "12.4.0175",
    "3 May 0195",
    "31.2.2011",
    "29 February 2007",
    "0.0.2011",
    "14.9.",
    "14 9 2011 2",
]


@pytest.mark.parametrize(("line", "iso"), READ)
def test_each_form_is_read(line: str, iso: str) -> None:
    found = stated(line)
    assert found.iso == iso
    assert found.readings


@pytest.mark.parametrize(("line", "iso"), READ)
def test_each_form_is_found_on_a_page(line: str, iso: str) -> None:
    found = of_page(f'<p class="updat">{line.replace(">", "&gt;")}</p>')
    assert found is not None
    assert found.iso == iso


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_date_is_never_mended(text: str) -> None:
    found = of_page(f'<p class="updat">Last updated on {text}</p>')
    assert found is not None
    assert found.iso is None
    assert found.readings == ()
    assert found.raw == text.rstrip(".")


def test_a_year_far_ahead_is_kept_as_it_stands() -> None:
    """2105 for 2015: not mended; read literally or not at all."""
    found = stated("Last updated on 14 May 2105")
    assert found.iso in (None, "2105-05-14")
    assert found.raw.endswith("14 May 2105")


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("1.3.2005", date(2005, 3, 1), date(2005, 1, 3)),
        ("4.11.2008", date(2008, 11, 4), date(2008, 4, 11)),
        ("12.12.2012", date(2012, 12, 12), None),
        ("13.12.2012", date(2012, 12, 13), None),
        ("12.13.2012", date(2012, 12, 13), None),
    ],
)
def test_an_ambiguous_date_keeps_both_readings_the_likelier_first(
    text: str, first: date, second: date | None
) -> None:
    found = stated(text)
    wanted = [(first, first)] + ([(second, second)] if second else [])
    assert list(found.readings) == wanted
    assert found.is_ambiguous == (second is not None)
    assert found.iso == first.isoformat()


def test_a_month_and_a_year_run_from_first_to_last_day() -> None:
    assert stated("February 2008").readings == ((date(2008, 2, 1), date(2008, 2, 29)),)
    assert stated("2008").readings == ((date(2008, 1, 1), date(2008, 12, 31)),)


@pytest.mark.parametrize("raw", ["14.9.2011", "23 July 2015", "February 14, 2019", "2020-04-10"])
def test_the_literal_string_is_kept(raw: str) -> None:
    assert stated(f"Last updated on {raw}").raw == raw


def test_the_editors_stamp_is_noticed() -> None:
    found = of_page('<p class="updat">Last updated on <!-- WebWriter AutoDato -->14.9.2011<!-- WW --></p>')
    assert found is not None
    assert found.stamped
    assert found.iso == "2011-09-14"
    plain = of_page('<p class="updat">Last updated on 14.9.2011</p>')
    assert plain is not None
    assert not plain.stamped


@pytest.mark.parametrize(
    "line",
    [
        "<p>Last updated on 23 July 2015</p>",
        '<p class="inline">Last updated on 23 July 2015</p>',
        '<p class="foot">Last updated on 23 July 2015</p>',
        '<p class="udat">Last updated on 23 July 2015</p>',
        "<address>Last updated on 23 July 2015</address>",
        "<table><tr><td>Last updated on 23 July 2015</td></tr></table>",
        "<footer><p>Last updated on 23 July 2015</p></footer>",
        '<p class="updat">Last updated on&#160;23&nbsp;July&nbsp;2015</p>',
        '<p class="updat">Last updated\non 23\nJuly 2015',
        '<p class="updat"><i>Last updated on</i> <b>23 July 2015</b></p><p><a href="#top">Top</a></p>',
    ],
)
def test_the_line_is_found_by_its_place_and_shape(line: str) -> None:
    found = of_page(line)
    assert found is not None
    assert found.iso == "2015-07-23"


@pytest.mark.parametrize(
    "text",
    [
        "The list of prices was last updated on 3 May 1921 by the clerk, who had the time for it.",
        "On 3 May 1921 the gates were shut.",
        "The rules, last revised on 14.9.1911, say nothing of dogs.",
    ],
)
def test_a_date_in_the_text_is_none_of_the_page(text: str) -> None:
    assert of_page("<p>Another paragraph follows.</p>" * 10, text) is None


def test_a_page_without_the_line_states_nothing() -> None:
    assert of_page("") is None


def test_the_line_is_near_the_end() -> None:
    later = "<p>A paragraph of some length and no date at all.</p>" * 20
    assert of_page("<p>Last updated on 23 July 2015</p>" + later) is None


@given(st.text(max_size=120))
def test_no_line_fails(text: str) -> None:
    is_date_line(text)
    found = stated(text)
    assert (found.iso is None) == (not found.readings)


@given(st.dates(date(1995, 1, 1), date(2099, 12, 31)))
def test_every_day_written_in_words_or_iso_is_read(day: date) -> None:
    for text in (f"{day.day} {day:%B} {day.year}", f"{day:%B} {day.day}, {day.year}", day.isoformat()):
        assert stated(f"Last updated on {text}").iso == day.isoformat()


@given(st.dates(date(1995, 1, 1), date(2099, 12, 31)))
def test_every_day_written_in_digits_is_among_the_readings(day: date) -> None:
    for text in (f"{day.day}.{day.month}.{day.year}", f"{day.month}.{day.day}.{day.year}"):
        assert (day, day) in stated(text).readings
