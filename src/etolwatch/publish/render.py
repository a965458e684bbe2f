"""A report in one of its forms."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path

from etolwatch.contract import finding_to_dict, instant_to_text, variant_to_dict
from etolwatch.errors import UsageError
from etolwatch.publish.report import Report


class Form(StrEnum):
    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"

    @property
    def suffix(self) -> str:
        """Of a file that holds it."""
        return {"text": ".txt", "markdown": ".md"}.get(self.value, f".{self.value}")


ENDINGS = {
    ".html": Form.HTML,
    ".htm": Form.HTML,
    ".md": Form.MARKDOWN,
    ".json": Form.JSON,
    ".txt": Form.TEXT,
    "": Form.TEXT,
}


def form_of(path: Path) -> Form:
    """The form that a file's name asks for; text, where it has no ending. Raises UsageError."""
    found = ENDINGS.get(path.suffix.lower())
    if found is None:
        possible = ", ".join(ending for ending in ENDINGS if ending)
        cause = f"expected {possible}, or --format beside it"
        raise UsageError("no form of a report has this ending", str(path), cause)
    return found


def render(report: Report, form: Form, color: bool = False) -> str:
    """The report in this form; ``color`` matters to the text form alone."""
    # each form is imported when it is wanted: the templates alone take longer than a whole text report
    if form is Form.JSON:
        return to_json(report)
    if form is Form.HTML:
        from etolwatch.publish import html

        return html.render(report)
    if form is Form.MARKDOWN:
        from etolwatch.publish import markdown

        return markdown.render(report)
    from etolwatch.publish import text

    return text.render(report, color)


def to_json(report: Report) -> str:
    """One object: when it was made, since when it looks, its notes, and every finding in full."""
    return (
        json.dumps(
            {
                "made_at": instant_to_text(report.made_at),
                "since": instant_to_text(report.since),
                "notes": list(report.notes),
                "clusters": [
                    {
                        "signature": cluster.signature,
                        "verdict": group.verdict.value,
                        "variant": variant_to_dict(cluster.variant),
                        "uris": [finding.uri for finding in cluster.findings],
                    }
                    for group in report.groups
                    for cluster in group.clusters
                ],
                "findings": [finding_to_dict(finding) for finding in report.findings],
            },
            ensure_ascii=False,
            indent=1,
        )
        + "\n"
    )
