"""The list as it is asked for: filters, numbers, pages."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etolwatch.archive.findings import Shared, Tally, Wanted
from etolwatch.model import Verdict
from etolwatch.publish.order import RUBRICS
from etolwatch.web.listing import ROWS, asked, counts, pages, stretches

SILENT, DECLARED, COSMETIC = Verdict.SILENT_EDIT, Verdict.DECLARED_EDIT, Verdict.COSMETIC


def test_nothing_asked_for_is_what_is_new() -> None:
    found = asked({}, [])
    assert found.wanted == Wanted(states=("new",))
    assert found.query() == "?"
    assert not found.is_filtered


def test_the_fields_of_the_form_are_read() -> None:
    fields = {"q": " some  lamps ", "in": "removed", "site": "pearce", "folder": "https://x.example/a/",
              "since": "2026-11-01", "until": "2026-11-30", "state": "trivial", "page": "3"}  # fmt: skip
    found = asked(fields, ["silent_edit", "cosmetic"])
    assert found.wanted == Wanted(
        verdicts=(COSMETIC, SILENT),
        site="pearce",
        folder="https://x.example/a/",
        since=datetime(2026, 11, 1, tzinfo=UTC),
        until=datetime(2026, 11, 30, 23, 59, 59, 999999, tzinfo=UTC),
        words="some  lamps",
        side="removed",
        states=("trivial",),
    )
    assert found.page == 3
    assert found.is_filtered


def test_what_is_no_choice_is_left_out() -> None:
    fields = {"in": "nowhere", "state": "excellent", "page": "-1", "since": "", "until": ""}
    found = asked(fields, ["no_verdict"])
    assert found.wanted == Wanted(states=("new",))
    assert (found.page, found.wrong) == (1, ())


@pytest.mark.parametrize("page", ["x", "", "0", "²", "99999999999999999999"])
def test_an_odd_page_is_the_first(page: str) -> None:
    assert asked({"page": page}, []).page == 1


def test_a_date_that_is_none_is_named() -> None:
    found = asked({"since": "2026-02-30"}, [])
    assert found.wanted.since is None
    assert "2026-02-30" in found.wrong[0]


def test_counted_findings_are_listed_only_when_they_are_asked_for() -> None:
    assert not asked({}, ["silent_edit"]).wanted.counted
    assert asked({}, ["first_capture"]).wanted.counted


def test_a_query_keeps_the_filter_and_takes_changes() -> None:
    found = asked({"q": "a&b", "state": "all", "in": "added"}, ["silent_edit"])
    assert found.query(page=2) == "?q=a%26b&in=added&verdict=silent_edit&state=all&page=2"
    assert found.query(state=None) == "?q=a%26b&in=added&verdict=silent_edit"


def test_each_choice_has_the_number_it_would_give() -> None:
    tallies = [
        Tally(SILENT, False, {"new": 5, "trivial": 2}),
        Tally(SILENT, True, {"new": 3}),
        Tally(COSMETIC, False, {"new": 7, "confirmed": 1}),
    ]
    chosen = asked({}, ["silent_edit"])
    found = counts(tallies, chosen)
    assert found.by_verdict == {SILENT: 8, COSMETIC: 7}  # of the state chosen
    assert found.by_state == {"new": 8, "trivial": 2}  # of the verdicts chosen
    assert found.alone == {SILENT: 5}
    assert found.findings == 8
    everything = counts(tallies, asked({"state": "all"}, []))
    assert everything.findings == 18
    assert everything.by_state == {"new": 15, "trivial": 2, "confirmed": 1}


def _shared(verdict: Verdict, count: int) -> list[Shared]:
    return [Shared(f"{verdict}-{number}", verdict, 3, number, 3) for number in range(count)]


def test_the_weightiest_verdict_comes_first_and_in_it_what_many_pages_share() -> None:
    found = stretches(_shared(DECLARED, 1) + _shared(SILENT, 2), {DECLARED: 4, SILENT: 3}, 1)
    assert [(one.verdict, len(one.shared), one.offset, one.limit) for one in found] == [
        (SILENT, 2, 0, 3),
        (DECLARED, 1, 0, 4),
    ]


@given(
    st.dictionaries(st.sampled_from(list(RUBRICS)), st.integers(0, 170)),
    st.dictionaries(st.sampled_from(list(RUBRICS)), st.integers(0, 70)),
)
def test_all_pages_together_are_the_list(alone: dict[Verdict, int], many: dict[Verdict, int]) -> None:
    shared = [row for verdict, count in many.items() for row in _shared(verdict, count)]
    last = pages(shared, alone)
    seen: list[tuple[Verdict, object]] = []
    for page in range(1, last + 1):
        rows = [
            (stretch.verdict, row)
            for stretch in stretches(shared, alone, page)
            for row in (*stretch.shared, *range(stretch.offset, stretch.offset + stretch.limit))
        ]
        assert len(rows) == ROWS or page == last
        seen += rows
    assert len(set(seen)) == len(seen)
    wanted = Counter(alone) + Counter(many)
    assert Counter(verdict for verdict, _ in seen) == wanted
    ranks = [list(RUBRICS).index(verdict) for verdict, _ in seen]
    assert ranks == sorted(ranks)
    assert stretches(shared, alone, last + 1) == []
