"""What the user names as witnesses: pages of the store at a time, or files; read, with their sources."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from etolwatch import config as configuration
from etolwatch import when
from etolwatch.archive.store import Store
from etolwatch.config import Config
from etolwatch.errors import UsageError
from etolwatch.model import Capture, Payload, Witness
from etolwatch.text.profiles import profile
from etolwatch.text.witness import witness


@dataclass(frozen=True, slots=True)
class Named:
    """A witness, where it comes from and when it was captured (a file: nobody knows)."""

    witness: Witness
    uri: str
    captured_at: datetime | None = None
    digest: str | None = None


def named(names: Sequence[str], config_path: Path) -> list[Named]:
    """The witnesses that the names mean; one page alone means all of its versions.

    A name is a file, or an address (or its ending) with ``@TIME`` or without. The store is
    opened only if a name asks for it. Raises UsageError, UnknownPage, NoSuchCapture.
    """
    with ExitStack() as stack:
        found: list[Named] = []
        opened: tuple[Config, Store] | None = None
        for name in names:
            if Path(name).is_file():
                found.append(_file(Path(name)))
                continue
            if opened is None:
                config = configuration.load(config_path)
                opened = config, stack.enter_context(Store.read_only(config.store))
            found.extend(_page(*opened, name, alone=len(names) == 1))
    if len(found) < 2:
        raise UsageError(
            "nothing to collate", " ".join(names), "it takes two witnesses, or a page of two versions"
        )
    return found


def versions(config: Config, store: Store, uri: str) -> list[Named]:
    """Each text that a page has had, oldest first; the same text again is no new witness."""
    told: list[Named] = []
    for capture in store.catalog.versions(uri):
        if not told or told[-1].digest != capture.body_digest:
            told.append(_of_capture(config, store, capture))
    return told


def _file(path: Path) -> Named:
    payload = Payload(path.name, path.read_bytes())
    return Named(witness(payload, profile("etol")), str(path))


def _page(config: Config, store: Store, name: str, *, alone: bool) -> list[Named]:
    ending, at = when.split(name)
    uri = store.catalog.resolve_text(ending)
    if alone and at is None:
        return versions(config, store, uri)
    return [_of_capture(config, store, store.catalog.capture_at(uri, at))]


def _of_capture(config: Config, store: Store, capture: Capture) -> Named:
    names = {site.name: site.profile for site in config.sites}
    read = witness(store.payload(capture), profile(names.get(capture.site, "generic")))
    return Named(read, capture.uri, capture.captured_at, capture.body_digest)
