"""Every pair of consecutive versions in a folder of real pages, collated: a Markdown table.

    python -m bench.corpus_run ../shared/corpus > docs/corpus-run.md

The folder is laid out as ``versions/<address with __ for />/<number>-<label>.htm``. Texts
stay outside of this project: the table quotes the differing words and no more.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

from etolwatch.collate.compare import compare
from etolwatch.model import Finding, Grade, Payload, Variant
from etolwatch.text.profiles import profile

HEAD = """# The rules, run over real pages

Each consecutive pair of versions of the {pages} real pages that have a history, {pairs} pairs in all.
Made by `python -m bench.corpus_run FOLDER`; capture times are unknown here, so no verdict has a
certainty. Variants without weight (mark-up, white space, navigation, the date line) are not listed.

| page | versions | verdict | stated date | what differs |
|---|---|---|---|---|"""
LONGEST = 60  # characters of a reading that are shown


def main() -> None:
    parser = argparse.ArgumentParser(description="Collates all consecutive versions of real pages.")
    parser.add_argument("corpus", type=Path)
    folders = sorted(path for path in (parser.parse_args().corpus / "versions").iterdir() if path.is_dir())
    rows = [row for folder in folders for row in _rows(folder)]
    print(HEAD.format(pages=len({row.split("|")[1] for row in rows}), pairs=len(rows)))
    print("\n".join(rows))


def _rows(folder: Path) -> list[str]:
    versions = sorted(path for path in folder.iterdir() if path.suffix in (".htm", ".html"))
    uri = "https://www.marxists.org/" + folder.name.replace("__", "/")
    return [
        _row(folder.name.replace("__", "/"), one, two, _finding(uri, one, two))
        for one, two in pairwise(versions)
    ]


def _finding(uri: str, one: Path, two: Path) -> Finding:
    return compare(Payload(uri, one.read_bytes()), Payload(uri, two.read_bytes()), profile("etol"))


def _row(page: str, one: Path, two: Path, finding: Finding) -> str:
    dates = [stated.raw if stated else "none" for stated in (finding.stated_before, finding.stated_after)]
    stated = dates[0] if dates[0] == dates[1] else " → ".join(dates)
    weighty = [variant for variant in finding.variants if variant.grade is not Grade.NONE]
    numbers = f"{one.name.partition('-')[0]} → {two.name.partition('-')[0]}"
    return f"| {page} | {numbers} | {finding.verdict} | {stated} | {'; '.join(map(_place, weighty)) or '–'} |"


def _place(variant: Variant) -> str:
    parts = [text[:LONGEST].replace("|", "\\|") for text in (variant.lemma, variant.reading)]
    flags = f" ({', '.join(variant.flags)})" if variant.flags else ""
    times = f" × {variant.count}" if variant.count > 1 else ""
    return f"{variant.category}{flags}, {variant.zone} {variant.block}: `{parts[0]}` → `{parts[1]}`{times}"


if __name__ == "__main__":
    main()
