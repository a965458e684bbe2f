"""The real pages beside the project: where they lie, or a skip that says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from etolwatch.collate.compare import compare
from etolwatch.model import Finding, Payload
from etolwatch.text.profiles import profile

VERSIONS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "versions"
Compare = Callable[[bytes, bytes], Finding]


@pytest.fixture(scope="session")
def versions() -> Path:
    """The folder of page sets: one folder a page, its versions in order by name."""
    if not VERSIONS.is_dir():
        pytest.skip(f"real pages are not at hand: {VERSIONS} is absent")
    return VERSIONS


@pytest.fixture(scope="session")
def compared() -> Compare:
    """Two bodies → the finding, as two answers 200 whose capture times are unknown."""
    etol = profile("etol")

    def compare_bodies(before: bytes, after: bytes) -> Finding:
        uri = "https://www.marxists.org/archive/page.htm"
        return compare(
            Payload(uri, before, content_type="text/html"),
            Payload(uri, after, content_type="text/html"),
            etol,
        )

    return compare_bodies
