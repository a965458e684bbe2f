"""Any two bodies give a finding. Run as said in README.md; also a plain check of the seeds."""

from __future__ import annotations

import sys

from etolwatch.collate.compare import compare
from etolwatch.contract import finding_from_dict, finding_to_dict
from etolwatch.model import Payload, Verdict
from etolwatch.text.links import links
from etolwatch.text.profiles import profile

BETWEEN = b"\xff\x00\xff"
URI = "https://www.example.org/archive/page.htm"
ETOL = profile("etol")
UNREAD = (Verdict.SUSPECT_CAPTURE, Verdict.PAGE_GONE, Verdict.PAGE_MOVED)


def check(data: bytes) -> None:
    """Raises if any of the laws does not hold for these bytes."""
    before, _, after = data.partition(BETWEEN)
    base, other = Payload(URI, before), Payload(URI, after or before)
    finding = compare(base, other, ETOL)
    if finding_from_dict(finding_to_dict(finding)) != finding:
        raise AssertionError("a finding does not survive its JSON form")
    same = compare(base, base, ETOL)
    if same.variants or same.verdict not in (Verdict.NO_TEXTUAL_CHANGE, *UNREAD):
        raise AssertionError(f"a page differs from itself: {same.verdict}, {same.variants[:1]}")
    links(base, URI)


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
