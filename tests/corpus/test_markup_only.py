"""Real pages whose tags, style sheets and line ends changed and whose words did not."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from etolwatch.model import Category, Finding, Grade, Verdict

from .conftest import VERSIONS, Compare

DAMAGED = {
    "archive__weisbord__Fight.htm": (2, 3),
    "archive__weisbord__Materialism.htm": (1, 2),
    "archive__weisbord__Mobilization.htm": (1, 2),
    "archive__kitz__internationalism.htm": (1, 2),
    "archive__grant__1961__02__belgium.htm": (1, 2),
    "archive__grant__1967__06__eec.htm": (1, 2),
}
# the date of these two moved from October 2020 to January 2021, and back
DATE_MOVED = (
    "archive__foot-paul__1969__02__heathrace.html",
    "archive__hallas__works__1969__02__teachers.html",
)


def number(file: Path) -> int:
    return int(file.name.partition("-")[0])


def pairs() -> list[tuple[str, Path, Path]]:
    """Consecutive versions of each page, without those in which words or dates changed."""
    found = []
    for folder in sorted(VERSIONS.glob("*")) if VERSIONS.is_dir() else []:
        for before, after in pairwise(sorted(folder.glob("*.htm*"))):
            numbers = (number(before), number(after))
            if DAMAGED.get(folder.name) == numbers or (folder.name in DATE_MOVED and numbers[1] < 4):
                continue
            found.append((f"{folder.name}-{numbers[0]}-{numbers[1]}", before, after))
    return found


PAIRS = pairs()


def assert_no_textual_change(finding: Finding) -> None:
    assert [each for each in finding.variants if each.grade is not Grade.NONE] == []
    assert finding.verdict is Verdict.NO_TEXTUAL_CHANGE


@pytest.mark.skipif(not VERSIONS.is_dir(), reason=f"real pages are not at hand: {VERSIONS} is absent")
@pytest.mark.parametrize(("before", "after"), [pair[1:] for pair in PAIRS], ids=[pair[0] for pair in PAIRS])
def test_no_textual_change(compared: Compare, before: Path, after: Path) -> None:
    assert_no_textual_change(compared(before.read_bytes(), after.read_bytes()))


@pytest.mark.skipif(not VERSIONS.is_dir(), reason=f"real pages are not at hand: {VERSIONS} is absent")
@pytest.mark.parametrize("file", [pair[1] for pair in PAIRS], ids=[pair[0] for pair in PAIRS])
def test_other_line_ends_are_no_change(compared: Compare, file: Path) -> None:
    body = file.read_bytes()
    unix = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert_no_textual_change(compared(body, unix))
    assert_no_textual_change(compared(unix, unix.replace(b"\n", b"\r\n")))
    assert_no_textual_change(compared(unix, unix.replace(b"\n", b"\r")))


@pytest.mark.parametrize("page", DATE_MOVED)
@pytest.mark.parametrize(
    ("numbers", "verdict"), [((1, 2), Verdict.DATE_BUMP_ONLY), ((2, 3), Verdict.DATE_BACKWARDS)]
)
def test_a_date_alone(
    versions: Path, compared: Compare, page: str, numbers: tuple[int, int], verdict: Verdict
) -> None:
    files = {number(file): file for file in (versions / page).glob("*.htm*")}
    finding = compared(*(files[n].read_bytes() for n in numbers))
    assert finding.verdict is verdict
    weighty = {each.category for each in finding.variants if each.grade is not Grade.NONE}
    assert weighty <= {Category.UPDATED}
    stated = [finding.stated_before, finding.stated_after]
    isos = [each.iso if each else None for each in stated]
    expected = ["2020-10-26", "2021-01-13"]
    assert isos == (expected if numbers == (1, 2) else expected[::-1])
