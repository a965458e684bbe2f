"""robots.txt by RFC 9309."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from etolwatch.harvest import robots

AT = datetime(2026, 11, 2, 4, 0, tzinfo=UTC)


def test_longest_match_decides() -> None:
    rules = robots.rules("User-agent: *\nDisallow: /a/\nAllow: /a/b/\n")
    assert not rules.allows("https://www.example.org/a/x.htm")
    assert rules.allows("https://www.example.org/a/b/x.htm")
    assert rules.allows("https://www.example.org/c")


def test_our_own_group_stands_before_the_general_one() -> None:
    rules = robots.rules("User-agent: *\nDisallow: /\n\nUser-agent: etolwatch\nDisallow: /private/\n")
    assert rules.allows("https://www.example.org/a")
    assert not rules.allows("https://www.example.org/private/a")


def test_wildcards_and_end() -> None:
    rules = robots.rules("User-agent: *\nDisallow: /*.pdf$\n")
    assert not rules.allows("https://www.example.org/a/b.pdf")
    assert rules.allows("https://www.example.org/a/b.pdf.htm")


def test_crawl_delay() -> None:
    assert robots.rules("User-agent: *\nCrawl-delay: 7.5\n").crawl_delay_s == 7.5
    assert robots.rules("User-agent: *\nDisallow:\n").crawl_delay_s == 0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 301])
def test_unavailable_allows_all(status: int) -> None:
    text = robots.read(status, b"User-agent: *\nDisallow: /\n")
    assert text == ""
    assert robots.rules(text).allows("https://www.example.org/a")


@pytest.mark.parametrize("status", [500, 503, 599, 429])
def test_unreachable_forbids_all(status: int) -> None:
    assert robots.read(status, b"") is None


def test_at_least_500_kib_are_read() -> None:
    body = b"# filling\n" * 51_196 + b"User-agent: *\nDisallow: /late/\n"
    assert 500 * 1024 - 40 < len(body) <= robots.LARGEST_BYTES
    text = robots.read(200, body)
    assert text is not None
    assert not robots.rules(text).allows("https://www.example.org/late/a")


def test_byte_order_mark_and_broken_bytes_do_no_harm() -> None:
    text = robots.read(200, b"\xef\xbb\xbfUser-agent: *\n# \xff\xfe\nDisallow: /a\n")
    assert text is not None
    assert not robots.rules(text).allows("https://www.example.org/a")


def test_kept_for_less_than_a_day() -> None:
    assert robots.is_fresh(AT, AT)
    assert robots.is_fresh(AT, AT + timedelta(hours=23, minutes=59))
    assert not robots.is_fresh(AT, AT + timedelta(days=1))
    assert not robots.is_fresh(AT, AT - timedelta(seconds=1))
