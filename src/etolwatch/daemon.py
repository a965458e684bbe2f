"""`etolwatch run`: APScheduler fires a pass of each site by its schedule, until a signal ends it.

The scheduler works in a thread; the main thread waits for signals. One pass at a time: there
is one worker, a site whose time comes while it works is done after that, and times that were
missed meanwhile count once. A pass of another process is waited for until the next time.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from etolwatch.archive.store import Store
from etolwatch.config import Config, load, refuse_strangers
from etolwatch.errors import EtolwatchError, LockHeld, OlderCatalog
from etolwatch.model import PassState, Site
from etolwatch.publish.phrase import moment
from etolwatch.publish.render import Form, render
from etolwatch.schedule import next_time, trigger
from etolwatch.watch import Watched, watch

TELLING_MINUTES = 5
GRACE_S = 9.0  # a request in hand may take so long to end before the process leaves without it
STOPPING = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger("etolwatch")

Watch = Callable[[Config, tuple[Site, ...], threading.Event], Watched]


class Daemon:
    """The running watch over one config.toml. ``run`` returns when a signal has ended it."""

    def __init__(self, path: Path, watch: Watch = watch, grace_s: float = GRACE_S) -> None:
        self.config = load(path)
        refuse_strangers(self.config, self.config.sites)
        self.stop = threading.Event()
        self._watch, self._grace_s = watch, grace_s
        self._reload = threading.Event()
        self._wake = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )

    def run(self) -> int:
        """Watches until SIGTERM or SIGINT; the exit status. SIGHUP reads the configuration again."""
        before = {number: signal.signal(number, self._signalled) for number in (*STOPPING, signal.SIGHUP)}
        self._scheduler.add_listener(_tell_of_error, EVENT_JOB_ERROR)
        try:
            self._scheduler.start()
            self.schedule()
            self._wait()
        finally:
            self._leave()
            for number, handler in before.items():
                signal.signal(number, handler)
        log.info("stopped")
        return 0

    def schedule(self) -> None:
        """Builds the jobs anew from the configuration; a site with a pass missed is due at once."""
        self._scheduler.remove_all_jobs()
        now = datetime.now(UTC)
        missed = overdue(self.config, now)
        for site in self.config.sites:
            # a missed pass is the job's first time, not a job of its own: one that is done with would be
            # taken out of the scheduler, which it may have left meanwhile
            first = {"next_run_time": now} if site in missed else {}
            self._scheduler.add_job(
                self.one_pass,
                trigger(site.schedule, site.time_zone),
                (site.name,),
                id=site.name,
                name=site.name,
                **first,
            )
            upcoming = next_time(site.schedule, site.time_zone, now)
            log.info("%s: next pass %s", site.name, "now" if site in missed else moment(upcoming))
        if self.config.notify.channels:
            # a colon stands in no site's name
            self._scheduler.add_job(
                self.tell, "interval", minutes=TELLING_MINUTES, id="notify:", next_run_time=now
            )

    def one_pass(self, name: str) -> None:
        """Makes a pass of this site and logs what it found; a store in use is left to its user."""
        if self.stop.is_set():
            return
        self._idle.clear()
        try:
            watched = self._watch(self.config, (self.config.site(name),), self.stop)
        except LockHeld as error:
            log.warning("%s: no pass this time: %s", name, error)
        else:
            _tell_of(name, watched)
        finally:
            self._idle.set()

    def tell(self) -> None:
        """Puts into the outbox what is to be told by now, such as of a week, and sends what waits."""
        from etolwatch.notify.telling import tell

        if self.stop.is_set():
            return
        self._idle.clear()
        try:
            tell(self.config, lambda: datetime.now(UTC))
        finally:
            self._idle.set()

    def reload(self) -> None:
        """Reads the configuration again; one with a mistake in it is reported, and the old one kept."""
        try:
            config = load(self.config.path)
            refuse_strangers(config, config.sites)
        except EtolwatchError as error:
            log.error("configuration not taken, the old one stays: %s", error)
            return
        self.config = config
        log.info("configuration read again: %s", config.path)
        self.schedule()

    def _wait(self) -> None:
        while not self.stop.is_set():
            self._wake.wait()
            self._wake.clear()
            if self._reload.is_set():
                self._reload.clear()
                self.reload()

    def _signalled(self, number: int, _: FrameType | None) -> None:
        # only flags are set here: this runs between any two instructions of the main thread
        if number == signal.SIGHUP:
            self._reload.set()
        else:
            self.stop.set()
        self._wake.set()

    def _leave(self) -> None:
        self.stop.set()
        if not self._idle.is_set():
            log.info("ending after the request in hand")
        if self._idle.wait(self._grace_s):
            self._scheduler.shutdown(wait=True)
            return
        # What is captured is on disk already, and a torn record is cut off by the next pass: it is
        # better to leave in time than to be killed.
        log.warning("the request in hand does not end; leaving without it")
        logging.shutdown()
        os._exit(0)


def overdue(config: Config, now: datetime) -> list[Site]:
    """The sites whose schedule fired since their last pass began, or that never had a whole one."""
    try:
        with Store.read_only(config.store) as store:
            return [site for site in config.sites if _is_overdue(store, site, now)]
    except OlderCatalog:
        return list(config.sites)  # a pass makes the catalog again


def _is_overdue(store: Store, site: Site, now: datetime) -> bool:
    last = store.catalog.last_pass(site.name)
    if last is None or last.state in (PassState.INTERRUPTED, PassState.RUNNING):
        return True
    return next_time(site.schedule, site.time_zone, last.started_at) <= now


def _tell_of(name: str, watched: Watched) -> None:
    # the pass itself has logged its line, with the figures
    for line in render(watched.report, Form.TEXT).splitlines():
        if line.strip():
            log.info("%s: %s", name, line)
    for damage in watched.damaged:
        log.error("%s: %s", name, damage)


def _tell_of_error(event: JobExecutionEvent) -> None:
    # one failed pass, even by a slip of ours, does not end the watch; the next time is tried again
    log.error("pass failed: %s: %s", type(event.exception).__name__, event.exception)
