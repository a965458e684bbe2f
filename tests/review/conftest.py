"""The commands in a folder that watches a small library, as the tests of the shell have them."""

from __future__ import annotations

import pytest
from shell.conftest import (  # noqa: F401 - fixtures
    Commands,
    Library,
    _log_of_its_own,
    library,
    page,
    run,
    watched,
)

NAMES = ("lamps", "ferry", "nets", "boats")


@pytest.fixture
def edited(watched: Commands, library: Library) -> Commands:  # noqa: F811
    """A store in which four pages were captured, then three had the same edit and one another."""
    links = tuple(f"{name}.htm" for name in NAMES)
    library.pages = {"/penhale/index.htm": page("Works", links=links)}
    for name in NAMES:
        library.pages[f"/penhale/{name}.htm"] = page(name.title(), f"The {name} lay under the old lantern.")
    watched("check")
    for name in NAMES[:3]:
        text = f"The {name} lay under the old beacon."
        library.pages[f"/penhale/{name}.htm"] = page(name.title(), text)
    library.pages["/penhale/boats.htm"] = page("Boats", "The boats lay under no old lantern.")
    watched("check")
    return watched


@pytest.fixture(autouse=True)
def _reviewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETOLWATCH_REVIEWER", "Ann")
