"""What pages need beside their texts, kept with them: over a real server on loopback, and from a folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from archive.stores import config_of, rows
from archive.test_store import warc_check
from harvest.loopback import Handler, LoopbackSite, Page, site_of
from test_jobs_harvest import Watcher

from etolwatch import jobs
from etolwatch.archive.store import Store
from etolwatch.archive.verify import verify
from etolwatch.harvest import crawl
from etolwatch.model import Capture, History, Outcome, PassState, Requisite, Site, Verdict
from etolwatch.publish.listing import Status, status
from etolwatch.rereading import reindexed

KINDS = (Requisite.STYLE, Requisite.FRAME, Requisite.IMAGE, Requisite.FONT)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
HEAD = '<link rel="stylesheet" href="/css/doc.css">'


def html(text: str, *links: str, head: str = HEAD, body: str = "") -> Page:
    anchors = "".join(f'<p><a href="{link}">{link}</a></p>' for link in links)
    return Page(f"<html><head>{head}</head><body><p>{text}</p>{anchors}{body}</body></html>".encode())


def css(text: str) -> Page:
    return Page(text.encode(), content_type="text/css")


def picture(body: bytes = PNG) -> Page:
    return Page(body, content_type="image/png")


@pytest.fixture
def web() -> Iterator[LoopbackSite]:
    site = LoopbackSite()
    site.pages |= {
        "/texts/index.htm": html("works", "a.htm", "b.htm", body='<img src="../pics/face.png">'),
        "/texts/a.htm": html("the first text", body='<img src="../pics/face.png" alt="">'),
        "/texts/b.htm": html("the second text"),
        "/css/doc.css": css("@import 'base.css'; h1 { background: url(../pics/line.png) }"),
        "/css/base.css": css("@font-face { font-family: Old; src: url('old.woff') }"),
        "/css/old.woff": Page(b"wOFF" + bytes(40), content_type="font/woff"),
        "/pics/face.png": picture(),
        "/pics/line.png": picture(PNG[:50]),
    }
    yield site
    site.close()


PAGES = ["/texts/index.htm", "/texts/a.htm", "/texts/b.htm"]
NEEDED = ["/css/doc.css", "/pics/face.png", "/css/base.css", "/pics/line.png", "/css/old.woff"]


class Keeper(Watcher):
    """A `Watcher` that looks at what was kept."""

    def capture(self, path: str) -> Capture:
        return self.all_of(path)[-1]

    def all_of(self, path: str) -> list[Capture]:
        with Store.read_only(self.folder) as store:
            return store.catalog.captures(self.base + path)

    def known(self, path: str) -> History | None:
        with Store.read_only(self.folder) as store:
            return store.catalog.history(self.base + path)

    def body(self, path: str) -> bytes:
        with Store.read_only(self.folder) as store:
            return store.payload(store.catalog.capture_at(self.base + path, None)).body

    @property
    def base(self) -> str:
        return self.site.scope[0].removesuffix("/texts/")

    def verdicts(self) -> list[tuple[str, Verdict]]:
        """Judges all that was kept; what was found, by path."""
        with Store(self.folder) as store:
            found = jobs.compare(store, config_of(self.folder), threading.Event())
        return [(finding.uri.removeprefix(self.base), finding.verdict) for finding in found]

    def status(self) -> Status:
        with Store.read_only(self.folder) as store:
            config = replace(config_of(self.folder), sites=(self.site,))
            return status(config, store.catalog, self.clock.at)

    def days_later(self, days: int) -> None:
        self.clock.at += timedelta(days=days)


@pytest.fixture
def keeper(web: LoopbackSite, tmp_path: Path) -> Iterator[Keeper]:
    made = Keeper(tmp_path / "snapshots", wanting(web.base))
    yield made
    for path in (made.folder / "warc").glob("*.warc.gz"):
        warc_check(path)
    assert verify(made.folder).faults == ()
    made.verdicts()
    before = rows(made.folder)
    reindexed(config_of(made.folder), made.clock.at, 0)
    for table, kept in rows(made.folder).items():
        assert kept == before[table], table


def wanting(base: str, **changes: object) -> Site:
    """A site whose scope is /texts/, and that keeps what its pages need."""
    values = {"seeds": (f"{base}/texts/index.htm",), "scope": (f"{base}/texts/",), "requisites": KINDS}
    return site_of(base, **{**values, **changes})


def test_they_come_after_the_pages_and_each_once(keeper: Keeper, web: LoopbackSite) -> None:
    made = keeper.once()
    assert web.asked() == PAGES + NEEDED
    assert (made.state, made.visited, made.captured, made.requisites) == (PassState.COMPLETE, 3, 3, 5)
    assert keeper.body("/pics/face.png") == PNG
    kinds = {path: keeper.capture(path).requisite for path in (*PAGES, *NEEDED)}
    assert kinds == {
        **dict.fromkeys(PAGES),
        "/css/doc.css": Requisite.STYLE,
        "/css/base.css": Requisite.STYLE,
        "/css/old.woff": Requisite.FONT,
        "/pics/face.png": Requisite.IMAGE,
        "/pics/line.png": Requisite.IMAGE,
    }
    base_sheet = keeper.known("/css/base.css")
    assert base_sheet is not None
    assert base_sheet.found_on == keeper.base + "/css/doc.css"


def test_they_are_no_texts(keeper: Keeper) -> None:
    keeper.once()
    assert keeper.verdicts() == [(path, Verdict.FIRST_CAPTURE) for path in PAGES]
    with Store.read_only(keeper.folder) as store:
        sql = "SELECT count(*), count(read_by) FROM capture WHERE requisite IS NOT NULL"
        assert store.catalog._db.execute(sql).fetchone() == (5, 0)


def test_an_unchanged_pass_asks_for_none(keeper: Keeper, web: LoopbackSite) -> None:
    keeper.once()
    web.asked()
    made = keeper.once()
    assert web.asked() == PAGES
    assert (made.unchanged, made.requisites) == (3, 0)


def test_after_a_month_they_are_asked_conditionally(keeper: Keeper, web: LoopbackSite) -> None:
    keeper.once()
    keeper.days_later(29)
    web.asked()
    keeper.once()
    assert set(web.asked()) == set(PAGES)
    keeper.days_later(1)
    made = keeper.once()
    assert {web.statuses()[path] for path in NEEDED} == {304}
    assert (made.requisites, keeper.outcomes("/../pics/face.png")) == (5, [])
    assert [one.outcome for one in keeper.all_of("/pics/face.png")] == [Outcome.NEW, Outcome.UNCHANGED]


def test_they_are_asked_again_where_a_page_changed(keeper: Keeper, web: LoopbackSite) -> None:
    keeper.once()
    keeper.verdicts()
    web.asked()
    web.pages["/texts/a.htm"] = html("the first text, altered", body='<img src="../pics/face.png">')
    web.pages["/pics/face.png"] = picture(PNG + b"another face")
    keeper.once()
    # what else the style sheet names has not changed, as far as its own answer tells
    assert web.asked() == [*PAGES, "/css/doc.css", "/pics/face.png"]
    assert [one.outcome for one in keeper.all_of("/pics/face.png")] == [Outcome.NEW, Outcome.CHANGED]
    assert [path for path, _ in keeper.verdicts()] == ["/texts/a.htm"]
    with Store.read_only(keeper.folder) as store:
        (made, _) = store.catalog.passes()
        assert store.catalog.requisites_changed(made.pass_id) == 1


def test_nothing_is_kept_where_nothing_is_wanted(keeper: Keeper, web: LoopbackSite) -> None:
    keeper.once(replace(keeper.site, requisites=()))
    assert web.asked() == PAGES
    keeper.once(replace(keeper.site, requisites=(Requisite.IMAGE,)))
    assert web.asked() == [*PAGES, "/pics/face.png"]


def test_a_store_made_before_finds_what_its_pages_need(keeper: Keeper, web: LoopbackSite) -> None:
    web.pages["/texts/index.htm"] = html("works", "a.htm", "b.htm", "map.gif")
    web.pages["/texts/map.gif"] = Page(b"GIF89a", content_type="image/gif")
    keeper.once(replace(keeper.site, requisites=()))
    was = keeper.known("/texts/map.gif")
    assert was is not None
    assert (was.last_outcome, was.requisite) == (Outcome.LISTED, None)
    web.asked()
    keeper.once()
    assert set(web.asked()) == {*PAGES, *NEEDED, "/texts/map.gif"}
    assert {status for path, status in web.statuses().items() if path in PAGES} <= {304}
    assert keeper.capture("/texts/map.gif").requisite is Requisite.IMAGE


# ── where they are asked for ─────────────────────────────────────────────────────────


def test_other_hosts_are_asked_only_where_that_was_said(keeper: Keeper, web: LoopbackSite) -> None:
    other = LoopbackSite()
    try:
        other.pages["/robots.txt"] = Page(b"User-agent: *\nDisallow: /no/", content_type="text/plain")
        other.pages |= {"/pics/1.png": picture(), "/no/2.png": picture(), "/3.png": picture()}
        named = "".join(f'<img src="{other.base}{path}">' for path in ("/pics/1.png", "/no/2.png", "/3.png"))
        web.pages["/texts/b.htm"] = html("the second text", body=named)
        keeper.once()
        assert other.log == []
        prefixes = (f"{other.base}/pics/", f"{other.base}/no/")
        keeper.days_later(1)
        made = keeper.once(replace(keeper.site, requisites_from=prefixes))
        assert [path for path, _, _ in other.log] == ["/robots.txt", "/pics/1.png"]
        assert made.state is PassState.COMPLETE
        with Store.read_only(keeper.folder) as store:
            refused = store.catalog.history(f"{other.base}/no/2.png")
        assert refused is not None
        assert refused.last_outcome is Outcome.REFUSED
    finally:
        other.close()


def test_a_host_that_only_has_requisites_is_no_trouble(keeper: Keeper, web: LoopbackSite) -> None:
    other = LoopbackSite()
    other.pages["/robots.txt"] = Page(status=503)
    web.pages["/texts/b.htm"] = html("the second text", body=f'<img src="{other.base}/1.png">')
    made = keeper.once(replace(keeper.site, requisites_from=(f"{other.base}/",)))
    assert (made.state, other.asked()) == (PassState.COMPLETE, [])
    other.close()
    keeper.days_later(1)
    assert keeper.once(replace(keeper.site, requisites_from=(f"{other.base}/",))).state is PassState.COMPLETE
    assert keeper.status().troubles == ()


def test_robots_and_exclude_hold_for_them(keeper: Keeper, web: LoopbackSite) -> None:
    web.pages["/robots.txt"] = Page(b"User-agent: *\nDisallow: /pics/\n", content_type="text/plain")
    made = keeper.once(replace(keeper.site, exclude=(f"{keeper.base}/css/base.css",)))
    assert web.asked() == [*PAGES, "/css/doc.css"]
    assert (made.state, made.failed, made.requisites) == (PassState.COMPLETE, 0, 3)
    assert keeper.known("/css/base.css") is None
    keeper.days_later(1)
    assert keeper.once(replace(keeper.site, exclude=(f"{keeper.base}/css/base.css",))).requisites == 0


def test_the_delay_stands_between_them(keeper: Keeper) -> None:
    keeper.once(replace(keeper.site, delay_s=10.0))
    assert len(keeper.clock.slept) == len(PAGES) + len(NEEDED)  # and robots.txt before all
    assert all(9.9 < slept <= 10 for slept in keeper.clock.slept)


def test_addresses_that_are_none_of_the_web(keeper: Keeper, web: LoopbackSite) -> None:
    body = (
        '<img src="data:image/png;base64,iVBORw0KGgo="><img src=""><img src="#"><img src="file:///etc/passwd">'
        '<img src="javascript:x()"><img src="http://[::1"><img src="//user@127.0.0.1/x.png"><img src="b.htm">'
        '<use href="#drawing"/><p style="background: url(data:,)">'
    )
    web.pages["/texts/a.htm"] = html("the first text", head="", body=body)
    keeper.once()
    assert set(web.asked()) == {*PAGES, *NEEDED}


# ── what answers instead ─────────────────────────────────────────────────────────────


def test_a_picture_that_is_not_there(keeper: Keeper, web: LoopbackSite) -> None:
    del web.pages["/pics/line.png"]
    made = keeper.once()
    assert (made.gone, made.state) == (0, PassState.COMPLETE)
    assert keeper.capture("/pics/line.png").outcome is Outcome.GONE
    assert {verdict for _, verdict in keeper.verdicts()} == {Verdict.FIRST_CAPTURE}
    (site,) = keeper.status().to_dict()["sites"]
    assert site["absent"] == 0
    assert site["requisites"]["unheld"] == {"absent": 1}
    keeper.days_later(1)
    web.asked()
    keeper.once()
    assert web.asked() == PAGES
    del web.pages["/pics/face.png"]
    keeper.days_later(30)
    keeper.once()
    assert keeper.verdicts() == []
    (site,) = keeper.status().to_dict()["sites"]
    assert site["requisites"]["strayed"] == {"gone": 1}
    assert "4 held, 1 absent" in keeper.status().text()


def test_mark_up_in_the_place_of_a_picture(keeper: Keeper, web: LoopbackSite) -> None:
    message = html("not here", "/texts/secret.htm", body='<img src="/pics/more.png">')
    web.pages["/pics/face.png"] = message
    web.pages["/css/base.css"] = message
    keeper.once()
    assert keeper.body("/pics/face.png") == message.body
    assert set(web.asked()) == {*PAGES, *NEEDED} - {"/css/old.woff"}
    assert [path for path, _ in keeper.verdicts()] == PAGES


def test_types_and_sizes_that_are_not_kept(keeper: Keeper, web: LoopbackSite) -> None:
    web.pages["/pics/face.png"] = Page(b"film", content_type="video/mp4")
    web.pages["/pics/line.png"] = picture(bytes(5_001))
    web.pages["/css/old.woff"] = Page(answer=endless)
    made = keeper.once(replace(keeper.site, largest_requisite_bytes=5_000))
    assert (made.state, made.failed) == (PassState.COMPLETE, 0)
    for path in ("/pics/face.png", "/pics/line.png", "/css/old.woff"):
        assert keeper.all_of(path) == [], path
        known = keeper.known(path)
        assert known is not None
        assert known.last_outcome is Outcome.LISTED, path
    assert "3 of a type or size that is not kept" in keeper.status().text()
    web.asked()
    keeper.days_later(2)
    keeper.once(replace(keeper.site, largest_requisite_bytes=5_000))
    assert web.asked() == PAGES


def endless(handler: Handler) -> None:
    """More than is allowed, which was not announced."""
    handler.send_response(200)
    handler.send_header("Content-Type", "font/woff")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(bytes(50_000))
    handler.close_connection = True


def test_redirects_are_followed_on_the_host(keeper: Keeper, web: LoopbackSite) -> None:
    web.pages["/pics/face.png"] = Page(status=301, headers={"Location": "/new/face.png"})
    web.pages["/new/face.png"] = picture()
    web.pages["/pics/line.png"] = Page(status=302, headers={"Location": "http://127.0.0.1:9/line.png"})
    web.pages["/css/old.woff"] = Page(status=302, headers={"Location": "/css/old.woff?1"})
    for n in range(1, 30):
        web.pages[f"/css/old.woff?{n}"] = Page(
            status=302, headers={"Location": f"/css/old.woff?{n + 1}"}, validators=False
        )
    made = keeper.once()
    assert made.state is PassState.COMPLETE
    moved = keeper.capture("/pics/face.png")
    assert (moved.outcome, moved.location) == (Outcome.MOVED, f"{keeper.base}/new/face.png")
    assert keeper.body("/new/face.png") == PNG
    assert keeper.capture("/pics/line.png").outcome is Outcome.MOVED
    assert len([path for path in web.asked() if "woff" in path]) == 3  # its depth was 3 to begin with


def test_style_sheets_that_import_without_end(keeper: Keeper, web: LoopbackSite) -> None:
    web.pages["/css/doc.css"] = css("@import 'trap.css?0';")
    for n in range(50):
        web.pages[f"/css/trap.css?{n}"] = css(f"@import 'trap.css?{n + 1}'; @import 'doc.css';")
    made = keeper.once()
    asked = [path for path in web.asked() if "trap" in path]
    assert asked == [f"/css/trap.css?{n}" for n in range(crawl.DEEPEST - 1)]
    assert made.state is PassState.COMPLETE
    keeper.days_later(31)
    keeper.once()
    assert [path for path in web.asked() if "trap" in path] == asked


def test_pages_with_ever_new_addresses(
    keeper: Keeper, web: LoopbackSite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(crawl, "MOST_REQUISITES", 8)
    for day in range(4):
        named = "".join(f'<img src="/pics/{day}-{n}.png">' for n in range(4))
        web.pages["/texts/b.htm"] = html(f"of day {day}", body=named)
        caplog.clear()
        keeper.once()
    assert len([path for path in web.asked() if path.startswith("/pics/")]) < 20
    assert caplog.text.count("no more are noted") == 1  # of the last pass
    (site,) = keeper.status().to_dict()["sites"]
    assert site["requisites"]["known"] < 15


def test_a_text_that_names_thousands(keeper: Keeper, web: LoopbackSite) -> None:
    web.pages["/css/doc.css"] = css(
        "".join(f"p{n} {{ background: url(/pics/{n}.png) }}" for n in range(2_000))
    )
    keeper.once()
    assert len([path for path in web.asked() if path.startswith("/pics/")]) == 500 + 1


def test_pictures_that_fail_are_no_trouble(keeper: Keeper, web: LoopbackSite) -> None:
    named = "".join(f'<img src="/cgi/{n}.png">' for n in range(9))
    web.pages["/texts/b.htm"] = html("the second text", body=named)
    for n in range(9):
        web.pages[f"/cgi/{n}.png"] = Page(status=503)
    made = keeper.once()
    assert (made.state, made.failed, made.captured) == (PassState.COMPLETE, 0, 3)
    assert len([path for path in set(web.asked()) if path.startswith("/cgi/")]) == 5
    assert keeper.status().troubles == ()
    keeper.once()
    assert len({path for path in web.asked() if path.startswith("/cgi/")}) == 4  # those not asked before


def test_one_that_fails_is_tried_daily_then_monthly(keeper: Keeper, web: LoopbackSite) -> None:
    web.pages["/pics/line.png"] = picture(b"")
    for _ in range(8):
        keeper.once()
        keeper.days_later(1)
    assert [path for path, _, _ in web.log].count("/pics/line.png") == 5
    web.pages["/pics/line.png"] = picture()
    keeper.days_later(30)
    keeper.once()
    assert keeper.capture("/pics/line.png").outcome is Outcome.NEW


# ── pages and requisites ─────────────────────────────────────────────────────────────


def test_a_link_to_a_picture_of_the_site_is_as_good_as_the_picture(keeper: Keeper, web: LoopbackSite) -> None:
    web.pages["/texts/b.htm"] = html("the second text", "scan.jpg", "../pics/other.jpg")
    web.pages["/texts/scan.jpg"] = Page(b"\xff\xd8scan", content_type="image/jpeg")
    keeper.once()
    assert keeper.capture("/texts/scan.jpg").requisite is Requisite.IMAGE
    assert keeper.known("/pics/other.jpg") is None  # linked to, out of the scope, and on no page


def test_a_page_that_is_named_as_a_picture_stays_a_page(keeper: Keeper, web: LoopbackSite) -> None:
    web.pages["/texts/index.htm"] = html("works", "a.htm", body='<img src="b.htm"><img src="hidden">')
    web.pages["/texts/a.htm"] = html("the first text", "b.htm")
    web.pages["/texts/hidden"] = html("an essay that a page calls a picture")
    keeper.once()
    assert keeper.capture("/texts/b.htm").requisite is None
    assert keeper.capture("/texts/hidden").requisite is Requisite.IMAGE
    keeper.verdicts()
    web.pages["/texts/a.htm"] = html("the first text", "b.htm", "hidden")
    keeper.once()
    assert ("/texts/hidden", Verdict.FIRST_CAPTURE) in keeper.verdicts()
    assert [(one.outcome, one.requisite) for one in keeper.all_of("/texts/hidden")] == [
        (Outcome.NEW, Requisite.IMAGE),
        (Outcome.NEW, None),
    ]
    keeper.once()
    assert keeper.capture("/texts/hidden").outcome is Outcome.UNCHANGED


def test_the_link_may_be_found_in_the_same_pass(keeper: Keeper, web: LoopbackSite) -> None:
    web.pages["/texts/index.htm"] = html("works", "a.htm", body='<img src="hidden">')
    web.pages["/texts/a.htm"] = html("the first text", "hidden", "b.htm")
    web.pages["/texts/hidden"] = html("an essay")
    keeper.once()
    assert [(one.outcome, one.requisite) for one in keeper.all_of("/texts/hidden")] == [(Outcome.NEW, None)]


def test_frames(keeper: Keeper, web: LoopbackSite) -> None:
    frames = '<frameset><frame src="b.htm"><frame src="/menu/list.htm"></frameset>'
    web.pages["/texts/a.htm"] = Page(frames.encode())
    web.pages["/menu/list.htm"] = html("the menu", "/menu/other.htm", body='<img src="/pics/menu.png">')
    web.pages["/pics/menu.png"] = picture()
    keeper.once()
    asked = web.asked()
    assert {"/menu/list.htm", "/pics/menu.png"} <= set(asked)
    assert "/menu/other.htm" not in asked
    assert keeper.capture("/texts/b.htm").requisite is None
    assert keeper.capture("/menu/list.htm").requisite is Requisite.FRAME
    assert "/menu/list.htm" not in [path for path, _ in keeper.verdicts()]


def test_a_pdf_of_the_scope_is_a_page_as_ever(keeper: Keeper, web: LoopbackSite) -> None:
    web.pages["/texts/b.htm"] = html("the second text", "book.pdf")
    web.pages["/texts/book.pdf"] = Page(b"%PDF-1.4 nothing", content_type="application/pdf")
    assert keeper.once().captured == 4
    assert keeper.capture("/texts/book.pdf").requisite is None


# ── budget, interruption ─────────────────────────────────────────────────────────────


def test_the_next_pass_goes_on_where_the_budget_ended(keeper: Keeper, web: LoopbackSite) -> None:
    made = keeper.once(replace(keeper.site, budget=6))  # robots.txt is one of them
    assert (made.state, made.visited, made.requisites) == (PassState.PARTIAL, 3, 2)
    assert web.asked() == [*PAGES, "/css/doc.css", "/pics/face.png"]
    assert keeper.once().state is PassState.COMPLETE
    assert [path for path in web.asked() if path not in PAGES] == [
        "/css/base.css",
        "/pics/line.png",
        "/css/old.woff",
    ]


def test_pages_leave_a_tenth_to_what_they_need(keeper: Keeper, web: LoopbackSite) -> None:
    names = [f"{n}.htm" for n in range(60)]
    pictures = "".join(f'<img src="/pics/{n}.png">' for n in range(9))
    web.pages["/texts/index.htm"] = html("works", *names, body=pictures)
    web.pages |= {f"/texts/{name}": html(f"text {name}") for name in names}
    made = keeper.once(replace(keeper.site, budget=30))
    assert made.state is PassState.PARTIAL
    asked = web.asked()
    assert len(asked) == 29
    assert [path for path in asked if not path.startswith("/texts/")] == [
        "/css/doc.css",
        "/pics/0.png",
        "/pics/1.png",
    ]


def test_an_interrupted_pass_goes_on(keeper: Keeper, web: LoopbackSite) -> None:
    def stop_there(handler: Handler) -> None:
        keeper.stop.set()
        handler.send_response(200)
        handler.send_header("Content-Type", "text/css")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    whole = web.pages["/css/doc.css"]
    web.pages["/css/doc.css"] = Page(answer=stop_there)
    assert keeper.once().state is PassState.INTERRUPTED
    keeper.stop.clear()
    web.pages["/css/doc.css"] = whole
    web.asked()
    made = keeper.once()
    assert made.state is PassState.COMPLETE
    assert "/pics/face.png" in web.asked()
    assert made.visited == 3


# ── a folder in place of the site ────────────────────────────────────────────────────


def test_a_folder_is_read_for_them(tmp_path: Path) -> None:
    library = tmp_path / "library"
    for path, text in {
        "texts/index.htm": f'{HEAD}<p>works</p><img src="Face.JPG"><img src="../../../etc/passwd">'
        '<img src="/elsewhere/x.png"><img src="https://www.example.org/out/y.png">',
        "texts/Face.JPG": "jpeg",
        "css/doc.css": "h1 { background: url(none.png) } p { background: url(../texts/large.png) }",
        "texts/large.png": "x" * 999,
        "texts/notes.xyz": "",
    }.items():
        (library / path).parent.mkdir(parents=True, exist_ok=True)
        (library / path).write_text(text)
    base = "https://www.example.org/in"
    site = wanting(base, source=str(library), stands_for=f"{base}/", largest_requisite_bytes=900)
    (library / "texts/index.htm").write_text(
        (library / "texts/index.htm").read_text().replace("/css/", "../css/")
    )
    keeper = Keeper(tmp_path / "snapshots", site)
    made = keeper.once()
    assert (made.state, made.captured, made.requisites) == (PassState.COMPLETE, 1, 4)
    assert keeper.body("/texts/Face.JPG") == b"jpeg"
    assert keeper.capture("/texts/Face.JPG").content_type == "image/jpeg"
    assert keeper.capture("/css/doc.css").content_type == "text/css"
    assert keeper.capture("/css/none.png").outcome is Outcome.GONE
    large = keeper.known("/texts/large.png")
    assert large is not None
    assert large.last_outcome is Outcome.LISTED
    assert verify(keeper.folder).faults == ()
