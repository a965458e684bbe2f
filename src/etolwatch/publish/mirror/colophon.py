"""What a mirror says of itself: an entry page, a colophon for readers, a report for programs."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from etolwatch.config import is_address
from etolwatch.contract import instant_to_text
from etolwatch.model import Site
from etolwatch.publish.html import environment, report_style
from etolwatch.publish.mirror.names import reference
from etolwatch.publish.mirror.plan import COLOPHON, ENTRY, REPORT, Held, Missing, Plan, Why
from etolwatch.when import digits

if TYPE_CHECKING:
    from etolwatch.publish.mirror.make import Wanted

MOST_NAMED = 500  # of the links that lead out; the report has them all
REASONS = {
    Why.GONE: "gone: the site no longer had it",
    Why.ABSENT: "never there",
    Why.MOVED: "moved",
    Why.REFUSED: "not asked for: robots.txt forbids it",
    Why.SUSPECT: "never answered whole: empty, cut off or an error",
    Why.LISTED: "not kept: of a type or size that is not",
    Why.FAILED: "no answer",
    Why.UNVISITED: "not yet visited",
    Why.DAMAGED: "kept, but the record is damaged",
}
STYLE = """
table { border-collapse: collapse; width: 100%; margin: .7rem 0 0; font-size: .875rem; }
caption { text-align: left; color: var(--faint); padding: 0 0 .3rem; }
th, td { text-align: left; vertical-align: baseline; padding: .18rem .8rem .18rem 0; }
tr > * { border-top: 1px solid var(--rule); }
th { font-weight: 600; }
th { white-space: nowrap; }
td.when { white-space: nowrap; font-variant-numeric: tabular-nums; }
tbody tr { content-visibility: auto; contain-intrinsic-height: auto 1.7rem; }
h2 + p, h2 + ul, p + p, ul + p { margin-top: .7rem; }
main > ul, dl { margin: .7rem 0 0; padding-left: 1.1rem; }
dl { padding: 0; } dt { color: var(--faint); font-size: .875rem; margin-top: .5rem; } dd { margin: 0; }
@media (max-width: 40rem) { td.when { white-space: normal; } }
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the colophon's tables."""

    uri: str
    href: str  # to its file, or to the address itself
    text: str
    held: Held | None = None


def told(
    plan: Plan,
    sites: Sequence[Site],
    wanted: Wanted,
    not_held: Mapping[str, Sequence[str]],
    title: Callable[[Held], str],
) -> dict[str, bytes]:
    """The three files that are the mirror's own, by their paths. ``title``: that of a page, "" for none."""
    named = sorted({held.capture.site for held in plan.held.values()})
    shown = {
        "plan": plan,
        "wanted": wanted,
        "sites": [site for site in sites if wanted.site in (None, site.name)],
        "names": named,
        "beginnings": _beginnings(plan, sites, wanted, title),
        "pages": _rows(plan, is_requisite=False),
        "requisites": _rows(plan, is_requisite=True),
        "missing": [each for each in plan.missing if each.is_missed],
        "absent": [e for e in plan.missing if not e.is_requisite and e.why is Why.ABSENT],
        "missing_requisites": [each for each in plan.missing if each.is_requisite],
        "later": sum(held.later for held in plan.held.values()),
        "reasons": REASONS,
        "moved": plan.moved,
        "not_held": not_held,
        "most_named": MOST_NAMED,
        "digits": digits,
        "source": _source,
        "colophon": COLOPHON,
        "report": REPORT,
    }
    return {
        ENTRY: _page("mirror_entry.html", shown),
        COLOPHON: _page("mirror_colophon.html", shown),
        REPORT: _report(plan, sites, wanted, not_held),
    }


def _source(site: Site) -> str | None:
    """What was read in the place of the site; of a folder not where it lies, for the mirror is given on."""
    return site.source if site.source is None or is_address(site.source) else "a folder"


def _page(template: str, shown: Mapping[str, Any]) -> bytes:
    style = report_style() + STYLE
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = environment().get_template(template)
    text = page.render(**shown, style=Markup(style), style_digest=digest)  # noqa: S704 - our own style sheet
    return text.encode("utf-8", "replace")


def _rows(plan: Plan, *, is_requisite: bool) -> list[Row]:
    return [
        Row(uri, reference(held.path, COLOPHON), uri, held)
        for uri, held in sorted(plan.held.items())
        if held.is_requisite is is_requisite
    ]


def _beginnings(plan: Plan, sites: Sequence[Site], wanted: Wanted, title: Callable[[Held], str]) -> list[Row]:
    """Where to begin reading: the seeds that are held; else the first pages."""
    seeds = [seed for site in sites if wanted.site in (None, site.name) for seed in site.seeds]
    held = [(seed, target) for seed in seeds if (target := plan.target(seed))]
    if not held:
        pages = sorted((len(uri), uri) for uri, each in plan.held.items() if not each.is_requisite)
        held = [(uri, plan.held[uri]) for _, uri in pages[:1]]
    return [Row(uri, reference(target.path, ENTRY), title(target) or uri, target) for uri, target in held]


# ── for programs ─────────────────────────────────────────────────────────────────────


def _report(
    plan: Plan, sites: Sequence[Site], wanted: Wanted, not_held: Mapping[str, Sequence[str]]
) -> bytes:
    report = {
        "format": "etolwatch mirror report 1",
        "as_of": instant_to_text(plan.as_of),
        "at": instant_to_text(wanted.at),
        "gone": wanted.gone.value,
        "scripts": wanted.scripts,
        "sites": [
            {"name": site.name, "seeds": list(site.seeds), "scope": list(site.scope), "source": _source(site)}
            for site in sites
            if wanted.site in (None, site.name)
        ],
        "pages": [_held(held) for _, held in sorted(plan.held.items()) if not held.is_requisite],
        "requisites": [_held(held) for _, held in sorted(plan.held.items()) if held.is_requisite],
        "moved": dict(sorted(plan.moved.items())),
        "missing": [_missing(each) for each in plan.missing],
        "links_not_held": [{"uri": uri, "on": list(on)} for uri, on in not_held.items()],
    }
    return json.dumps(report, ensure_ascii=False, indent=0).encode("utf-8", "replace")


def _held(held: Held) -> dict[str, Any]:
    return {
        "uri": held.uri,
        "file": held.path,
        "captured": digits(held.first_at),
        "seen": digits(held.seen_at),
        "gone": held.is_gone,
        "later": held.later,
        "content_type": held.capture.content_type,
        "digest": held.capture.body_digest,
        "record": held.origin.record_id,
        "warc": held.origin.warc,
    }


def _missing(missing: Missing) -> dict[str, Any]:
    return {
        "uri": missing.uri,
        "why": missing.why.value,
        "requisite": missing.is_requisite,
        "at": instant_to_text(missing.at),
        "detail": missing.detail,
        "last_seen": digits(missing.last_seen_at) if missing.last_seen_at else None,
        "found_on": missing.found_on,
    }
