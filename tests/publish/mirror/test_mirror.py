"""The tree: what is in it, what its links lead to, and how it is built and brought up to date."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from archive.material import BASE, SITE

from etolwatch.archive.store import Store
from etolwatch.errors import EtolwatchError, LockHeld, UsageError
from etolwatch.model import Payload
from etolwatch.publish.mirror import make, tree
from etolwatch.publish.mirror.make import Wanted
from etolwatch.publish.mirror.plan import Gone
from etolwatch.publish.mirror.tree import MirrorError
from etolwatch.text.profiles import profile
from etolwatch.text.witness import witness
from publish.mirror.library import (
    GIF,
    START,
    Was,
    broken,
    bytes_below,
    day,
    lived,
    marks_below,
    mirrored,
    page,
    references,
)

HOST = "www.example.org"
CSS = Was(b"body { background: url(paper.gif) }", "text/css")
PAPER = Was(GIF, "image/gif")
WORK = page('<p>Lamps.</p><p><a href="../index.htm#n1">home</a> <a href="other.htm">other</a></p>')
HOME = page(
    '<p id="n1">Home.</p><a href="vale/work.htm">work</a> <a href="http://x.example/a.htm#b">out</a>',
    '<link rel="stylesheet" href="css/a.css">',
)
FIRST = {"/index.htm": HOME, "/vale/work.htm": WORK, "/css/a.css": CSS, "/css/paper.gif": PAPER}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """One day of four files."""
    return lived(tmp_path / "store", FIRST)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def text(folder: Path, path: str) -> str:
    return (folder / HOST / path).read_text()


def told(folder: Path) -> dict[str, object]:
    report: dict[str, object] = json.loads((folder / "mirror.json").read_text())
    return report


# ── what is in it ────────────────────────────────────────────────────────────────────


def test_pages_and_what_they_need_lie_under_their_names(store: Path, folder: Path) -> None:
    built = mirrored(store, folder)
    assert sorted(bytes_below(folder)) == [
        ".etolwatch-mirror.json",
        "colophon.html",
        "index.html",
        "mirror.json",
        f"{HOST}/css/a.css",
        f"{HOST}/css/paper.gif",
        f"{HOST}/index.htm",
        f"{HOST}/vale/work.htm",
    ]
    assert (built.pages, built.requisites, built.is_new) == (2, 2, True)


def test_links_lead_from_file_to_file_and_keep_their_fragments(store: Path, folder: Path) -> None:
    mirrored(store, folder)
    assert references(folder / HOST / "vale/work.htm").found == ["../index.htm#n1", f"{BASE}/vale/other.htm"]
    assert references(folder / HOST / "index.htm").found == [
        "css/a.css", "vale/work.htm", "http://x.example/a.htm#b",
    ]  # fmt: skip
    assert broken(folder) == []


def test_what_a_link_leads_to_that_is_not_held_is_told(store: Path, folder: Path) -> None:
    built = mirrored(store, folder)
    assert told(folder)["links_not_held"] == [
        {"uri": "http://x.example/a.htm", "on": [f"{HOST}/index.htm"]},
        {"uri": f"{BASE}/vale/other.htm", "on": [f"{HOST}/vale/work.htm"]},
    ]
    assert built.not_held == 2
    assert "http://x.example/a.htm" in (folder / "colophon.html").read_text()


def test_what_is_no_page_stays_as_captured(store: Path, folder: Path) -> None:
    mirrored(store, folder)
    assert (folder / HOST / "css/paper.gif").read_bytes() == GIF
    assert (folder / HOST / "css/a.css").read_bytes() == CSS.body


def test_a_requisite_that_is_not_held_is_not_asked_for(tmp_path: Path, folder: Path) -> None:
    seen = {
        "/a.htm": page(
            '<img src="no.gif"><iframe src="http://x.example/"></iframe>', "<link rel=stylesheet href=no.css>"
        )
    }
    mirrored(lived(tmp_path / "store", seen), folder)
    assert references(folder / HOST / "a.htm").found == [
        f"about:invalid#{BASE}/no.css",
        f"about:invalid#{BASE}/no.gif",
        "about:blank#http://x.example/",
    ]


def test_a_file_has_the_time_of_its_capture(store: Path, folder: Path) -> None:
    mirrored(store, folder)
    assert (folder / HOST / "css/a.css").stat().st_mtime == START.timestamp()


def test_a_page_says_its_charset_and_stays_as_it_is(tmp_path: Path, folder: Path) -> None:
    body = "<p>слово</p>".encode("koi8-r")
    mirrored(lived(tmp_path / "store", {"/a.htm": Was(body, "text/html; charset=koi8-r")}), folder)
    written = (folder / HOST / "a.htm").read_bytes()
    assert written.startswith(b'<meta charset="koi8-r" />')
    assert written.endswith(body)


def test_a_charset_that_no_browser_knows_becomes_utf_8(tmp_path: Path, folder: Path) -> None:
    body = "<p>é</p>".encode("cp437")
    mirrored(lived(tmp_path / "store", {"/a.htm": Was(body, "text/html; charset=cp437")}), folder)
    written = (folder / HOST / "a.htm").read_text("utf-8")
    assert written.startswith('<meta charset="utf-8" />')
    assert written.endswith("<p>é</p>")


def test_a_text_says_its_charset_by_a_mark(tmp_path: Path, folder: Path) -> None:
    seen = {"/a.txt": Was("é".encode("cp1252"), "text/plain"), "/b.txt": Was(b"e", "text/plain")}
    mirrored(lived(tmp_path / "store", seen), folder)
    assert (folder / HOST / "a.txt").read_bytes() == b"\xef\xbb\xbf\xc3\xa9"
    assert (folder / HOST / "b.txt").read_bytes() == b"e"


def test_a_page_of_no_type_is_a_page(tmp_path: Path, folder: Path) -> None:
    mirrored(lived(tmp_path / "store", {"/a": Was(b"<p>a</p><script>x()</script>", "")}), folder)
    assert text(folder, "a.html").endswith("<p>a</p><!----><!---->")


def test_xhtml_is_written_as_html(tmp_path: Path, folder: Path) -> None:
    names = b'xmlns="http://www.w3.org/1999/xhtml"'
    body = b"<html " + names + b'><head><title/></head><body><p>a<a id="b"/>c</p></body></html>'
    mirrored(lived(tmp_path / "store", {"/a": Was(body, "application/xhtml+xml")}), folder)
    assert '<title></title></head><body><p>a<a id="b"></a>c</p></body>' in text(folder, "a.html")


def test_frames_lead_into_the_mirror(tmp_path: Path, folder: Path) -> None:
    seen = {
        "/a/": Was(
            b'<frameset cols="1,*"><frame src="toc.php?x=1" name=t><frame src="../b.htm#n"></frameset>'
        ),
        "/a/toc.php?x=1": page('<a href="../b.htm" target="t">b</a>'),
        "/b.htm": page('<p id="n">b</p>'),
    }
    mirrored(lived(tmp_path / "store", seen), folder)
    assert references(folder / HOST / "a/index.html").found == ["toc.php@x=1.html", "../b.htm#n"]
    assert broken(folder) == []


def test_scripts_stay_where_they_are_asked_for(tmp_path: Path, folder: Path) -> None:
    store = lived(tmp_path / "store", {"/a.htm": page("<script>x()</script>")})
    mirrored(store, folder, scripts=True)
    assert "<script>x()</script>" in text(folder, "a.htm")
    mirrored(store, folder)
    assert "<script>" not in text(folder, "a.htm")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("<p>“Lamps” – é</p><script>no()</script><noscript>No</noscript>".encode("cp1252"), "text/html"),
        (b"<html><head><title>T</title></head><p onclick=x()>a<p>b<a href=c.htm>d</a>", "text/html"),
        ("\ufeff<p>é <a href=c.htm>d</a></p>".encode("utf-16-le"), "text/html"),
        ("<p>слово</p>".encode("koi8-r"), "text/html; charset=koi8-r"),
    ],
)  # fmt: skip
def test_the_text_is_that_of_the_capture(tmp_path: Path, folder: Path, body: bytes, kind: str) -> None:
    mirrored(lived(tmp_path / "store", {"/a.htm": Was(body, kind)}), folder)
    captured = witness(Payload("", body, content_type=kind), profile("etol"))
    shown = witness(Payload("", (folder / HOST / "a.htm").read_bytes()), profile("etol"))
    assert [block.text for block in shown.blocks] == [block.text for block in captured.blocks]
    assert shown.blocks


# ── any day of it ────────────────────────────────────────────────────────────────────


@pytest.fixture
def days(tmp_path: Path) -> Path:
    """Three days: a page changes, one goes, one moves, a picture and a page come late."""
    gone, moved = Was(b"no", status=404), Was(b"", status=301, location=f"{BASE}/new.htm")
    links = page(
        '<a href="gone.htm">g</a> <a href="old.htm#x">o</a> <a href="new.htm">n</a><img src="late.gif">'
    )
    return lived(
        tmp_path / "store",
        {"/index.htm": links, "/a.htm": page("one"), "/gone.htm": page("g"), "/old.htm": page("o")},
        {"/a.htm": page("two"), "/gone.htm": gone, "/old.htm": moved, "/new.htm": page("n")},
        {"/a.htm": page("two"), "/gone.htm": gone, "/late.gif": PAPER},
    )


def test_each_page_is_as_last_captured_by_then(days: Path, folder: Path) -> None:
    mirrored(days, folder, at=day(1) + timedelta(hours=2))
    assert "one" in text(folder, "a.htm")
    assert (folder / HOST / "gone.htm").exists()
    assert not (folder / HOST / "new.htm").exists()
    mirrored(days, folder, at=day(2) + timedelta(hours=2))
    assert "two" in text(folder, "a.htm")
    mirrored(days, folder)
    assert (folder / HOST / "a.htm").stat().st_mtime == day(2).timestamp()


def test_what_a_page_needs_is_shown_even_from_later(days: Path, folder: Path) -> None:
    mirrored(days, folder, at=day(1) + timedelta(hours=2))
    assert (folder / HOST / "late.gif").read_bytes() == GIF
    assert [row["later"] for row in told(folder)["requisites"]] == [True]  # type: ignore[attr-defined]
    assert "later than the pages" in (folder / "colophon.html").read_text()


def test_pages_that_are_gone_are_absent_or_as_last_seen(days: Path, folder: Path) -> None:
    mirrored(days, folder)
    assert not (folder / HOST / "gone.htm").exists()
    assert references(folder / HOST / "index.htm").found[0] == f"{BASE}/gone.htm"
    mirrored(days, folder, gone=Gone.AS_LAST_SEEN)
    assert "g" in text(folder, "gone.htm")
    assert references(folder / HOST / "index.htm").found[0] == "gone.htm"


def test_links_to_what_has_moved_lead_to_the_new_place(days: Path, folder: Path) -> None:
    mirrored(days, folder)
    assert not (folder / HOST / "old.htm").exists()
    assert references(folder / HOST / "index.htm").found[1:3] == ["new.htm#x", "new.htm"]


def test_what_is_missing_is_told_with_the_reason(days: Path, folder: Path) -> None:
    built = mirrored(days, folder)
    rows = {row["uri"]: row for row in told(folder)["missing"]}  # type: ignore[attr-defined]
    assert rows[f"{BASE}/gone.htm"]["why"] == "gone"
    assert rows[f"{BASE}/gone.htm"]["last_seen"] == "20261102040000"
    assert rows[f"{BASE}/old.htm"]["why"] == "moved"
    assert rows[f"{BASE}/old.htm"]["detail"] == f"{BASE}/new.htm"
    assert {each.uri for each in built.missing} == set(rows)
    assert "gone: the site no longer had it" in (folder / "colophon.html").read_text()


def test_redirects_in_a_circle_lead_nowhere(tmp_path: Path, folder: Path) -> None:
    seen = {
        "/index.htm": page('<a href="a.htm">a</a>'),
        "/a.htm": Was(b"", status=301, location=f"{BASE}/b.htm"),
        "/b.htm": Was(b"", status=301, location=f"{BASE}/a.htm"),
    }
    mirrored(lived(tmp_path / "store", seen), folder)
    assert references(folder / HOST / "index.htm").found == [f"{BASE}/a.htm"]


def test_the_same_store_and_time_give_the_same_bytes_and_times(days: Path, tmp_path: Path) -> None:
    at = day(2) + timedelta(hours=2)
    mirrored(days, tmp_path / "one", at=at)
    mirrored(days, tmp_path / "two", at=day(1) + timedelta(hours=2))
    mirrored(days, tmp_path / "two")
    mirrored(days, tmp_path / "two", at=at)
    one, two = tmp_path / "one", tmp_path / "two"
    assert bytes_below(one) == bytes_below(two)
    times = [{p: mark[1] for p, mark in marks_below(each).items()} for each in (one, two)]
    assert times[0] == times[1]


def test_another_mirror_of_another_time_differs_only_where_the_site_did(days: Path, tmp_path: Path) -> None:
    mirrored(days, tmp_path / "one", at=day(1) + timedelta(hours=2))
    mirrored(days, tmp_path / "two", at=day(2) + timedelta(hours=2))
    one, two = (bytes_below(tmp_path / name) for name in ("one", "two"))
    differing = {
        path for path in one.keys() | two.keys() if path.startswith(HOST) and one.get(path) != two.get(path)
    }
    assert differing == {f"{HOST}/{name}.htm" for name in ("index", "a", "gone", "old", "new")}


# ── bringing it up to date ───────────────────────────────────────────────────────────


def test_where_nothing_changed_nothing_is_touched(store: Path, folder: Path) -> None:
    mirrored(store, folder)
    before = marks_below(folder)
    built = mirrored(store, folder)
    assert not built.is_new
    assert marks_below(folder) == before


def test_what_did_not_change_is_the_same_file(store: Path, folder: Path) -> None:
    mirrored(store, folder)
    before = marks_below(folder)
    lived_on(store, {"/index.htm": page("Other.")}, day(2))
    built = mirrored(store, folder)
    after = marks_below(folder)
    same = {
        path for path in before if before[path][0] == after.get(path, (0,))[0] and (folder / path).is_file()
    }
    assert same == {f"{HOST}/css/a.css", f"{HOST}/css/paper.gif", f"{HOST}/vale/work.htm"}
    assert (built.kept, built.is_new) == (3, True)
    assert "Other." in text(folder, "index.htm")


def lived_on(store: Path, seen: dict[str, Was], at: datetime) -> None:
    from etolwatch.model import PassState
    from publish.mirror.library import keep

    with Store(store) as opened:
        opened.begin_pass([SITE.name], at)
        for path, was in seen.items():
            keep(opened, path, was, at)
        opened.end_pass(PassState.COMPLETE, at + timedelta(hours=1))


def test_a_page_whose_link_now_leads_into_the_mirror_is_written_anew(store: Path, folder: Path) -> None:
    mirrored(store, folder)
    lived_on(store, {"/vale/other.htm": page("Other.")}, day(2))
    mirrored(store, folder)
    assert references(folder / HOST / "vale/work.htm").found == ["../index.htm#n1", "other.htm"]
    assert (folder / HOST / "vale/work.htm").stat().st_mtime == day(2).timestamp()
    assert (folder / HOST / "index.htm").stat().st_mtime == day(1).timestamp()


@pytest.mark.parametrize("damage", ["gone", "other bytes", "a link"])
def test_a_file_that_someone_altered_is_written_again(
    store: Path, folder: Path, damage: str, tmp_path: Path
) -> None:
    mirrored(store, folder)
    before = bytes_below(folder)
    file = folder / HOST / "vale/work.htm"
    file.unlink()
    if damage == "other bytes":
        file.write_bytes(b"altered")
    if damage == "a link":
        (tmp_path / "outside").write_bytes(b"outside")
        file.symlink_to(tmp_path / "outside")
        with pytest.raises(UsageError, match="what is no file"):
            mirrored(store, folder)
        file.unlink()
    mirrored(store, folder)
    assert bytes_below(folder) == before


def test_links_to_folders_are_not_followed(store: Path, folder: Path, tmp_path: Path) -> None:
    mirrored(store, folder)
    (folder / HOST / "vale").rename(tmp_path / "outside")
    (folder / HOST / "vale").symlink_to(tmp_path / "outside")
    before = marks_below(tmp_path / "outside")
    with pytest.raises(UsageError, match="what is no file"):
        mirrored(store, folder)
    assert marks_below(tmp_path / "outside") == before


def test_files_of_others_are_not_lost(store: Path, folder: Path) -> None:
    mirrored(store, folder)
    (folder / HOST / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"not of it.*notes\.txt"):
        mirrored(store, folder)
    assert (folder / HOST / "notes.txt").read_text() == "mine"


def test_what_desktops_leave_in_folders_is_passed_over(store: Path, folder: Path) -> None:
    mirrored(store, folder)
    (folder / HOST / ".DS_Store").write_text("")
    assert not mirrored(store, folder).is_new


def test_where_there_are_no_hard_links_files_are_copied(
    store: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    mirrored(store, folder)
    monkeypatch.setattr(os, "link", refuse)
    lived_on(store, {"/index.htm": page("Other.")}, day(2))
    built = mirrored(store, folder)
    assert built.kept == 3
    assert (folder / HOST / "css/a.css").stat().st_mtime == START.timestamp()


def test_an_option_that_changes_makes_it_anew(store: Path, folder: Path) -> None:
    mirrored(store, folder)
    assert mirrored(store, folder, scripts=True).is_new


# ── what cannot be ───────────────────────────────────────────────────────────────────


def test_a_folder_of_others_is_refused(store: Path, folder: Path) -> None:
    folder.mkdir()
    (folder / "mine").write_text("mine")
    with pytest.raises(UsageError, match="not empty and no mirror"):
        mirrored(store, folder)
    assert list(folder.iterdir()) == [folder / "mine"]


def test_an_empty_folder_will_do(store: Path, folder: Path) -> None:
    folder.mkdir()
    assert mirrored(store, folder).is_new


@pytest.mark.parametrize("place", ["store", "store/warc", "store/new", ".", "store/../store"])
def test_the_store_is_no_place_for_it(store: Path, tmp_path: Path, place: str) -> None:
    with pytest.raises(UsageError, match="store"):
        mirrored(store, tmp_path / place)


def test_a_file_is_no_folder(store: Path, folder: Path) -> None:
    folder.write_text("x")
    with pytest.raises(UsageError, match="no folder"):
        mirrored(store, folder)


def test_an_empty_store_makes_no_mirror(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(MirrorError, match="the store is empty"):
        mirrored(lived(tmp_path / "store"), folder)
    assert not folder.exists()


def test_a_time_before_the_first_capture_makes_none(store: Path, folder: Path) -> None:
    with pytest.raises(UsageError, match="no page was held at 2000-01-01"):
        mirrored(store, folder, at=datetime(2000, 1, 1, tzinfo=UTC))
    assert not folder.exists()


def test_a_damaged_record_is_left_out_and_named(store: Path, folder: Path, tmp_path: Path) -> None:
    with Store.read_only(store) as opened:
        capture = opened.catalog.versions(f"{BASE}/vale/work.htm")[0]
        path = opened.path_of(capture)
    whole = path.read_bytes()
    middle = capture.offset + capture.length // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :])
    for _ in range(2):
        built = mirrored(store, folder)
        assert [(each.uri, each.why.value) for each in built.missing if each.why.value == "damaged"] == [
            (f"{BASE}/vale/work.htm", "damaged")
        ]
        assert not (folder / HOST / "vale").exists()
        assert references(folder / HOST / "index.htm").found[1] == f"{BASE}/vale/work.htm"
        assert broken(folder) == []
    path.write_bytes(whole)
    mirrored(store, folder)
    assert (folder / HOST / "vale/work.htm").exists()


def test_on_a_full_disk_the_old_mirror_stands(
    store: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored(store, folder)
    before = marks_below(folder)
    lived_on(store, {"/index.htm": page("Other.")}, day(2))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "utime", full)
        with pytest.raises(MirrorError, match="No space left on device"):
            mirrored(store, folder)
    after = marks_below(folder)
    assert {path: mark[:2] for path, mark in after.items()} == {
        path: mark[:2] for path, mark in before.items()
    }
    assert sorted(folder.parent.iterdir()) == [folder, store]


def test_two_builds_do_not_meet(store: Path, folder: Path) -> None:
    beside = folder.with_name(f".{folder.name}.building")
    beside.mkdir()
    handle = os.open(beside, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(LockHeld):
            mirrored(store, folder)
    finally:
        os.close(handle)
    assert mirrored(store, folder).is_new
    assert not beside.exists()


def test_what_lies_where_it_is_built_is_not_followed(store: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "mine").write_text("mine")
    folder.with_name(f".{folder.name}.building").symlink_to(tmp_path / "outside")
    with pytest.raises(MirrorError):
        mirrored(store, folder)
    assert (tmp_path / "outside" / "mine").read_text() == "mine"


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from etolwatch.publish.mirror import tree
def swap(self):
    print("built", flush=True)
    import time
    time.sleep(60)
tree.Tree.swap = swap
from publish.mirror.library import mirrored
mirrored(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_a_killed_build_leaves_the_old_mirror_and_hinders_none(store: Path, folder: Path) -> None:
    mirrored(store, folder)
    before = bytes_below(folder)
    lived_on(store, {"/index.htm": page("Other.")}, day(2))
    tests = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", KILLED, str(store), str(folder), str(tests)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "built\n"
        process.send_signal(signal.SIGKILL)
    assert bytes_below(folder) == before
    assert folder.with_name(f".{folder.name}.building").exists()
    mirrored(store, folder)
    assert "Other." in text(folder, "index.htm")
    assert not folder.with_name(f".{folder.name}.building").exists()


def test_there_is_a_whole_mirror_at_every_moment(store: Path, folder: Path) -> None:
    """While one build follows the other, a reader always finds a mirror, and never half of one."""
    mirrored(store, folder)
    watcher = (
        "import sys\nwhile True:\n assert open(sys.argv[1] + '/index.html').read().endswith('</html>\\n')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", watcher, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for number in range(6):
            mirrored(store, folder, scripts=bool(number % 2))
        time.sleep(0.1)
        assert process.poll() is None
        process.kill()


def test_without_an_exchange_in_one_step_two_renames_do(
    store: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Bare:
        def __init__(self, *_: object, **__: object) -> None:
            pass

    mirrored(store, folder)
    monkeypatch.setattr(tree.ctypes, "CDLL", Bare)
    assert mirrored(store, folder, scripts=True).is_new
    assert sorted(folder.parent.iterdir()) == [folder, store]


def test_the_store_is_only_read(store: Path, folder: Path) -> None:
    before = {path: path.read_bytes() for path in (store / "warc").iterdir()}
    mirrored(store, folder)
    assert {path: path.read_bytes() for path in (store / "warc").iterdir()} == before


def test_any_error_has_a_name(store: Path, folder: Path) -> None:
    with Store.read_only(store) as opened, pytest.raises(EtolwatchError):
        make.mirror(opened, [SITE], Path("/"), Wanted())
