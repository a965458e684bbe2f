"""What robots.txt allows (RFC 9309). Pure: the text comes from elsewhere, the answer is a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from protego import Protego

PRODUCT = "etolwatch"  # the product token that a robots.txt names us by (RFC 9309 §2.2.1)
LARGEST_BYTES = 512 * 1024  # at least 500 KiB must be read (§2.5)
LONGEST_KEPT = timedelta(days=1)  # §2.4
MOST_REDIRECTS = 5  # §2.3.1.2


@dataclass(frozen=True, slots=True)
class Rules:
    """What one host allows. ``crawl_delay_s`` is 0 where none is asked for."""

    text: str
    crawl_delay_s: float
    parsed: Protego | None  # None: everything is allowed

    def allows(self, asked: str) -> bool:
        """Whether an address may be asked: the longest matching rule decides (§2.2.2)."""
        return self.parsed is None or self.parsed.can_fetch(asked, PRODUCT)


def rules(text: str) -> Rules:
    """The rules that a robots.txt lays down for etolwatch; an empty text allows everything."""
    if not text.strip():
        return Rules(text, 0.0, None)
    parsed = Protego.parse(text)
    return Rules(text, max(0.0, float(parsed.crawl_delay(PRODUCT) or 0)), parsed)


def read(status: int, body: bytes) -> str | None:
    """The text of the rules that an answer to /robots.txt gives, or None: nothing may be asked.

    2xx: the body. Other answers below 500: there are no rules, so all is allowed
    (§2.3.1.3); so are more redirects than five. 5xx: all is forbidden (§2.3.1.4).
    429 means the same as 5xx: asking on would be what the host just asked us not to do.
    """
    if status >= 500 or status == 429:
        return None
    if 200 <= status < 300:
        return body[:LARGEST_BYTES].decode("utf-8-sig", "replace")
    return ""


def is_fresh(fetched_at: datetime, now: datetime) -> bool:
    """Whether kept rules may still be used: for a day; not at all if the clock was set back."""
    return timedelta(0) <= now - fetched_at < LONGEST_KEPT
