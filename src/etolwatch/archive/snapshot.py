"""A store as it stood at a time: each address with its last version by then, or why it has none.

One query, read as a stream: the mirror and the replay ask it for thousands of addresses at once.
The bytes of a version are had from `Store.payload`, which also resolves revisits.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from etolwatch.model import Capture, Outcome, Requisite


@dataclass(frozen=True, slots=True)
class Standing:
    """One address as it stood at a time.

    ``capture`` is its last version by then: a text, or the bytes of a requisite; captures that were
    judged to be no text (a soft 404, an error page) are passed over. ``outcome`` is how the last
    look at it by then ended; of a soft 404 it is GONE, of an error page SUSPECT. So a page that is
    gone by then, but was seen before, has both: the capture shows it as last seen. ``message``
    says more where nothing could be kept (robots.txt, a type or size that is not kept, no answer).
    """

    uri: str
    site: str
    requisite: Requisite | None  # as what a page needs it; None: it is a page itself
    found_on: str | None  # the page, or style sheet, that first led to it
    capture: Capture | None
    outcome: Outcome | None  # None: it was known, and had not been asked for by then
    outcome_at: datetime | None
    message: str = ""
    location: str | None = None  # where it had moved, absolute, as the site itself would write it

    @property
    def is_requisite(self) -> bool:
        return self.requisite is not None

    @property
    def stands(self) -> bool:
        """Whether it was there when it was last looked at: its capture is how it was then."""
        return self.outcome in (Outcome.NEW, Outcome.CHANGED, Outcome.UNCHANGED)


# By then: the last version; the last capture of any kind; the last visit, which may have left no
# capture. Each is one step into an index.
STANDING = """
SELECT page.uri, page.site, page.requisite, page.found_on, visit.at, visit.outcome, visit.message,
    answer.captured_at, answer.outcome, answer.location, finding.verdict, {capture}
FROM page
LEFT JOIN visit ON visit.page = page.id AND visit.pass = (
    SELECT pass FROM visit look WHERE look.page = page.id AND look.at <= :at
    ORDER BY look.at DESC, look.pass DESC LIMIT 1)
LEFT JOIN capture answer ON answer.seq = (
    SELECT seq FROM capture WHERE capture.page = page.id AND capture.captured_at <= :at
    ORDER BY line_at DESC, seq DESC LIMIT 1)
LEFT JOIN finding ON finding.capture = answer.text
LEFT JOIN capture version ON version.seq = (
    SELECT capture.seq FROM capture LEFT JOIN finding judged ON judged.capture = capture.text
    WHERE capture.page = page.id AND capture.captured_at <= :at
    AND capture.outcome IN ('new', 'changed', 'unchanged')
    AND coalesce(judged.verdict NOT IN ('page_gone', 'suspect_capture'), 1)
    ORDER BY line_at DESC, capture.seq DESC LIMIT 1)
WHERE (page.first_seen_at <= :at OR answer.seq IS NOT NULL)
    AND (:site IS NULL OR page.site = :site OR page.requisite IS NOT NULL)
ORDER BY page.uri
"""
FIELDS = 11  # before those of the version

_SILENT = (Outcome.FAILED, Outcome.REFUSED, Outcome.LISTED)
_NO_TEXT = {"page_gone": Outcome.GONE, "suspect_capture": Outcome.SUSPECT}


def standing(row: sqlite3.Row | tuple[object, ...], version: Capture | None) -> Standing:
    """What a row of `STANDING` tells. Pure; ``version`` is what its last columns hold."""
    uri, site, requisite, found_on, visited_at, visited, message, answered_at, answered, location, verdict = (
        str(value) if value is not None else None for value in row[:FIELDS]
    )
    # a visit may leave no capture, and what others captured is a look that no visit of ours tells of
    is_silent = visited in _SILENT and (visited_at or "") > (answered_at or "")
    name, at = (visited, visited_at) if is_silent else (answered, answered_at)
    outcome = Outcome(name) if name else None
    if not is_silent and requisite is None:
        outcome = _NO_TEXT.get(verdict or "", outcome)
    return Standing(
        uri=uri or "",
        site=site or "",
        requisite=Requisite(requisite) if requisite else None,
        found_on=found_on,
        capture=version,
        outcome=outcome,
        outcome_at=datetime.fromisoformat(at) if at else None,
        message=(message or "") if name == visited else "",
        location=location if outcome is Outcome.MOVED else None,
    )
