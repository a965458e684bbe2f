"""One pass from beginning to end, and what it has to say: the same for `check` and the daemon."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from etolwatch import jobs
from etolwatch.archive.catalog import Catalog
from etolwatch.archive.store import Store, has_older_catalog
from etolwatch.collate.compare import judge
from etolwatch.collate.strange import read
from etolwatch.config import Config
from etolwatch.contract import finding_to_dict
from etolwatch.errors import OlderCatalog
from etolwatch.harvest.crawl import Progress
from etolwatch.harvest.fetch import Fetcher
from etolwatch.model import Capture, Finding, Outcome, Pass, PassState, Site, Trouble, Verdict
from etolwatch.publish.files import write_report
from etolwatch.publish.listing import pass_to_dict, trouble_text, trouble_to_dict
from etolwatch.publish.order import words_changed
from etolwatch.publish.phrase import number
from etolwatch.publish.render import Form, render
from etolwatch.publish.report import Report
from etolwatch.text.profiles import profile

REQUISITES = "pictures and style sheets"


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Watched:
    """A pass with its findings, and the troubles that began in it, went on, or ended in it."""

    made: Pass
    findings: tuple[Finding, ...]
    absent: tuple[str, ...]  # listed pages found not to be there, for the first time
    begun: tuple[Trouble, ...]
    standing: tuple[Trouble, ...]
    ended: tuple[Trouble, ...]
    scopes: tuple[str, ...]
    requisites_changed: int = 0  # style sheets, pictures and the like that are others than before
    damaged: tuple[str, ...] = ()  # what could not be judged, or closed, since records are damaged

    @property
    def is_partial(self) -> bool:
        return self.made.state is not PassState.COMPLETE

    @property
    def words_changed(self) -> bool:
        return any(map(words_changed, self.findings))

    @property
    def report(self) -> Report:
        """What the pass found, and the troubles that began or ended: each is told once."""
        return self._report((*self.begun, *self.ended))

    def _report(self, troubles: Sequence[Trouble]) -> Report:
        at = self.made.finished_at or self.made.started_at
        told = {item.uri for item in self.findings if item.verdict is Verdict.SUSPECT_CAPTURE}
        notes = [trouble_text(trouble) for trouble in troubles if trouble.subject not in told]
        if self.requisites_changed:
            notes.append(f"{number(self.requisites_changed, 'picture or style sheet', REQUISITES)} changed.")
        return Report(self.findings, at, notes=tuple(notes), scopes=self.scopes, absent=self.absent)

    def to_dict(self) -> dict[str, Any]:
        """As `check --format json` prints it."""
        troubles = (*self.begun, *self.standing, *self.ended)
        return {
            **pass_to_dict(self.made),
            "troubles": [trouble_to_dict(trouble) for trouble in troubles],
            "findings": [finding_to_dict(finding) for finding in self.findings],
            "damaged": list(self.damaged),
        }

    def text(self, color: bool, talkative: bool) -> str:
        """What `check` prints. Without ``talkative`` (no terminal), nothing if nothing happened.

        Of hosts the log has told already, as it happened.
        """
        pages = [trouble for trouble in self.begun if trouble.kind != "host"]
        if not (talkative or pages or self.absent or tells(self)):
            return ""  # other bytes of the same text are no news
        text = render(self._report(pages), Form.TEXT, color)
        if not talkative:
            return text
        standing = "".join(f"{trouble_text(trouble)}\n" for trouble in self.standing)
        return text + standing or f"{number(self.made.visited, 'page')} visited, nothing changed.\n"


def watch(
    config: Config,
    sites: Sequence[Site],
    stop: threading.Event,
    on_event: Callable[[Progress], object] | None = None,
    *,
    now: Callable[[], datetime] = _utc_now,
    sleep: Callable[[float], object] | None = None,
) -> Watched:
    """Makes one pass over these sites, judges what is new, writes the reports that are wanted, and tells.

    ``stop``, once set, ends the request in hand and then the pass; ``sleep`` takes seconds. Raises LockHeld,
    ArchiveError.
    """
    if has_older_catalog(config.store):
        _renew(config, now(), stop)
    with Store(config.store, operator=config.contact, now=now()) as store:
        with Fetcher(config.contact, now=now) as fetcher:
            made = jobs.harvest(store, sites, fetcher, now, sleep or stop.wait, stop, on_event)
        damaged: list[jobs.Unreadable] = []
        findings = tuple(jobs.compare(store, config, stop, damaged.append))
        watched = _watched(store, config, made, findings, damaged)
    if config.report_folder is not None and tells(watched):
        write_report(watched.report, config.report_folder, made.pass_id, config.report_formats)
    _tell(config, made, now, stop)
    return watched


def _tell(config: Config, made: Pass, now: Callable[[], datetime], stop: threading.Event) -> None:
    if config.notify.channels:
        from etolwatch.notify.telling import tell  # mail is dear to import, and most watches send none

        # whoever is asked to stop leaves at once; what stands in the outbox is sent by who comes next
        tell(config, now, made=made.pass_id, is_sending=not stop.is_set())


def _renew(config: Config, at: datetime, stop: threading.Event) -> None:
    # what it takes is dear to import, and needed once in the life of a version
    from etolwatch.rereading import renewed

    if not renewed(config, at, stop):
        cause = "the old one stands, and the next pass makes it again"
        raise OlderCatalog("interrupted while the catalog was made again", str(config.store), cause)


def _watched(
    store: Store,
    config: Config,
    made: Pass,
    findings: tuple[Finding, ...],
    damaged: Sequence[jobs.Unreadable],
) -> Watched:
    catalog = store.catalog
    troubles = catalog.troubles()
    return Watched(
        made,
        findings,
        absent=_absent(catalog, made) if made.gone else (),
        begun=tuple(trouble for trouble in troubles if trouble.since_at >= made.started_at),
        standing=tuple(trouble for trouble in troubles if trouble.since_at < made.started_at),
        ended=tuple(catalog.past_troubles(made.started_at)),
        scopes=tuple(prefix for site in config.sites for prefix in site.scope),
        requisites_changed=catalog.requisites_changed(made.pass_id) if made.requisites else 0,
        damaged=tuple(map(str, (*store.left, *damaged))),
    )


def _absent(catalog: Catalog, made: Pass) -> tuple[str, ...]:
    """The pages that this pass, as the first, found not to be there; they were listed, never held."""
    return tuple(
        history.uri
        for history in catalog.all_histories().values()
        if history.requisite is None
        and history.version is None
        and history.last_outcome is Outcome.GONE
        and history.run == 1
        and history.last_visited_at is not None
        and history.last_visited_at >= made.started_at
    )


def tells(watched: Watched) -> bool:
    """Whether the pass is worth a file of its own."""
    return any(finding.verdict is not Verdict.NO_TEXTUAL_CHANGE for finding in watched.findings)


def compared(store: Store, config: Config, before: Capture, after: Capture) -> Finding:
    """The finding on one capture of a page against another. Raises FixityError."""
    names = {site.name: site.profile for site in config.sites}
    rules = profile(names.get(after.site, "etol"))
    return judge(read(store.payload(before), rules), read(store.payload(after), rules), site=after.site)
