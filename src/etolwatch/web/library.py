"""What a view works with: the configuration, the time, the store of this request, its judgements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app, g

from etolwatch.archive.store import Store
from etolwatch.config import Config
from etolwatch.errors import EtolwatchError
from etolwatch.review.journal import Journal
from etolwatch.review.projection import Projection
from etolwatch.web.standing import Standing

if TYPE_CHECKING:
    from etolwatch.archive.findings import Findings
    from etolwatch.model import Site

KEY = "etolwatch"
WAIT_S = 1.0  # for the journal: who waits keeps one of the few threads from all other readers


@dataclass(frozen=True, slots=True)
class Library:
    """The library that one app shows. ``now`` gives the present instant, aware, in UTC."""

    config: Config
    now: Callable[[], datetime]
    standing: Standing

    @classmethod
    def of(cls, config: Config, now: Callable[[], datetime]) -> Library:
        """The library of this configuration."""
        return cls(config, now, Standing(config.store))

    def store(self) -> Store:
        """The store, opened for reading at its first use in a request, closed when that ends.

        Raises ArchiveError.
        """
        if "store" not in g:
            g.store = Store.read_only(self.config.store)
        return cast(Store, g.store)

    def projection(self) -> Projection:
        """How everything stands by the journal, for this request. Raises ArchiveError."""
        if "projection" not in g:
            g.projection = Projection(self.config.store)
        return cast(Projection, g.projection)

    def found(self) -> Findings:
        """The list of findings, with their states."""
        found = self.store().catalog.found
        if "attached" not in g:
            self.standing.attach(found, self.projection())
            g.attached = True
        return found

    @property
    def journal(self) -> Journal:
        """Where judgements are written."""
        return Journal.of(self.config.store, WAIT_S)

    def site(self, name: str) -> Site | None:
        """The site of this name, as the configuration has it now; None if it has none."""
        return next((site for site in self.config.sites if site.name == name), None)


def install(app: Flask, found: Library) -> None:
    """Makes `library` give this one inside the app's requests."""
    app.extensions[KEY] = found
    app.teardown_appcontext(_close)


def library() -> Library:
    """The library of the app that answers this request."""
    return cast(Library, current_app.extensions[KEY])


def told(error: EtolwatchError) -> str:
    """What an error says, its files named from the folder of the store on."""
    return str(error).replace(f"{library().config.store.parent}/", "")


def _close(_: BaseException | None) -> None:
    for name in ("store", "projection"):
        opened = g.pop(name, None)
        if opened is not None:
            opened.close()
