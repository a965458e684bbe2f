"""Which change brought a phrase, and which took it: counted, version by version."""

from datetime import UTC, datetime

from etolwatch.collate.phrases import words_of
from etolwatch.collate.search import Found, Wanted, search
from etolwatch.collate.standing import PageText, Passage, VersionText
from etolwatch.model import Zone

DAYS = [datetime(2026, 11, day, tzinfo=UTC) for day in range(1, 9)]


def page(*versions: list[str]) -> PageText:
    """A page whose versions were captured on the first days of a month, a paragraph each string."""
    texts = [
        VersionText(
            DAYS[n], DAYS[n - 1] if n else None, tuple(Passage(Zone.BODY, k, t) for k, t in enumerate(v, 1))
        )
        for n, v in enumerate(versions)
    ]
    return PageText("https://example.org/a.htm", "s", tuple(texts))


def found(what: PageText, phrase: str, **wanted: object) -> list[Found]:
    words = words_of(phrase)
    held = [
        VersionText(v.at, v.after, tuple(p for p in v.passages if words[0] in words_of(p.text)))
        for v in what.versions
    ]
    narrowed = PageText(what.uri, what.site, tuple(held))
    return list(search([narrowed], words, Wanted(**wanted)))  # type: ignore[arg-type]


TWICE = ["They did not agree.", "It was not known."]
ONCE = ["They did agree.", "It was not known."]


def test_a_not_left_out_is_found_on_a_page_that_has_others() -> None:
    (taken,) = found(page(TWICE, ONCE), "not", removed=True)
    assert [place.passage.text for place in taken.places] == ["They did not agree."]
    assert (taken.change.after, taken.change.at) == (DAYS[0], DAYS[1]) if taken.change else False
    assert taken.stands  # the other one does
    assert found(page(TWICE, ONCE), "not", added=True) == []


def test_a_not_put_in_is_found_on_a_page_that_has_others() -> None:
    (brought,) = found(page(ONCE, TWICE), "not", added=True)
    assert [place.passage.text for place in brought.places] == ["They did not agree."]


def test_another_edit_in_the_paragraph_and_a_move_are_neither() -> None:
    altered = page(TWICE, ["They did not consent.", "It was not known."])
    moved = page(TWICE, TWICE[::-1])
    for what in (altered, moved):
        assert found(what, "not", added=True) == found(what, "not", removed=True) == []
        assert len(found(what, "not")) == 1


def test_what_came_and_went_before_a_time_is_not_asked_for() -> None:
    what = page(ONCE, TWICE, ONCE)
    assert found(what, "not", added=True, since=DAYS[2]) == []
    assert len(found(what, "not", removed=True, since=DAYS[2])) == 1
