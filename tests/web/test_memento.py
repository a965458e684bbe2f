"""TimeGate and TimeMap, asked as RFC 7089 says and by clients that are not ours."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from archive.material import BASE

from etolwatch.web import memento
from web.replays import Shelf, at, config_of, serving

PAGE = f"{BASE}/a/page.htm?x=1,2"
START = at("2020-01-01T04:17:09")
CAPTURES = [START + timedelta(days=number * 17, hours=number % 5) for number in range(40)]
HTTP = "%a, %d %b %Y %H:%M:%S GMT"


def needs(*modules: str) -> pytest.MarkDecorator:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)} (make interop)")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page with forty captures, some of them a 404, two in one second; and one with an error."""
    folder = tmp_path_factory.mktemp("memento") / "snapshots"
    with Shelf(folder, START) as shelf:
        for number, when in enumerate(CAPTURES):
            status = 404 if number % 9 == 5 else 200
            shelf.put(PAGE, b"<p>version %d</p>" % (number // 2), when, status)
        shelf.put(PAGE, b"<p>version 20</p>", CAPTURES[-1] + timedelta(milliseconds=7))
        shelf.put(f"{BASE}/errors.htm", b"<p>text</p>", START)
        shelf.put(f"{BASE}/errors.htm", b"<p>error</p>", START + timedelta(days=9), 500)
    with serving(config_of(folder)) as (address, _):
        yield address


def nearest(when: datetime) -> datetime:
    return min(CAPTURES, key=lambda capture: abs(capture - when))


def dates() -> list[datetime]:
    """Fifty: before all, after all, on captures, between them."""
    drawn = random.Random(7089)
    span = int((CAPTURES[-1] - CAPTURES[0]).total_seconds())
    between = [START + timedelta(seconds=drawn.randrange(-span // 4, span * 5 // 4)) for _ in range(42)]
    return [*between, *CAPTURES[::7], START - timedelta(days=9999), CAPTURES[-1] + timedelta(days=999)]


@needs("memento_client")
def test_memento_client_gets_the_right_capture_for_fifty_dates(server: str) -> None:
    from memento_client import MementoClient

    assert len(dates()) == 50
    with MementoClient(timegate_uri=f"{server}/timegate/", check_native_timegate=False) as client:
        client.get_original_uri = lambda uri, **_: uri  # it would ask the page itself, on the web
        for when in dates():
            info = client.get_memento_info(PAGE, when.replace(tzinfo=None))
            closest = info["mementos"]["closest"]
            assert closest["datetime"] == nearest(when).replace(tzinfo=None)
            assert closest["uri"] == [f"{server}/web/{nearest(when):%Y%m%d%H%M%S}/{PAGE}"]
            assert info["mementos"]["first"]["datetime"] == CAPTURES[0].replace(tzinfo=None)
            assert info["mementos"]["last"]["datetime"] == CAPTURES[-1].replace(tzinfo=None)


@pytest.mark.parametrize("when", dates()[::5])
def test_the_timegate_leads_to_the_nearest(server: str, when: datetime) -> None:
    got = httpx.get(f"{server}/timegate/{PAGE}", headers={"Accept-Datetime": when.strftime(HTTP)})
    assert (got.status_code, got.headers["Vary"].lower()) == (302, "accept-datetime")
    assert got.headers["Location"] == f"{server}/web/{nearest(when):%Y%m%d%H%M%S}/{PAGE}"
    assert "Memento-Datetime" not in got.headers
    assert got.links["original"]["url"] == PAGE
    assert got.links["timemap"]["url"] == f"{server}/timemap/link/{PAGE}"
    memento = httpx.get(got.headers["Location"])
    assert memento.headers["Memento-Datetime"] == nearest(when).strftime(HTTP)


def test_without_a_date_the_latest_is_meant(server: str) -> None:
    got = httpx.get(f"{server}/timegate/{PAGE}")
    assert got.headers["Location"] == f"{server}/web/{CAPTURES[-1]:%Y%m%d%H%M%S}/{PAGE}"


def test_a_suspect_capture_is_negotiated_only_where_there_is_no_other(server: str) -> None:
    when = (START + timedelta(days=9)).strftime(HTTP)
    got = httpx.get(f"{server}/timegate/{BASE}/errors.htm", headers={"Accept-Datetime": when})
    assert got.headers["Location"] == f"{server}/web/{START:%Y%m%d%H%M%S}/{BASE}/errors.htm"


def test_what_is_not_held_has_no_timegate_and_no_timemap(server: str) -> None:
    for kind in ("timegate", "timemap/link", "timemap/json"):
        assert httpx.get(f"{server}/{kind}/{BASE}/none.htm").status_code == 404


def test_a_memento_tells_its_neighbours(server: str) -> None:
    got = httpx.get(f"{server}/web/{CAPTURES[3]:%Y%m%d%H%M%S}id_/{PAGE}")
    rels = {rel: link for link in parsed(got.headers["Link"]) for rel in link["rel"].split()}
    assert rels["prev"]["datetime"] == CAPTURES[2].strftime(HTTP)
    assert rels["next"]["datetime"] == CAPTURES[4].strftime(HTTP)
    assert rels["first"]["datetime"] == CAPTURES[0].strftime(HTTP)
    assert rels["last"]["datetime"] == CAPTURES[-1].strftime(HTTP)
    assert rels["timegate"]["url"] == f"{server}/timegate/{PAGE}"
    assert got.headers["Memento-Datetime"] == CAPTURES[3].strftime(HTTP)


def parsed(header: str) -> list[dict[str, str]]:
    from requests.utils import parse_header_links

    return list(parse_header_links(header))


@needs("memento_cli")
def test_memento_cli_reads_the_timemap(server: str) -> None:
    from memento_cli.memento import get_mementos

    found = get_mementos(f"{server}/timemap/link/{PAGE}")
    assert [one.datetime.replace(tzinfo=UTC) for one in found] == CAPTURES
    assert [one.url for one in found] == [f"{server}/web/{when:%Y%m%d%H%M%S}/{PAGE}" for when in CAPTURES]


@needs("memento_cli")
def test_memento_cli_finds_the_timemap_of_a_memento(server: str) -> None:
    from memento_cli.memento import get_timemap_url

    assert (
        get_timemap_url(f"{server}/web/{CAPTURES[0]:%Y%m%d%H%M%S}/{PAGE}") == f"{server}/timemap/link/{PAGE}"
    )


def test_the_timemap_as_json(server: str) -> None:
    found = httpx.get(f"{server}/timemap/json/{PAGE}").json()
    assert found["original_uri"] == PAGE
    assert [one["datetime"] for one in found["mementos"]["list"]] == [
        f"{when:%Y-%m-%dT%H:%M:%SZ}" for when in CAPTURES
    ]
    assert found["mementos"]["last"] == found["mementos"]["list"][-1]
    assert httpx.get(found["mementos"]["first"]["uri"]).status_code == 200


def test_a_long_timemap_comes_in_parts(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memento, "MEMENTOS", 15)
    whole: list[str] = []
    for part in ("", "2/", "3/"):
        got = httpx.get(f"{server}/timemap/link/{part}{PAGE}")
        links = parsed(got.text.strip().replace(",\n", ", "))
        whole += [link["datetime"] for link in links if link["rel"] == "memento"]
        others = [link for link in links if link["rel"] == "timemap"]
        assert len(others) == 2
        for link in others:
            assert link["type"] == "application/link-format"
            assert httpx.get(link["url"]).status_code == 200
    assert whole == [when.strftime(HTTP) for when in CAPTURES]
    assert httpx.get(f"{server}/timemap/link/4/{PAGE}").status_code == 404
    index = httpx.get(f"{server}/timemap/json/2/{PAGE}").json()["timemap_index"]
    assert [entry["uri"] for entry in index] == [
        f"{server}/timemap/json/{PAGE}",
        f"{server}/timemap/json/3/{PAGE}",
    ]


def test_the_store_is_read_only_while_served(server: str, tmp_path: Path) -> None:
    assert httpx.post(f"{server}/timegate/{PAGE}").status_code in (403, 405)
    assert httpx.delete(f"{server}/web/{CAPTURES[0]:%Y%m%d%H%M%S}/{PAGE}").status_code in (403, 405)
