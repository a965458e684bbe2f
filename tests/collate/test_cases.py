"""Each folder of tests/cases: two saved pages, and the finding that the rules call for.

``variants`` of a finding.json is complete for what is cosmetic or of words, in any order;
each entry is checked by the keys it has. ``none_variants`` names categories that must be
among those that weigh nothing. ``rule`` says from which rule the case was written; its §s
are those of the specification of collation and of the account of the site's mark-up.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from etolwatch.collate.compare import compare
from etolwatch.contract import finding_to_dict
from etolwatch.saved import payloads
from etolwatch.text.profiles import profile

CASES = Path(__file__).parents[1] / "cases"
NAMES = sorted(folder.name for folder in CASES.iterdir() if (folder / "finding.json").is_file())
EXACT = ("category", "kind", "zone", "lemma", "reading", "count")


def found_in(case: str) -> dict[str, Any]:
    folder = CASES / case
    meta = folder / "meta.json"
    before, after = payloads(folder / "before.html", folder / "after.html", meta if meta.is_file() else None)
    return finding_to_dict(compare(before, after, profile("etol")))


def shows(wanted: dict[str, Any], variant: dict[str, Any]) -> bool:
    """Whether ``variant`` has all that is wanted of it; its label of a note without points and brackets."""
    if any(variant[key] != wanted[key] for key in EXACT if key in wanted):
        return False
    if "note" in wanted and (variant["note"] or "").strip("[](). ") != wanted["note"]:
        return False
    named = wanted.get("why_includes", "")
    return named in variant["why"] and set(wanted.get("flags_include", ())) <= set(variant["flags"])


def unmatched(
    wanted: list[dict[str, Any]], variants: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What is wanted and not there, what is there and not wanted; the most exact wishes choose first."""
    left, missing = list(variants), []
    for wish in sorted(wanted, key=lambda each: -len(each)):
        match = next((variant for variant in left if shows(wish, variant)), None)
        if match is None:
            missing.append(wish)
        else:
            left.remove(match)
    return missing, left


def brief(variant: dict[str, Any]) -> dict[str, Any]:
    keys = ("category", "kind", "grade", "zone", "note", "lemma", "reading", "count", "flags", "why")
    return {key: variant[key] for key in keys}


@pytest.mark.parametrize("case", NAMES)
def test_the_finding_is_the_one_that_the_rules_call_for(case: str) -> None:
    wanted = json.loads((CASES / case / "finding.json").read_text(encoding="utf-8"))
    finding = found_in(case)
    rule = wanted["rule"]
    weighty = [each for each in finding["variants"] if each["grade"] != "none"]
    missing, unexpected = unmatched(wanted["variants"], weighty)
    assert not missing, f"{rule}\nfound instead: {[brief(each) for each in unexpected]}"
    assert not unexpected, f"{rule}\nnot called for: {[brief(each) for each in unexpected]}"
    assert finding["verdict"] == wanted["verdict"], f"{rule}\n{finding['why']}"
    if "certainty" in wanted:
        assert finding["certainty"] == wanted["certainty"], f"{rule}\n{finding['why']}"
    assert set(wanted.get("flags_include", ())) <= set(finding["flags"]), rule
    assert not set(wanted.get("flags_exclude", ())) & set(finding["flags"]), rule
    if "stated" in wanted:
        stated = {side: finding["stated"][side]["iso"] for side in ("before", "after")}
        assert stated == wanted["stated"], rule
    if "none_variants" in wanted:
        weightless = {each["category"] for each in finding["variants"] if each["grade"] == "none"}
        assert set(wanted["none_variants"]) <= weightless, rule
        assert not (weightless and not wanted["none_variants"]), rule


def test_every_case_says_from_which_rule_it_was_written() -> None:
    assert len(NAMES) >= 150
    for case in NAMES:
        wanted = json.loads((CASES / case / "finding.json").read_text(encoding="utf-8"))
        assert wanted["rule"].strip(), case
        assert wanted.keys() >= {"verdict", "variants"}, case
