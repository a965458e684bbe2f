"""A report in Markdown (CommonMark), every captured character escaped: the text of a page is not ours."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from etolwatch.config import is_address
from etolwatch.model import Finding, Variant
from etolwatch.publish.order import RUBRICS, Group, weighty
from etolwatch.publish.phrase import excerpt, facts, moment, number, place, reason, visible
from etolwatch.publish.report import Report

VARIANTS_SHOWN = 50
# CommonMark §2.4; & and < are made entities before. The last two would become links by themselves
# (GitHub Flavored Markdown §6.9).
SPECIAL = re.compile(r"([\\`*_{}\[\]#|~@$^]|:(?=//)|(?<=[wW]{3})\.)")
# What makes a list, a heading or a quotation, but only where a line begins with it.
LEADING = re.compile(r"^(\s*\d*)([+\-=.):>])")


def render(report: Report) -> str:
    """The report as a Markdown document. Differing words stand in `<del>` and `<ins>`."""
    lines = ["# etolwatch report", "", escape(f"Made on {moment(report.made_at)}; {report.period}."), ""]
    for group in report.groups:
        lines.extend(_group(group))
    summary = report.summary() or (() if report.groups else ("Nothing to report.",))
    lines += [f"- {escape(sentence)}" for sentence in summary]
    return "\n".join(lines).rstrip("\n") + "\n"


def escape(text: str) -> str:
    """The text, with nothing left in it that Markdown or HTML would act upon."""
    return LEADING.sub(r"\1\\\2", SPECIAL.sub(r"\\\1", html.escape(visible(text), quote=False)))


def _group(group: Group) -> Iterator[str]:
    yield f"## {group.rubric.heading} ({len(group.pages)})"
    yield ""
    yield group.rubric.meaning
    yield ""
    for cluster in group.clusters:
        yield f"### The same edit on {number(len(cluster.findings), 'page')}"
        yield ""
        yield f"- {_variant(cluster.variant)}"
        yield from (f"  - {_link(finding.uri)}" for finding in cluster.findings)
        yield ""
    for finding in group.findings:
        yield from _finding(finding)


def _finding(finding: Finding) -> Iterator[str]:
    yield f"### {_link(finding.uri)}"
    yield ""
    label = RUBRICS[finding.verdict].label
    certainty = f", {finding.certainty.value}" if finding.certainty else ""
    yield "; ".join((f"**{label}**{certainty}", *(escape(fact) for fact in facts(finding))))
    yield ""
    shown = weighty(finding)
    if not shown and (why := reason(finding)):
        yield escape(why)
    for variant in shown[:VARIANTS_SHOWN]:
        yield f"- {_variant(variant)}"
    if len(shown) > VARIANTS_SHOWN:
        yield f"- … and {number(len(shown) - VARIANTS_SHOWN, 'more place')}"
    yield ""


def _variant(variant: Variant) -> str:
    found = excerpt(variant)
    was = f"<del>{escape(found.lemma)}</del>" if found.lemma else ""
    reading = f"<ins>{escape(found.reading)}</ins>" if found.reading else ""
    if found.is_same:
        was, reading = escape(found.lemma), ""
    moved = "moved: " if found.moved else ""
    return f"{moved}{escape(found.left)}{was}{reading}{escape(found.right)} ({escape(place(variant))})"


def _link(uri: str) -> str:
    if not is_address(uri):
        return escape(uri)
    target = visible(uri).replace("<", "%3C").replace(">", "%3E").replace(" ", "%20")
    return f"[{escape(uri)}](<{target}>)"
