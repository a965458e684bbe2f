"""A report as one HTML file: no script, nothing from elsewhere, every captured character escaped."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from etolwatch.config import is_address
from etolwatch.contract import instant_to_text
from etolwatch.publish import phrase
from etolwatch.publish.order import RUBRICS, weighty
from etolwatch.publish.report import Report

VARIANTS_SHOWN = 200


def render(report: Report) -> str:
    """The report as an HTML document that stands alone.

    Its Content-Security-Policy allows the one style sheet in it, by its digest, and nothing
    else (CSP Level 3 §2.3.1), so that no text of a captured page could ever load or run.
    """
    style = report_style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        environment()
        .get_template("report.html")
        .render(report=report, style=Markup(style), style_digest=digest, limit=VARIANTS_SHOWN)  # noqa: S704
    )


@cache
def report_style() -> str:
    """The style sheet of all that is shown to a reader."""
    return resources.files("etolwatch.publish").joinpath("templates/report.css").read_text(encoding="utf-8")


@cache
def site_style() -> str:
    """The style sheet of the site that `publish` makes: that of the reports, and what it has beside them."""
    own = resources.files("etolwatch.publish").joinpath("templates/site.css").read_text(encoding="utf-8")
    return report_style() + own


@cache
def environment() -> Environment:
    """The templates of this package, everything put into them escaped."""
    made = Environment(
        loader=PackageLoader("etolwatch.publish"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    speak(made)
    return made


def speak(environment: Environment) -> None:
    """Teaches templates the words of the reports; the macros of words.html need them."""
    environment.filters.update(
        visible=phrase.visible,
        excerpt=phrase.excerpt,
        place=phrase.place,
        facts=phrase.facts,
        reason=phrase.reason,
        moment=phrase.moment,
        day=phrase.day,
        stated=phrase.stated,
        changed=phrase.changed,
        instant=instant_to_text,
        count=phrase.number,
        weighty=weighty,
        label=lambda finding: RUBRICS[finding.verdict].label,
    )
    environment.tests["address"] = is_address
