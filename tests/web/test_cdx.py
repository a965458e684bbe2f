"""The index of captures in both dialects, with paging, read by clients that are not ours."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from archive.material import BASE

from etolwatch.archive.cdxj import cdx, cdxj
from etolwatch.archive.export import Selection, entries
from etolwatch.archive.store import Store
from web.replays import Shelf, at, config_of, serving

PAGE = f"{BASE}/a/page.htm"
START = at("2021-01-01T04:17:09")
DAILY = 230


def needs(*modules: str) -> pytest.MarkDecorator:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)} (make interop)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One page captured daily for 230 days, and some that lie beside it."""
    folder = tmp_path_factory.mktemp("cdx") / "snapshots"
    with Shelf(folder, START) as shelf:
        for day in range(DAILY):
            shelf.put(PAGE, b"<p>version %d</p>" % (day // 20), START + timedelta(days=day))
        shelf.put(f"{BASE}/a/Other.htm?b=2&a=1", b"<p>other</p>", START)
        shelf.put(f"{BASE}/a/gone.htm", b"no", START, 404)
        shelf.put(f"{BASE}/a/moved.htm", b"", START, 301, Location=PAGE)
        shelf.put("https://sub.example.org/x.htm", b"<p>sub</p>", START)
        shelf.put("https://example.organic/x.htm", b"<p>another domain</p>", START)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    with serving(config_of(folder)) as (address, _):
        yield address


def ask(server: str, **params: Any) -> httpx.Response:
    return httpx.get(f"{server}/cdx", params=params)


def rows(server: str, **params: Any) -> list[dict[str, str]]:
    got = ask(server, output="json", **params)
    assert got.status_code == 200, got.text
    return [json.loads(line) for line in got.text.splitlines()]


def wayback(server: str, **params: Any) -> list[list[str]]:
    got = httpx.get(f"{server}/cdx/search/cdx", params=params)
    assert got.status_code == 200, got.text
    return [line.split() for line in got.text.splitlines()]


# ── the lines are those of the export ────────────────────────────────────────────────


def test_served_lines_are_those_that_are_exported(server: str, folder: Path) -> None:
    with Store.read_only(folder) as store:
        every = list(entries(store, Selection()))
    assert ask(server, url="example.org", matchType="domain").text.splitlines(keepends=True) == [
        line for line in cdxj(every) if not line.startswith("organic")
    ]
    assert httpx.get(f"{server}/cdx/search/cdx", params={"url": "*.example.org"}).text == "".join(
        line for line in cdx(every) if not line.startswith("organic")
    )


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({"url": PAGE}, DAILY),
        ({"url": "http://EXAMPLE.org/A/page.htm"}, DAILY),  # as SURTs have it
        ({"url": f"{BASE}/a/other.htm?a=1&b=2"}, 1),
        ({"url": f"{BASE}/a/*"}, DAILY + 3),
        ({"url": f"{BASE}/a/", "matchType": "prefix"}, DAILY + 3),
        ({"url": f"{BASE}/a/g", "matchType": "prefix"}, 1),
        ({"url": BASE, "matchType": "host"}, DAILY + 3),
        ({"url": "*.example.org"}, DAILY + 4),
        ({"url": PAGE, "from": "202105", "to": "20210510"}, 10),
        ({"url": PAGE, "to": "2021"}, DAILY),
        ({"url": PAGE, "from": "20210102", "to": "20210101"}, 0),
        ({"url": f"{BASE}/a/*", "filter": "status:404"}, 1),
        ({"url": f"{BASE}/a/*", "filter": "=status:40"}, 0),
        ({"url": f"{BASE}/a/*", "filter": "!=mime:text/html"}, DAILY - 12),
        ({"url": f"{BASE}/a/*", "filter": "~url:.*(gone|moved)"}, 2),
        ({"url": f"{BASE}/a/*", "filter": ["~url:.*(gone|moved)", "!status:404"]}, 1),
        ({"url": PAGE, "limit": 7}, 7),
        ({"url": PAGE, "anything": "else", "allowFuzzy": "true"}, DAILY),
    ],
)
def test_what_is_selected(server: str, params: dict[str, Any], count: int) -> None:
    got = ask(server, **params)
    assert len(got.text.splitlines()) == count if count else got.status_code == 404


def test_pywb_orders(server: str) -> None:
    days = [row["timestamp"] for row in rows(server, url=PAGE)]
    assert days == sorted(days)
    assert [row["timestamp"] for row in rows(server, url=PAGE, sort="reverse", limit=3)] == days[::-1][:3]
    closest = rows(server, url=PAGE, closest="20210301000000", limit=3, fl="timestamp")
    assert closest == [
        {"timestamp": stamp} for stamp in ("20210301041709", "20210228041709", "20210302041709")
    ]


def test_pywb_fields(server: str) -> None:
    (row,) = rows(server, url=PAGE, limit=1, fl="original,statuscode,timestamp")
    assert row == {"url": PAGE, "status": "200", "timestamp": "20210101041709"}
    assert ask(server, url=PAGE, limit=1, output="text", fl="timestamp,redirect").text == "20210101041709 -\n"
    resolved = rows(server, url=PAGE, limit=2, resolveRevisits="true")
    assert [(row["mime"], row["orig.offset"]) for row in resolved] == [
        ("text/html", "-"),
        ("text/html", resolved[0]["offset"]),
    ]


def test_pywb_pages(server: str) -> None:
    assert ask(server, url=f"{BASE}/a/*", showNumPages="true", pageSize=1).json() == {
        "pages": 3,
        "pageSize": 1,
        "blocks": 3,
    }
    whole = ask(server, url=f"{BASE}/a/*").text
    parts = [ask(server, url=f"{BASE}/a/*", page=page, pageSize=1).text for page in range(3)]
    assert "".join(parts) == whole
    assert max(len(part.splitlines()) for part in parts) == 100
    assert ask(server, url=f"{BASE}/a/*", page=3, pageSize=1).status_code == 400


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "url is missing"),
        ({"url": ""}, "url is missing"),
        ({"url": "javascript:alert(1)"}, "url=javascript:alert(1) is wrong"),
        ({"url": PAGE, "limit": "many"}, "limit=many is wrong"),
        ({"url": PAGE, "limit": 0}, "limit=0 is wrong"),
        ({"url": PAGE, "output": "xml"}, "output=xml is wrong"),
        ({"url": PAGE, "matchType": "fuzzy"}, "expected exact, prefix, host, domain"),
        ({"url": PAGE, "sort": "random"}, "sort=random is wrong"),
        ({"url": PAGE, "from": "yesterday"}, "from=yesterday is wrong"),
        ({"url": PAGE, "to": "2021-01-01"}, "to=2021-01-01 is wrong"),
        ({"url": PAGE, "closest": "soon"}, "closest=soon is wrong"),
        ({"url": PAGE, "sort": "closest"}, "closest= is wrong"),
        ({"url": PAGE, "fl": "colour"}, "there is no field colour"),
        ({"url": PAGE, "filter": "~url:("}, None),
        ({"url": PAGE, "filter": "colour:red"}, "there is no field colour"),
        ({"url": PAGE, "filter": "~url:" + "x" * 257}, None),
        ({"url": PAGE, "filter": "~url:(?=x)"}, None),
        ({"url": PAGE, "filter": "~url:((((x{99}){99}){99}){99})"}, None),
        ({"url": PAGE, "filter": ["status:200"] * 17}, "more than 16"),
        ({"url": PAGE, "page": "two"}, "page=two is wrong"),
        ({"url": PAGE, "page": 9}, "the last is 0"),
        ({"url": PAGE, "pageSize": "-1"}, "pageSize=-1 is wrong"),
    ],
)
def test_a_wrong_value_is_refused_with_a_reason(
    server: str, params: dict[str, Any], said: str | None
) -> None:
    for path in ("/cdx", "/cdx/search/cdx"):
        if said is None and path == "/cdx/search/cdx":
            # with ~ before it, it would be no expression there
            params = {**params, "filter": params["filter"].replace("~url", "original")}
        got = httpx.get(server + path, params=params)
        assert got.status_code == 400
        reason = got.json()["message"] if path == "/cdx" else got.text
        assert (said or "filter: ") in reason


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/cdx", "~url:(.|..)*!$"),
        ("/cdx", r"~url:(\w|\W|.)*\t"),
        ("/cdx/search/cdx", "original:((.*)*)*!"),
        ("/cdx/search/cdx", "original:(.+.+)+\t"),
    ],
)
def test_no_expression_keeps_the_server_from_others(server: str, path: str, words: str) -> None:
    """Each needs more steps than there are seconds, where a matcher tries one way after the other."""
    got = httpx.get(server + path, params={"url": "example.org/*", "filter": words}, timeout=50)
    assert got.status_code == (404 if path == "/cdx" else 200)
    assert "example.org/a/" not in got.text


@pytest.mark.parametrize("path", ["/cdx", "/cdx/search/cdx"])
def test_no_page_of_another_site_has_the_index_searched(server: str, path: str) -> None:
    for site in ("cross-site", "same-site"):
        for dest in ("image", "iframe", "empty"):
            headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": dest}
            assert httpx.get(server + path, params={"url": PAGE}, headers=headers).status_code == 403
    for site, dest in (("cross-site", "document"), ("same-origin", "empty"), ("none", "document")):
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": dest}
        assert httpx.get(server + path, params={"url": PAGE}, headers=headers).status_code == 200


# ── the Wayback Machine's dialect ────────────────────────────────────────────────────


def test_wayback_columns_and_json(server: str) -> None:
    (line,) = wayback(server, url=PAGE, limit=1)
    assert line[:5] == ["org,example)/a/page.htm", "20210101041709", PAGE, "text/html", "200"]
    table = httpx.get(f"{server}/cdx/search/cdx", params={"url": PAGE, "output": "json", "limit": 2}).json()
    assert table[0] == ["urlkey", "timestamp", "original", "mimetype", "statuscode", "digest", "length"]
    assert [row[1] for row in table[1:]] == ["20210101041709", "20210102041709"]
    assert table[2][3:5] == ["warc/revisit", "-"]
    none = httpx.get(f"{server}/cdx/search/cdx", params={"url": f"{BASE}/none", "output": "json"})
    assert (none.status_code, none.json()) == (200, [])


def test_wayback_limits(server: str) -> None:
    days = [row[1] for row in wayback(server, url=PAGE)]
    assert [row[1] for row in wayback(server, url=PAGE, limit=-3)] == days[-3:]
    assert [row[1] for row in wayback(server, url=PAGE, limit=2, offset=5)] == days[5:7]
    assert [row[1] for row in wayback(server, url=PAGE, limit=-1, fastLatest="true")] == days[-1:]


def test_wayback_collapses(server: str) -> None:
    assert len(wayback(server, url=PAGE, collapse="digest")) == 12
    assert len(wayback(server, url=PAGE, collapse="timestamp:6")) == 8
    assert len(wayback(server, url=f"{BASE}/*", collapse="urlkey")) == 4
    assert len(wayback(server, url=f"{BASE}/*", collapse=["timestamp:4", "urlkey"])) == 4


def test_wayback_filters_match_the_whole_field(server: str) -> None:
    assert wayback(server, url=f"{BASE}/*", filter="statuscode:4") == []
    assert len(wayback(server, url=f"{BASE}/*", filter="statuscode:4..")) == 1
    assert len(wayback(server, url=f"{BASE}/*", filter="!mimetype:text/html")) == DAILY - 12
    assert len(wayback(server, url=f"{BASE}/*", filter="~urlkey:gone")) == 1


def test_wayback_goes_on_by_resume_key(server: str) -> None:
    whole = wayback(server, url=f"{BASE}/*")
    found: list[list[str]] = []
    key: str | None = ""
    while key is not None:
        params = {
            "url": f"{BASE}/*",
            "limit": 50,
            "showResumeKey": "true",
            **({"resumeKey": key} if key else {}),
        }
        lines = httpx.get(f"{server}/cdx/search/cdx", params=params).text.splitlines()
        key = lines[-1] if "" in lines else None
        found += [line.split() for line in lines[: lines.index("") if key else None]]
    assert found == whole


def test_wayback_counts_pages(server: str) -> None:
    params = {"url": f"{BASE}/*", "showNumPages": "true", "pageSize": 1}
    assert httpx.get(f"{server}/cdx/search/cdx", params=params).text == "3\n"


# ── clients that are not ours ────────────────────────────────────────────────────────


@needs("cdx_toolkit")
def test_cdx_toolkit_reads_page_after_page(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import cdx_toolkit
    from cdx_toolkit import myrequests

    monkeypatch.setitem(myrequests.retry_info, "127.0.0.1", {"next_fetch": 0, "minimum_interval": 0})
    fetcher = cdx_toolkit.CDXFetcher(source=f"{server}/cdx")
    found = list(fetcher.iter(f"{BASE}/a/*", pageSize=1))
    assert [(row["url"], row["timestamp"]) for row in found] == [
        (row["url"], row["timestamp"]) for row in rows(server, url=f"{BASE}/a/*")
    ]
    assert len(fetcher.get(PAGE, limit=5)) == 5
    assert fetcher.get(f"{BASE}/none.htm") == []
    assert len(list(fetcher.iter(f"{BASE}/a/*", filter="=status:404", pageSize=1))) == 1
    assert fetcher.get_size_estimate(f"{BASE}/a/*", as_pages=True, pageSize=1) == 3
    theirs = cdx_toolkit.CDXFetcher(source=f"{server}/cdx/search/cdx")
    assert len(theirs.get(PAGE, limit=9)) == 9


@needs("pywb")
def test_pywb_reads_the_index_as_a_remote_one(server: str) -> None:
    from pywb.warcserver.index.indexsource import RemoteIndexSource

    source = RemoteIndexSource(
        f"{server}/cdx?url={{url}}&closest={{closest}}",
        f"{server}/web/{{timestamp}}id_/{{url}}",
        closest_limit=10,
    )
    found = list(source.load_index({"url": PAGE, "closest": "20210301000000"}))
    assert next(one["timestamp"] for one in found) == "20210301041709"
    assert len(found) == 10
    assert httpx.get(found[0]["load_url"]).status_code == 200


@needs("wayback")
def test_edgis_client_searches_the_served_index(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import wayback
    from wayback import _client

    monkeypatch.setattr(_client, "CDX_SEARCH_URL", f"{server}/cdx/search/cdx")
    session = wayback.WaybackSession(search_calls_per_second=0)
    with wayback.WaybackClient(session) as client:
        found = list(client.search(f"{BASE}/a/*", limit=60))
        assert len(found) == DAILY + 3
        assert {one.statuscode for one in found} == {200, 301, 404}
        digests = [one.digest for one in client.search(PAGE, collapse="digest")]
    assert len(set(digests)) == len(digests) == 12
