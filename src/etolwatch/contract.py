"""A finding as JSON, and back: what `compare`, `report`, `diff` and `log` print and the catalog keeps.

The object has a fixed set of keys; a page without a stated date has ``{"raw": null, "iso": null}``,
so a reader of the JSON never has to ask whether a key is there. Instants are ISO 8601 in UTC
with a final ``Z``; they keep their microseconds where they have some.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from etolwatch.model import Category, Certainty, Finding, Grade, Kind, StatedDate, Variant, Verdict, Zone


def instant_to_text(at: datetime | None) -> str | None:
    """``at`` as ISO 8601 in UTC (``2026-11-09T04:00:00Z``); None stays None."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def instant_from_text(text: str | None) -> datetime | None:
    """The aware UTC instant of an ISO 8601 text; None stays None. Raises ValueError."""
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"in UTC it lies outside of the years 1 to 9999: {text}") from error


def finding_to_dict(finding: Finding) -> dict[str, Any]:
    """The finding as an object that `json` can write; nothing of it is lost."""
    return {
        "uri": finding.uri,
        "site": finding.site,
        "captured_at": instant_to_text(finding.captured_at),
        "previous_at": instant_to_text(finding.previous_at),
        "changed_after": instant_to_text(finding.changed_after),
        "changed_until": instant_to_text(finding.changed_until),
        "normaliser": finding.normaliser,
        "verdict": finding.verdict.value,
        "certainty": finding.certainty.value if finding.certainty else None,
        "flags": list(finding.flags),
        "why": finding.why,
        "stated": {
            "before": _stated_to_dict(finding.stated_before),
            "after": _stated_to_dict(finding.stated_after),
        },
        "variants": [variant_to_dict(variant) for variant in finding.variants],
    }


def finding_from_dict(data: Mapping[str, Any]) -> Finding:
    """The finding that `finding_to_dict` wrote. Raises KeyError or ValueError on anything else."""
    certainty = data["certainty"]
    return Finding(
        uri=data["uri"],
        site=data["site"],
        captured_at=instant_from_text(data["captured_at"]),
        previous_at=instant_from_text(data["previous_at"]),
        normaliser=data["normaliser"],
        verdict=Verdict(data["verdict"]),
        certainty=Certainty(certainty) if certainty else None,
        flags=tuple(data["flags"]),
        stated_before=_stated_from_dict(data["stated"]["before"]),
        stated_after=_stated_from_dict(data["stated"]["after"]),
        variants=tuple(variant_from_dict(variant) for variant in data["variants"]),
        changed_after=instant_from_text(data["changed_after"]),
        changed_until=instant_from_text(data["changed_until"]),
        why=data["why"],
    )


# What a finding says is not altered by how it is put, nor by which rules said it first.
_PHRASING = ("why", "before", "after", "spaced")


def digest_of(finding: Finding) -> str:
    """``sha256:…`` of what the finding says: verdict, certainty, flags, stated dates, variants.

    It stays the same while the finding does: instants, the normaliser, reasons in words and the
    context around a variant have no part in it.
    """
    whole = finding_to_dict(finding)
    said = {key: whole[key] for key in ("verdict", "certainty", "flags", "stated")}
    said["variants"] = [
        {key: value for key, value in variant.items() if key not in _PHRASING}
        for variant in whole["variants"]
    ]
    text = json.dumps(said, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def variant_to_dict(variant: Variant) -> dict[str, Any]:
    """One variant as an object that `json` can write."""
    return {
        "category": variant.category.value,
        "kind": variant.kind.value,
        "grade": variant.grade.value,
        "zone": variant.zone.value if variant.zone else None,
        "block": variant.block,
        "note": variant.note,
        "lemma": variant.lemma,
        "reading": variant.reading,
        "before": variant.before,
        "after": variant.after,
        "count": variant.count,
        "flags": list(variant.flags),
        "why": variant.why,
        **({"spaced": list(variant.spaced)} if variant.spaced else {}),
    }


def variant_from_dict(data: Mapping[str, Any]) -> Variant:
    """The variant that `variant_to_dict` wrote. Raises KeyError or ValueError on anything else."""
    zone, spaced = data["zone"], data.get("spaced")
    return Variant(
        category=Category(data["category"]),
        kind=Kind(data["kind"]),
        grade=Grade(data["grade"]),
        zone=Zone(zone) if zone else None,
        block=data["block"],
        note=data["note"],
        lemma=data["lemma"],
        reading=data["reading"],
        before=data["before"],
        after=data["after"],
        count=data["count"],
        flags=tuple(data["flags"]),
        why=data["why"],
        spaced=(spaced[0], spaced[1]) if spaced else None,
    )


def _stated_to_dict(stated: StatedDate | None) -> dict[str, Any]:
    if stated is None:
        return {"raw": None, "iso": None, "readings": [], "stamped": False}
    return {
        "raw": stated.raw,
        "iso": stated.iso,
        "readings": [[first.isoformat(), last.isoformat()] for first, last in stated.readings],
        "stamped": stated.stamped,
    }


def _stated_from_dict(data: Mapping[str, Any]) -> StatedDate | None:
    if data["raw"] is None:
        return None
    return StatedDate(
        raw=data["raw"],
        iso=data["iso"],
        readings=tuple(
            (date.fromisoformat(first), date.fromisoformat(last)) for first, last in data["readings"]
        ),
        stamped=data["stamped"],
    )
