"""The addresses of findings in the store of this request.

A finding is named as its capture is (`archive.moments`): by the 14 digits of the second, and by 20, to
the microsecond, where these mean another capture of the same second.
"""

from __future__ import annotations

from datetime import datetime

from etolwatch.archive.findings import Placed
from etolwatch.web import addresses
from etolwatch.web.library import library
from etolwatch.web.mementos import line_of


def finding_path(at: datetime, uri: str) -> str:
    """The page of the finding on the capture of this instant. Raises ArchiveError."""
    if library().store().catalog.found.captured_in_second(uri, at) > 1:
        line = line_of(uri)
        for moment in line.in_second(at):
            if moment.at == at:
                return f"/finding/{line.digits(moment)}/{addresses.in_path(uri)}"
    return addresses.finding_path(at, uri)


def finding_at(digits: str, uri: str) -> Placed | None:
    """The finding on the capture that these 14 or 20 digits name; None if there is none."""
    moment = line_of(uri).find(digits)
    return library().found().on(uri, moment.at) if moment else None
