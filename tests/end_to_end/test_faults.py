"""A site that answers wrongly: never a version, never an edit, and the right exit status.

Each fault meets a page of which a good text is already kept, then the site is well again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from etolwatch import jobs
from etolwatch.archive.store import Store
from etolwatch.config import load
from etolwatch.harvest.fetch import Fetcher, Limits

from .conftest import RealSite, Watch

PAGE = "archive/pearce/1958/08/export.htm"
OTHER = "archive/pearce/1958/08/legend-reality.htm"
PAGES = (PAGE, OTHER)  # seeds, and the scope as well: nothing that they link to
Faulty = Callable[..., RealSite]
EDITS = {
    "silent_edit",
    "same_day_edit",
    "declared_edit",
    "backdated_edit",
    "undated_edit",
    "date_bump_only",
    "date_backwards",
    "date_removed",
    "date_added",
    "cosmetic",
    "declared_cosmetic",
}
# fault → the verdicts that may be found on it. No verdict: it is a trouble, or nothing at all.
FAULTS = {
    "503": {"suspect_capture"},
    "404": {"page_gone"},
    "410": {"page_gone"},
    "soft404": {"page_gone"},
    "empty": {"suspect_capture"},
    "truncate": {"suspect_capture"},
    "redirect-out": {"page_moved"},
    "redirect-loop": {"page_moved", "suspect_capture"},
    "gzipbomb": {"suspect_capture"},
    "noval": set(),
}


@pytest.fixture(scope="module")
def before(realsite: RealSite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds a good text of two pages."""
    watch = Watch(tmp_path_factory.mktemp("before") / "watch")
    realsite.turn_to(1)
    watch.configure(realsite.address, PAGES, PAGES)
    assert watch.json("check")["captured"] == 2
    return watch.folder


@pytest.fixture
def watch(before: Path, tmp_path: Path) -> Watch:
    time.sleep(1.1)  # a pass is named by its second
    shutil.copytree(before, tmp_path / "watch")
    return Watch(tmp_path / "watch")


def texts(watch: Watch, page: str) -> str:
    return watch.run("show", page).stdout


def verdicts(watch: Watch) -> set[str]:
    report = watch.json("report")
    findings = report["findings"] if isinstance(report, dict) else report
    return {finding["verdict"] for finding in findings}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_page_that_answers_wrongly(watch: Watch, realsite: RealSite, faulty: Faulty, fault: str) -> None:
    good = texts(watch, PAGE)
    sick = faulty(f"{fault}:/{PAGE}")
    watch.configure(sick.address, PAGES, PAGES)
    result = watch.json("check", status=0)
    assert result["state"] == "complete"
    # whoever fetches cannot tell a friendly page of “not found” from a text; whoever reads can
    assert result["captured"] == (1 if fault == "soft404" else 0)
    assert {finding["verdict"] for finding in result["findings"]} <= FAULTS[fault]
    assert texts(watch, PAGE) == good

    time.sleep(1.1)
    watch.configure(realsite.address, PAGES, PAGES)
    result = watch.json("check", status=0)
    assert result["failed"] == 0
    assert not {finding["verdict"] for finding in result["findings"]} & EDITS
    assert not verdicts(watch) & EDITS
    assert texts(watch, PAGE) == good
    bodies = {uri for kind, uri, status in watch.records() if kind == "response" and status == "200"}
    assert bodies  # the good texts; a bad answer may be kept as well, as testimony, never as a version


@pytest.mark.parametrize("fault", ["reset", "hang"])
def test_a_page_that_never_answers(watch: Watch, faulty: Faulty, fault: str) -> None:
    """The same line as ``check`` runs, within this process: it waits for an answer only shortly."""
    good = texts(watch, PAGE)
    watch.configure(faulty(f"{fault}:/{PAGE}").address, PAGES, PAGES)
    config = load(watch.config)
    paused: list[float] = []
    with Store(config.store) as store, Fetcher(None, limits=Limits(read_s=0.3)) as fetcher:
        made = jobs.harvest(store, config.sites, fetcher, lambda: datetime.now(UTC), paused.append, Event())
        assert jobs.compare(store, config, Event()) == []
        (trouble,) = store.catalog.troubles()
    assert (made.visited, made.captured, made.unchanged, made.failed) == (2, 0, 1, 1)
    assert PAGE in trouble.subject
    assert [pause for pause in paused if pause >= 1]  # it was tried again, not at once
    assert texts(watch, PAGE) == good
    assert not verdicts(watch) & EDITS


@pytest.mark.parametrize("fault", ["404", "410", "soft404"])
def test_a_page_gone_is_told_once(watch: Watch, faulty: Faulty, fault: str) -> None:
    sick = faulty(f"{fault}:/{PAGE}")
    watch.configure(sick.address, PAGES, PAGES)
    (finding,) = watch.json("check")["findings"]
    assert finding["verdict"] == "page_gone"
    assert finding["uri"].endswith(PAGE)
    time.sleep(1.1)
    assert watch.json("check")["findings"] == []


def test_a_host_that_is_down_leaves_the_pass_partial(watch: Watch, faulty: Faulty) -> None:
    watch.configure(faulty("503").address, PAGES, PAGES)
    result = watch.json("check", status=4)
    assert result["state"] == "partial"
    assert result["captured"] == 0
    assert not verdicts(watch) & EDITS


def test_a_host_that_refuses_leaves_the_pass_partial(watch: Watch, faulty: Faulty) -> None:
    watch.configure("http://127.0.0.1:9/", PAGES, PAGES)
    result = watch.json("check", status=4)
    assert result["state"] == "partial"
    assert texts(watch, PAGE)


def test_everything_without_validators_is_unchanged(watch: Watch, faulty: Faulty) -> None:
    watch.configure(faulty("noval").address, PAGES, PAGES)
    result = watch.json("check")
    assert (result["captured"], result["unchanged"], result["findings"]) == (0, 2, [])


def test_words_changed_can_be_an_exit_status(watch: Watch, realsite: RealSite) -> None:
    """--fail-on-change says 3 when words changed; mark-up that changed is none."""
    realsite.turn_to(2)
    watch.configure(realsite.address, PAGES, PAGES)
    result = watch.json("check", "--fail-on-change", status=0)
    assert result["captured"] == 1
    realsite.turn_to(1)
