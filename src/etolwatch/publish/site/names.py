"""Where a thing lies in the site: paths that stay, whatever else is found later. Pure."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from etolwatch.contract import instant_from_text, instant_to_text
from etolwatch.model import Finding
from etolwatch.publish.feed import Channel
from etolwatch.publish.news import Item, named
from etolwatch.when import digits

INDEX = "index.html"
ABOUT = "about.html"
MONTHS = "months.html"
PASSES = "passes.html"
STYLE = "site.css"
NAME_LENGTH = 12  # hexadecimal digits, beside an instant


def finding_path(finding: Finding) -> str:
    """The page of a finding: its instant, and the beginning of its name in the feeds."""
    return told_path(finding.uri, instant_to_text(finding.captured_at) or "")


def told_path(uri: str, at: str) -> str:
    """The page of a finding on the page at this address, of which the capture is of this instant."""
    captured_at = instant_from_text(at or None)
    name = named("finding", uri, at)
    return f"finding/{digits(captured_at) if captured_at else 'undated'}-{name[-NAME_LENGTH:]}.html"


def item_path(item: Item) -> str:
    """The page of an item: of its finding, or of the edit that several pages share."""
    if item.signature is None:
        return finding_path(item.finding)
    return edit_path(item.batch, item.site, item.signature)


def edit_path(batch: str, site: str, signature: str) -> str:
    """The page of an edit that several pages share."""
    return f"edit/{batch}-{site}-{signature}.html"


def page_path(uri: str) -> str:
    """The page about one watched page."""
    return f"page/{hashlib.sha256(uri.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}.html"


def pass_path(batch: str) -> str:
    """The page of what was told at once of a pass."""
    return f"pass/{batch}.html"


def month_of(at: datetime) -> str:
    """“2026-11”, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m}"


def month_path(month: str) -> str:
    return f"month/{month}.html"


def feed_path(channel: Channel, batch: str | None = None) -> str:
    """A feed's document to subscribe to, or its document of one batch."""
    return f"feed/{channel.name}{'-' + batch if batch else ''}.atom"


def relative(target: str, source: str) -> str:
    """The one path as a link in the file of the other."""
    return "../" * source.count("/") + target
