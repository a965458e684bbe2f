"""The archive by months."""

from __future__ import annotations

from etolwatch.model import Verdict
from etolwatch.web.overview import ROOM, charts, every_month
from web.conftest import Reader


def test_no_month_between_the_first_and_the_last_is_left_out() -> None:
    assert every_month(["2027-02", "2026-11"]) == ["2026-11", "2026-12", "2027-01", "2027-02"]
    assert every_month([]) == []


def test_declared_stands_against_silent() -> None:
    found = charts(
        [
            ("a", "2026-11", Verdict.SILENT_EDIT, 2),
            ("a", "2026-11", Verdict.UNDATED_EDIT, 2),
            ("a", "2026-12", Verdict.DECLARED_EDIT, 8),
            ("b", "2026-11", Verdict.COSMETIC, 5),
        ]
    )
    assert [chart.name for chart in found] == ["", "a", "b"]
    november, december = found[0].months
    assert (november.silent, november.declared, november.other) == (4, 0, 5)
    assert (december.up, december.down) == (ROOM, 0)
    assert (november.up, november.down) == (0, ROOM / 2)
    assert found[0].totals == (4, 8, 5)
    assert [month.month for month in found[2].months] == ["2026-11", "2026-12"]  # the same months for all
    assert found[2].most == 0


def test_one_site_is_told_once() -> None:
    assert len(charts([("a", "2026-11", Verdict.SILENT_EDIT, 2)])) == 1
    assert charts([]) == []


def test_the_page_says_it_in_words_too(reader: Reader) -> None:
    page = reader.get("/overview")
    assert "2 declared changes, 3 silent ones, 5 other findings" in page.text
    assert "2026-11 2 3 5" in page.text
    assert 'href="/?state=all&amp;since=2026-11-01&amp;until=2026-11-30"' in page.html
    assert reader.get("/?state=all&since=2026-11-01&until=2026-11-30").links("to") != []
