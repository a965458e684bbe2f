"""One pass from beginning to end, and what it has to say: the same for `check` and the daemon."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from etolwatch import jobs
from etolwatch.archive.catalog import Catalog
from etolwatch.archive.store import Store
from etolwatch.collate.compare import judge
from etolwatch.collate.strange import read
from etolwatch.config import Config
from etolwatch.contract import finding_to_dict
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
        notes = tuple(trouble_text(trouble) for trouble in troubles if trouble.subject not in told)
        return Report(self.findings, at, notes=notes, scopes=self.scopes, absent=self.absent)

    def to_dict(self) -> dict[str, Any]:
        """As `check --format json` prints it."""
        troubles = (*self.begun, *self.standing, *self.ended)
        return {
            **pass_to_dict(self.made),
            "troubles": [trouble_to_dict(trouble) for trouble in troubles],
            "findings": [finding_to_dict(finding) for finding in self.findings],
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
    """Makes one pass over these sites, judges what is new, and writes the report files that are wanted.

    ``stop``, once set, ends the request in hand and then the pass; ``sleep`` takes seconds. Raises LockHeld,
    ArchiveError.
    """
    with Store(config.store, operator=config.contact, now=now()) as store:
        with Fetcher(config.contact, now=now) as fetcher:
            made = jobs.harvest(store, sites, fetcher, now, sleep or stop.wait, stop, on_event)
        findings = tuple(jobs.compare(store, config, stop))
        watched = _watched(store.catalog, config, made, findings)
    if config.report_folder is not None and tells(watched):
        write_report(watched.report, config.report_folder, made.pass_id, config.report_formats)
    return watched


def _watched(catalog: Catalog, config: Config, made: Pass, findings: tuple[Finding, ...]) -> Watched:
    troubles = catalog.troubles()
    return Watched(
        made,
        findings,
        absent=_absent(catalog, made) if made.gone else (),
        begun=tuple(trouble for trouble in troubles if trouble.since_at >= made.started_at),
        standing=tuple(trouble for trouble in troubles if trouble.since_at < made.started_at),
        ended=tuple(catalog.past_troubles(made.started_at)),
        scopes=tuple(prefix for site in config.sites for prefix in site.scope),
    )


def _absent(catalog: Catalog, made: Pass) -> tuple[str, ...]:
    """The pages that this pass, as the first, found not to be there; they were listed, never held."""
    return tuple(
        history.uri
        for history in catalog.all_histories().values()
        if history.version is None
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
