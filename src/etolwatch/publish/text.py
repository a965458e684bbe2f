"""A report for the terminal: a line a finding, a line a variant, the differing words marked."""

from __future__ import annotations

from collections.abc import Iterator

import click

from etolwatch.model import Finding, Variant
from etolwatch.publish.order import RUBRICS, Group, weighty
from etolwatch.publish.phrase import excerpt, facts, marked, number, place, reason, shared_by, size, visible
from etolwatch.publish.report import Report

VARIANTS_SHOWN = 8
PAGES_NAMED = 6


def render(report: Report, color: bool = False) -> str:
    """The report as lines of plain text; with ``color``, as a terminal shows it (ECMA-48)."""
    lines = [line for group in report.groups for line in _group(group, report, color)]
    summary = [visible(sentence) for sentence in report.summary()]
    if report.prefix and lines:
        lines.insert(0, f"Addresses are below {visible(report.prefix)}")
    if lines and summary:
        lines.append("")
    return "".join(f"{line}\n" for line in lines + summary)


def finding_lines(
    finding: Finding, prefix: str = "", color: bool = False, limit: int | None = None
) -> Iterator[str]:
    """One finding: its line, then a line for each variant; at most ``limit`` of these, None: all.

    A finding's own reason stands below it where no variant speaks for it.
    """
    yield "   ".join(part for part in _head(finding, prefix, color) if part)
    every = (variant for variant in finding.variants if variant.lemma or variant.reading)
    shown = weighty(finding) if limit is not None else tuple(every)
    for variant in shown[:limit]:
        yield f"    {variant_line(variant, color)}"
    if not shown and (why := reason(finding)):
        yield f"    {why}"


def variant_line(variant: Variant, color: bool = False) -> str:
    """The variant in its context, wdiff style: ``[-was-]{+is+}``, then its place and category.

    Words that are the same on both sides stand once, and what is said of them behind the place.
    """
    found = excerpt(variant)
    where = _ink(place(variant), color, dim=True)
    moved = "moved: " if found.moved else ""
    if found.is_same:
        return f"{moved}{found.left}{found.lemma}{found.right}      {where}"
    was = _ink(marked("[-", found.lemma, "-]"), color, fg="red") if found.lemma else ""
    reading = _ink(marked("{+", found.reading, "+}"), color, fg="green") if found.reading else ""
    return f"{moved}{found.left}{was}{reading}{found.right}      {where}"


def _group(group: Group, report: Report, color: bool) -> Iterator[str]:
    heading = f"{group.rubric.heading} ({len(group.pages)})"
    yield ""
    yield f"{_ink(heading, color, bold=True)}: {group.rubric.meaning}"
    for cluster in group.clusters:
        yield ""
        yield f"{_ink('The same edit', color, bold=True)} {shared_by(cluster, report.prefix, PAGES_NAMED)}"
        yield f"    {variant_line(cluster.variant, color)}"
    for finding in group.findings:
        yield ""
        yield from finding_lines(finding, report.prefix, color, VARIANTS_SHOWN)
        more = len(weighty(finding)) - VARIANTS_SHOWN
        if more > 0:
            short = visible(finding.uri.removeprefix(report.prefix) or finding.uri)
            yield f"    … and {number(more, 'more place', 'more places')} ({report.command} {short})"


def _head(finding: Finding, prefix: str, color: bool) -> Iterator[str]:
    yield _ink(visible(finding.uri.removeprefix(prefix) or finding.uri), color, bold=True)
    label = RUBRICS[finding.verdict].label
    yield label + (f", {finding.certainty.value}" if finding.certainty else "")
    found = facts(finding)
    if found and found[0] == size(finding):
        yield found[0]
        found = found[1:]
    yield "; ".join(found)


def _ink(
    text: str, color: bool, fg: str | None = None, bold: bool | None = None, dim: bool | None = None
) -> str:
    return click.style(text, fg=fg, bold=bold, dim=dim) if color else text
