"""Any capture as it was: which one an address means, how it is shown, and what is said of it."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from archive.material import BASE
from archive.stores import damaged
from flask.testing import FlaskClient
from werkzeug.security import generate_password_hash
from werkzeug.test import TestResponse

from etolwatch.harvest.past import bring_folder
from etolwatch.model import Capture
from etolwatch.web import replay
from etolwatch.web.app import create_app
from etolwatch.web.guard import Access
from web.replays import HOST, Shelf, at, config_of

DAY = [at(f"2026-11-0{day}T05:00:00") for day in range(1, 8)]
PAGE = f"{BASE}/a/page.htm"
ONE = b"<title>Page</title><body><p>the words of day one</p><p>Last updated on 1 May 2020</p></body></html>"
TWO = ONE.replace(b"words of day one", b"sentences of day two")
HEADERS = {
    "Set_Cookie": "etolwatch=evil; Path=/",
    "Refresh": "0; url=http://evil.example/",
    "Link": "<http://evil.example/>; rel=preload",
    "Strict_Transport_Security": "max-age=9",
    "Service_Worker_Allowed": "/",
    "Clear_Site_Data": '"*"',
    "Content_Disposition": "attachment",
    "Content_Security_Policy": "default-src *",
    "Report_To": "{}",
    "Access_Control_Allow_Origin": "*",
}
PIXEL = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"


def stamp(when: datetime) -> str:
    return f"{when:%Y%m%d%H%M%S}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven days of a small site on which all happens that can."""
    folder = tmp_path_factory.mktemp("replay") / "snapshots"
    with Shelf(folder, DAY[0]) as shelf:
        shelf.put(PAGE, ONE, DAY[0], ETag='"1"')
        shelf.put(f"{BASE}/query?a=1&b=%2Fx", b"<p>first query</p>", DAY[0])
        shelf.put(f"{BASE}/query?a=2", b"<p>second query</p>", DAY[0])
        shelf.put(f"{BASE}/letters?q=caf%C3%A9&x=%26", b"<p>letters</p>", DAY[0])
        shelf.put(f"{BASE}/caf%C3%A9.htm", "<p>Café</p>".encode("cp1252"), DAY[0])
        shelf.put(
            f"{BASE}/packed.htm", gzip.compress(b"<p>packed</p>", mtime=0), DAY[0], Content_Encoding="gzip"
        )
        shelf.put(
            f"{BASE}/links.htm",
            b'<base target="main"><p><a href="a/page.htm#n">a</a> <a href="#n">b</a>'
            b' <a href="links.htm#n">c</a>'
            b' <a href="https://far.example/x?y=1&amp;z=2" target=_blank>d</a>'
            b'<img src="dot.gif"><link rel=stylesheet href="s.css"><iframe src="a/page.htm"></iframe>',
            DAY[0],
        )
        shelf.put(f"{BASE}/dot.gif", PIXEL, DAY[0], Content_Type="image/gif")
        shelf.put(f"{BASE}/dot.gif", PIXEL + b"2", DAY[4], Content_Type="image/gif")
        listed = b'<a href="a/page.htm">in its frame</a> <a href="a/page.htm" target=main>in another</a>'
        shelf.put(f"{BASE}/listed.htm", listed, DAY[0])
        shelf.put(f"{BASE}/late.gif", PIXEL, DAY[4], Content_Type="image/gif")
        shelf.put(f"{BASE}/s.css", b"p { background: url(dot.gif) }", DAY[0], Content_Type="text/css")
        shelf.put(f"{BASE}/code.js", b"alert(1)", DAY[0], Content_Type="application/javascript")
        shelf.put(f"{BASE}/book.pdf", b"%PDF-1.4", DAY[0], Content_Type="application/pdf")
        shelf.put(f"{BASE}/draw.svg", b"<svg/>", DAY[0], Content_Type="image/svg+xml")
        shelf.put(f"{BASE}/plain.txt", b"plain words", DAY[0], Content_Type="text/plain")
        shelf.put(
            f"{BASE}/stub.htm", b'<meta http-equiv=refresh content="0;url=a/page.htm"><p>Moved.', DAY[0]
        )
        shelf.put(
            f"{BASE}/headers.htm",
            b"<p>text</p>",
            DAY[0],
            Set_Cookie="etolwatch=evil; Path=/",
            Refresh="0; url=http://evil.example/",
            Link="<http://evil.example/>; rel=preload",
            Strict_Transport_Security="max-age=9",
            Service_Worker_Allowed="/",
            Clear_Site_Data='"*"',
            Content_Disposition="attachment",
            Content_Security_Policy="default-src *",
            Report_To="{}",
            Access_Control_Allow_Origin="*",
        )
        shelf.put(PAGE, b"", DAY[1], 304, ETag='"1"')
        shelf.put(PAGE, TWO, DAY[2], ETag='"2"')
        shelf.put(PAGE, b"<h1>Gone away</h1>", DAY[3], 404)
        shelf.put(PAGE, b"", DAY[4], 301, Location=f"{BASE}/new/page.htm")
        shelf.put(PAGE, b"<h1>Overloaded</h1>", DAY[5], 503)
        shelf.put(PAGE, TWO[:60], DAY[6], cut=True)
        shelf.put(f"{BASE}/new/page.htm", TWO, DAY[4])
        shelf.put(f"{BASE}/twice.htm", b"<p>earlier in the second</p>", DAY[0])
        shelf.put(f"{BASE}/twice.htm", b"<p>later in the second</p>", DAY[0] + timedelta(milliseconds=300))
        shelf.put(f"{BASE}/lost.htm", b"<p>this will be lost</p>", DAY[0])
    return folder


@pytest.fixture
def client(folder: Path) -> Iterator[FlaskClient]:
    with create_app(config_of(folder), Access()).test_client() as client:
        yield client


def get(client: FlaskClient, path: str, **headers: str) -> TestResponse:
    return client.get(
        path, headers={**HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
    )


def shown(client: FlaskClient, when: datetime, uri: str = PAGE, flag: str = "") -> TestResponse:
    return get(client, f"/web/{stamp(when)}{flag}/{uri}")


def test_a_very_large_page_is_offered_as_it_was_sent(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "MOST_REWRITTEN", len(ONE))
    assert b"the words of day one" in shown(client, DAY[0], flag="if_").data
    monkeypatch.setattr(replay, "MOST_REWRITTEN", len(ONE) - 1)
    sent = f"/web/{stamp(DAY[0])}id_/{PAGE}"
    for flag in ("if_", "im_", "oe_"):
        got = shown(client, DAY[0], flag=flag)
        assert got.status_code == 501
        assert got.mimetype == "text/plain"
        assert sent in got.text
    banner = shown(client, DAY[0])
    assert banner.status_code == 200
    assert "A very large page" in banner.text
    assert f'<a href="{sent}">the bytes as sent</a>' in banner.text
    assert "<iframe" not in banner.text
    assert get(client, sent).data == ONE
    monkeypatch.setattr(replay, "MOST_REWRITTEN", 1)
    assert shown(client, DAY[0], f"{BASE}/s.css", "cs_").status_code == 501
    assert shown(client, DAY[0], f"{BASE}/dot.gif", "im_").data == PIXEL


@pytest.mark.parametrize(
    ("asked", "held"),
    [  # a page of windows-1252 has its query in that, which was once escaped as UTF-8
        ("letters?q=caf%E9&x=%26", "letters?q=caf%C3%A9&x=%26"),
        ("a%5Cpage.htm", None),
        ("a\\page.htm", "a/page.htm"),
    ],
)
def test_other_ways_to_write_an_address(client: FlaskClient, asked: str, held: str | None) -> None:
    got = client.get(f"/web/{stamp(DAY[0])}/{BASE}/{asked}", headers=HOST)
    if held is None:
        assert got.status_code == 404
    elif got.status_code == 302:
        assert got.headers["Location"] == f"/web/{stamp(DAY[0])}/{BASE}/{held}"
    else:
        assert f"{BASE}/{held}" in got.text


# ── which capture is meant ───────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        (stamp(DAY[0] + timedelta(hours=5)), DAY[0]),
        (stamp(DAY[0] + timedelta(hours=13)), DAY[1]),
        ("19990101000000", DAY[0]),
        ("20261103", DAY[3]),  # the end of the third is nearer to the fourth
        ("2026110305", DAY[2]),
        ("", DAY[4]),  # the last that is no suspect
        ("2099", DAY[4]),
    ],
)
def test_another_time_leads_to_the_nearest_capture(client: FlaskClient, asked: str, meant: datetime) -> None:
    got = get(client, f"/web/{asked}/{PAGE}" if asked else f"/web/{PAGE}")
    assert (got.status_code, got.headers["Location"]) == (302, f"/web/{stamp(meant)}/{PAGE}")
    if asked:
        raw = get(client, f"/web/{asked}id_/{PAGE}")
        assert raw.headers["Location"] == f"/web/{stamp(meant)}id_/{PAGE}"


@pytest.mark.parametrize(
    "written",
    [
        PAGE.replace("https://", "http://"),
        PAGE.replace("https://", "https:/"),  # a proxy has made one slash of two
        PAGE.replace("https://www.", ""),
        PAGE.replace("https://", "HTTPS://"),
        PAGE.replace("page.htm", "%70age.htm"),
        PAGE.replace("/a/", "/b/../a/"),
        PAGE.replace("www.example.org", "www.example.org:443"),
    ],
)
def test_an_address_may_be_written_otherwise(client: FlaskClient, written: str) -> None:
    got = get(client, f"/web/{stamp(DAY[2])}/{written}")
    if got.status_code == 302:
        assert got.headers["Location"] == f"/web/{stamp(DAY[2])}/{PAGE}"
        got = get(client, got.headers["Location"])
    assert got.status_code == 200
    assert PAGE in got.text


def test_the_query_belongs_to_the_page(client: FlaskClient) -> None:
    first, second = f"{BASE}/query?a=1&b=%2Fx", f"{BASE}/query?a=2"
    assert shown(client, DAY[0], first, "id_").data == b"<p>first query</p>"
    assert shown(client, DAY[0], second, "id_").data == b"<p>second query</p>"
    assert shown(client, DAY[0], f"{BASE}/query").status_code == 404
    assert shown(client, DAY[0], f"{BASE}/query?a=1&b=/x").status_code == 404  # “/” and “%2F” are two


def test_two_captures_in_one_second_can_both_be_seen(client: FlaskClient) -> None:
    uri = f"{BASE}/twice.htm"
    page = shown(client, DAY[0], uri)
    assert shown(client, DAY[0], uri, "id_").data == b"<p>later in the second</p>"
    other = f"/web/{stamp(DAY[0])}000000/{uri}"
    assert "2 captures in this second" in page.text
    assert f'href="{other}"' in page.text
    assert get(client, other.replace("000000/", "000000id_/")).data == b"<p>earlier in the second</p>"


def test_a_page_that_is_not_held_is_said_to_be_so(client: FlaskClient) -> None:
    got = shown(client, DAY[0], "https://far.example/x?y=1")
    assert got.status_code == 404
    assert "No capture of this page is held" in got.text
    for link in re.findall(r"<a href=\"https://[^>]*>", got.text):
        assert 'rel="noreferrer noopener' in link
    assert 'href="https://web.archive.org/web/*/https://far.example/x?y=1"' in got.text
    small = shown(client, DAY[0], f"{BASE}/none.gif", "im_")
    assert (small.status_code, small.mimetype) == (404, "text/plain")


@pytest.mark.parametrize(
    "digits", ["20261399000000", "00000000000000", "123", "99999999999999999999", "20260230"]
)
def test_what_is_no_time_is_refused(client: FlaskClient, digits: str) -> None:
    assert get(client, f"/web/{digits}/{PAGE}").status_code == 400


# ── how it is shown ──────────────────────────────────────────────────────────────────


def test_the_banner_tells_what_is_seen(client: FlaskClient) -> None:
    text = shown(client, DAY[2]).text
    assert "3 November 2026, 05:00:00 UTC" in text
    assert f'rel="prev" href="/web/{stamp(DAY[1])}/{PAGE}"' in text
    assert f'rel="next" href="/web/{stamp(DAY[3])}/{PAGE}"' in text
    assert f'href="/finding/{stamp(DAY[2])}/{PAGE}">Silent edit' in text
    assert f'href="/text/{stamp(DAY[2])}/{PAGE}"' in text
    assert f'href="/web/*/{PAGE}"' in text
    assert f'<iframe src="/web/{stamp(DAY[2])}if_/{PAGE}"' in text
    assert "the words of" not in text  # nothing captured stands in our own page


def test_a_304_shows_the_text_that_it_confirms(client: FlaskClient) -> None:
    assert f'The same text as on <a href="/web/{stamp(DAY[0])}/{PAGE}">' in shown(client, DAY[1]).text
    assert shown(client, DAY[1], flag="id_").data == ONE
    assert shown(client, DAY[1], flag="if_").status_code == 200


def test_a_page_that_was_gone_is_shown_as_gone(client: FlaskClient) -> None:
    got = shown(client, DAY[3])
    assert got.status_code == 404
    assert got.headers["Memento-Datetime"]
    assert "The server answered <strong>404 Not Found</strong>" in got.text
    assert "<iframe" in got.text
    assert b"Gone away" in shown(client, DAY[3], flag="if_").data


def test_a_redirect_is_shown_with_its_target_in_the_replay(client: FlaskClient) -> None:
    got = shown(client, DAY[4])
    assert got.status_code == 200
    assert f'<a href="/web/{stamp(DAY[4])}/{BASE}/new/page.htm">{BASE}/new/page.htm</a>' in got.text
    assert "<iframe" not in got.text
    for flag in ("if_", "id_"):  # followed within the replay, never out of it
        got = shown(client, DAY[4], flag=flag)
        assert (got.status_code, got.headers["Location"]) in [
            (301, f"/web/{stamp(DAY[4])}{flag}/{BASE}/new/page.htm")
        ]


def test_an_error_and_a_torn_answer_are_shown_as_suspect(client: FlaskClient) -> None:
    error = shown(client, DAY[5])
    assert error.status_code == 503
    assert "503 Service Unavailable" in error.text
    assert "A suspect capture" in error.text
    assert "The answer was cut off" in shown(client, DAY[6]).text
    assert TWO.startswith(shown(client, DAY[6], flag="id_").data)


def test_a_damaged_record_gives_a_page_and_no_error(client: FlaskClient, folder: Path) -> None:
    uri = f"{BASE}/lost.htm"
    from etolwatch.archive.store import Store

    with Store.read_only(folder) as store:
        (capture,) = store.catalog.captures(uri)
        path = store.path_of(capture)

    def flipped(whole: bytes) -> bytes:
        place = capture.offset + capture.length - 20
        return whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :]

    for damage in (flipped, lambda whole: whole[: capture.offset + 10]):
        with damaged(path, damage):
            page = shown(client, DAY[0], uri)
            assert page.status_code == 200
            assert "This capture cannot be read" in page.text
            assert "<iframe" not in page.text
            for flag in ("if_", "id_", "im_"):
                assert shown(client, DAY[0], uri, flag).status_code == 404
            assert get(client, f"/text/{stamp(DAY[0])}/{uri}").status_code == 200
    assert shown(client, DAY[0], uri, "id_").data == b"<p>this will be lost</p>"


def test_what_others_captured_is_marked(folder: Path, tmp_path: Path) -> None:
    from etolwatch.archive.store import Store
    from web.replays import SITE

    saved = tmp_path / "mirror"
    saved.mkdir()
    (saved / "old.htm").write_bytes(b"<p>saved long ago</p>")
    with Store(tmp_path / "snapshots") as store:
        bring_folder(store, [SITE], saved, f"{BASE}/", DAY[0], at("2001-02-03T04:05:06"))
    with create_app(config_of(tmp_path / "snapshots"), Access()).test_client() as client:
        got = get(client, f"/web/20010203040506/{BASE}/old.htm")
        assert "imported from" in got.text
        assert "imported" in get(client, f"/web/*/{BASE}/old.htm").text


def test_a_page_that_sends_its_readers_on_says_where(client: FlaskClient) -> None:
    text = shown(client, DAY[0], f"{BASE}/stub.htm").text
    assert f'sends its readers on to <a href="/web/{stamp(DAY[0])}/{PAGE}">' in text
    assert b"http-equiv=refresh" not in shown(client, DAY[0], f"{BASE}/stub.htm", "if_").data


# ── links and what a page needs ──────────────────────────────────────────────────────


def test_links_lead_into_the_replay_and_open_in_the_whole_window(client: FlaskClient) -> None:
    body = shown(client, DAY[0], f"{BASE}/links.htm", "if_").text
    here = f"/web/{stamp(DAY[0])}"
    assert f'<a target="_top" href="{here}/{PAGE}#n">' in body
    assert '<a target="_self" href="#n">b' in body
    assert '<a target="_self" href="#n">c' in body
    assert f'<a target="_top" href="{here}/https://far.example/x?y=1&amp;z=2"' in body
    assert f'<img src="{here}im_/{BASE}/dot.gif">' in body
    assert f'href="{here}cs_/{BASE}/s.css"' in body
    assert f'<iframe src="{here}if_/{PAGE}">' in body


def test_in_a_frameset_links_go_where_they_went(client: FlaskClient) -> None:
    got = get(client, f"/web/{stamp(DAY[0])}if_/{BASE}/links.htm", Sec_Fetch_Dest="frame")
    assert (
        f'<a target="_top" href="/web/{stamp(DAY[0])}/{PAGE}#n">' in got.text
    )  # its base names another frame
    assert got.headers["Vary"] == "Sec-Fetch-Dest"
    got = get(client, f"/web/{stamp(DAY[0])}if_/{BASE}/listed.htm", Sec_Fetch_Dest="frame")
    assert f'<a href="/web/{stamp(DAY[0])}/{PAGE}">' in got.text
    assert f'<a target="_top" href="/web/{stamp(DAY[0])}/{PAGE}" target=main>' in got.text
    framed = get(client, f"/web/{stamp(DAY[0])}/{PAGE}", Sec_Fetch_Dest="frame")
    assert framed.headers["Location"] == f"/web/{stamp(DAY[0])}if_/{PAGE}"


def test_what_a_page_needs_is_that_of_its_time(client: FlaskClient) -> None:
    assert shown(client, DAY[3], f"{BASE}/dot.gif", "im_").data == PIXEL  # the last before
    assert shown(client, DAY[5], f"{BASE}/dot.gif", "im_").data == PIXEL + b"2"
    assert shown(client, DAY[0], f"{BASE}/late.gif", "im_").data == PIXEL  # else the first after
    sheet = shown(client, DAY[0], f"{BASE}/s.css", "cs_")
    assert sheet.mimetype == "text/css"
    assert f"url(/web/{stamp(DAY[0])}im_/{BASE}/dot.gif)" in sheet.text


def test_a_range_of_a_film_can_be_asked_for(client: FlaskClient) -> None:
    got = get(client, f"/web/{stamp(DAY[0])}im_/{BASE}/dot.gif", Range="bytes=0-5")
    assert (got.status_code, got.data) == (206, PIXEL[:6])


# ── what leaves this server ──────────────────────────────────────────────────────────


def test_bytes_as_captured(client: FlaskClient) -> None:
    raw = shown(client, DAY[0], f"{BASE}/caf%C3%A9.htm", "id_")
    assert raw.data == "<p>Café</p>".encode("cp1252")
    assert raw.headers["Content-Type"] == "text/html"
    assert raw.headers["Content-Disposition"].startswith("attachment;")
    packed = shown(client, DAY[0], f"{BASE}/packed.htm", "id_")
    assert (packed.data, "Content-Encoding" in packed.headers) == (b"<p>packed</p>", False)


def test_the_charset_is_the_one_by_which_the_text_is_read(client: FlaskClient) -> None:
    got = shown(client, DAY[0], f"{BASE}/caf%C3%A9.htm", "if_")
    assert got.headers["Content-Type"] == "text/html; charset=windows-1252"
    assert "Café" in got.data.decode("cp1252")


@pytest.mark.parametrize("flag", ["", "if_", "id_", "im_"])
def test_captured_headers_are_never_passed_on(client: FlaskClient, flag: str) -> None:
    got = shown(client, DAY[0], f"{BASE}/headers.htm", flag)
    assert got.status_code == 200
    for name in ("Set-Cookie", "Refresh", "Strict-Transport-Security", "Service-Worker-Allowed"):
        assert name not in got.headers
    for name in ("Clear-Site-Data", "Report-To", "Access-Control-Allow-Origin"):
        assert name not in got.headers
    assert "evil" not in str(got.headers)
    assert "default-src 'none'" in got.headers["Content-Security-Policy"]


def test_captured_bodies_are_sandboxed_and_load_only_captures(client: FlaskClient) -> None:
    for flag, uri in (("if_", PAGE), ("id_", PAGE), ("im_", f"{BASE}/dot.gif"), ("", f"{BASE}/book.pdf")):
        headers = shown(client, DAY[0], uri, flag).headers
        policy = dict(
            part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";")
        )
        assert "allow-scripts" not in policy["sandbox"]
        assert "allow-same-origin" not in policy["sandbox"]
        assert policy["default-src"] == policy["form-action"] == policy["base-uri"] == "'none'"
        assert policy["frame-src"] == "http://localhost/web/"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "script-src" not in policy


@pytest.mark.parametrize(
    ("name", "content_type", "is_file"),
    [
        ("book.pdf", "application/pdf", True),
        ("draw.svg", "image/svg+xml", True),
        ("code.js", "text/plain; charset=windows-1252", False),
        ("dot.gif", "image/gif", False),
        ("plain.txt", "text/plain; charset=windows-1252", False),
    ],
)
def test_nothing_is_served_as_what_could_run(
    client: FlaskClient, name: str, content_type: str, is_file: bool
) -> None:
    for flag in ("if_", "js_", "oe_"):
        got = shown(client, DAY[0], f"{BASE}/{name}", flag)
        assert got.headers["Content-Type"] == content_type
        assert ("Content-Disposition" in got.headers) is is_file
    assert "script" not in shown(client, DAY[0], f"{BASE}/{name}", "id_").headers["Content-Type"]


@pytest.mark.parametrize("dest", ["script", "worker", "sharedworker", "serviceworker", "audioworklet"])
def test_what_would_run_a_capture_gets_none(client: FlaskClient, dest: str) -> None:
    path = f"/web/{stamp(DAY[0])}js_/{BASE}/code.js"
    assert get(client, path, Sec_Fetch_Dest=dest).status_code == 403
    assert get(client, path, Service_Worker="script").status_code == 403


def test_behind_a_password_a_page_gets_its_pictures_by_a_key(folder: Path) -> None:
    access = Access(password_hash=generate_password_hash("a long password"))
    app = create_app(config_of(folder), access)
    with app.test_client() as client:
        assert shown(client, DAY[0]).status_code == 401
        with client.session_transaction(base_url="http://localhost") as session:
            session["known"] = app.extensions["etolwatch.guard"].sessions.begin(datetime.now(UTC))
        body = shown(client, DAY[0], f"{BASE}/links.htm", "if_")
        (picture,) = re.findall(r'<img src="([^"]+)"', body.text)
        assert f"http://localhost/~{access.key}/web/" in body.headers["Content-Security-Policy"]
        (link,) = re.findall(r'href="([^"]+page.htm)#n"', body.text)
    with create_app(config_of(folder), access).test_client() as stranger:
        assert get(stranger, picture).data == PIXEL
        assert get(stranger, picture.replace(access.key, "0" * 32)).status_code in (401, 404)
        assert get(stranger, picture.partition("/web/")[0] + "/").status_code in (401, 404)
        through = get(stranger, link)  # a page of ours that leads on, from which the session is shown again
        assert through.status_code == 200
        assert f'content="0; url=/web/{stamp(DAY[0])}/{PAGE}"' in through.text
        assert access.key not in through.text


def test_a_page_of_a_mirror_is_replayed_under_the_address_of_the_site(tmp_path: Path) -> None:
    from dataclasses import replace

    from archive.material import SITE

    site = replace(SITE, source="http://mirror.example/copy/", stands_for=f"{BASE}/")
    with Shelf(tmp_path / "snapshots", DAY[0], site) as shelf:
        capture: Capture = shelf.put(f"{BASE}/m.htm", b"<p>from a mirror</p>", DAY[0])
    assert capture.uri == f"{BASE}/m.htm"
    with create_app(config_of(tmp_path / "snapshots", site), Access()).test_client() as client:
        got = get(client, f"/web/{stamp(DAY[0])}/http://mirror.example/copy/m.htm")
        assert got.headers["Location"] == f"/web/{stamp(DAY[0])}/{BASE}/m.htm"
