"""Findings with how they stand, chosen by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from etolwatch.archive.catalog import Catalog
from etolwatch.archive.findings import Wanted
from etolwatch.model import Finding
from etolwatch.review.projection import Projection
from etolwatch.review.standing import Standing

_AT_ONCE = 500  # findings read from the catalog


@dataclass(frozen=True, slots=True)
class Known:
    """A finding of the store, and how it stands."""

    finding: Finding
    standing: Standing


def known(catalog: Catalog, projection: Projection, wanted: Wanted) -> Iterator[Known]:
    """The findings wanted, by address and then time, each with how it stands.

    Can be asked once of a catalog that is opened.
    """
    with TemporaryDirectory(prefix="etolwatch-") as place:
        path = Path(place) / "standing.sqlite3"
        catalog.found.stand(path, projection.attach)
        catalog.found.attach(path)
        seqs = catalog.found.members(wanted, 0, -1)
    for start in range(0, len(seqs), _AT_ONCE):
        told = catalog.found.told(seqs[start : start + _AT_ONCE])
        for seq in seqs[start : start + _AT_ONCE]:
            yield Known(told[seq], projection.standing(told[seq]))
