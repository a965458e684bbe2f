"""The command: what it prints, its exit statuses, and the pages that a mirror says of itself with."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from archive.material import BASE

from etolwatch import cli
from etolwatch.archive.store import Store
from publish.mirror.library import Was, broken, lived, page

CONFIG = f"""
[[site]]
name = "test"
seeds = ["{BASE}/index.htm"]
scope = ["{BASE}/"]
"""
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with config.toml and a store."""
    (tmp_path / "config.toml").write_text(CONFIG)
    seen = {
        "/index.htm": page('<a href="a.htm">a</a> <a href="http://x.example/">x</a>'),
        "/a.htm": page("a"),
        "/no.htm": Was(b"no", status=404),  # never there: it is not missed
        f"/{HOSTILE}.htm": page("h"),
    }
    lived(tmp_path / "snapshots", seen)
    return tmp_path


def run(place: Path, *words: str) -> int:
    return cli.run(["--config", str(place / "config.toml"), "mirror", *words])


def test_the_summary_says_what_was_done(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(place, str(place / "m")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("3 pages and 0 requisites, as of 2 November 2026")
    assert lines[1] == "6 files written, 0 files as before"
    assert lines[2] == f"0 known pages missing, 1 address left absolute: see {place / 'm' / 'colophon.html'}"
    assert lines[3] == f"begin at {place / 'm' / 'index.html'}"
    assert run(place, str(place / "m")) == 0
    assert capsys.readouterr().out.splitlines()[1] == "nothing has changed, nothing was touched"


def test_the_summary_for_programs(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(place, str(place / "m"), "--format", "json", "--site", "test") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["pages"], told["changed"], told["links_not_held"]) == (3, True, 1)
    assert told["missing"] == [
        {"uri": f"{BASE}/no.htm", "why": "absent", "requisite": False, "detail": "status 404"}
    ]
    assert json.loads(Path(told["report"]).read_text())["format"] == "etolwatch mirror report 1"


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["m", "--at", "yesterday"], 2, "no time: yesterday"),
        (["m", "--site", "other"], 2, "no such site: other"),
        (["m", "--gone", "perhaps"], 2, "Invalid value"),
        (["snapshots"], 2, "cannot lie in the store"),
        (["."], 2, "cannot lie in the store"),
        (["m", "--at", "2001-01-01"], 2, "no page was held at 2001-01-01"),
        ([], 2, "Missing argument"),
    ],
)
def test_what_cannot_be_is_named(
    place: Path, words: list[str], status: int, message: str,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(place)
    assert run(place, *words) == status
    assert message in capsys.readouterr().err
    assert not (place / "m").exists()


def test_without_a_store_there_is_nothing_to_mirror(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    assert run(tmp_path, str(tmp_path / "m")) == 1
    assert "the store is empty" in capsys.readouterr().err
    assert not (tmp_path / "snapshots").exists()


def test_a_damaged_capture_is_named_and_the_rest_is_there(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.read_only(place / "snapshots") as store:
        capture = store.catalog.versions(f"{BASE}/a.htm")[0]
        path = store.path_of(capture)
    whole = bytearray(path.read_bytes())
    whole[capture.offset + capture.length // 2] ^= 0xFF
    path.write_bytes(whole)
    assert run(place, str(place / "m")) == 1
    assert f"damaged, left out: {BASE}/a.htm" in capsys.readouterr().out
    assert (place / "m" / "www.example.org" / "index.htm").exists()
    assert "the record is damaged" in (place / "m" / "colophon.html").read_text()


# ── the mirror's own pages ───────────────────────────────────────────────────────────


class Outline(HTMLParser):
    """Tags, and the text of them all."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_colophon_says_what_this_is(place: Path) -> None:
    run(place, str(place / "m"))
    outline = Outline(place / "m" / "colophon.html")
    assert "as of 2 November 2026" in outline.text
    assert f"{BASE}/index.htm, captured 2 November 2026, 04:00 UTC (20261102040000)" in outline.text
    assert "Linked to, but never there 1" in outline.text
    assert f"{BASE}/no.htm" in outline.text
    assert "http://x.example/" in outline.text
    assert outline.text.count("20261102040000") >= 3
    assert broken(place / "m") == []


@pytest.mark.parametrize("name", ["index.html", "colophon.html"])
def test_nothing_runs_on_the_mirrors_own_pages(place: Path, name: str) -> None:
    run(place, str(place / "m"))
    outline = Outline(place / "m" / name)
    assert {"script", "img", "iframe", "form", "link"}.isdisjoint(outline.tags)
    assert "default-src 'none'; style-src 'sha256-" in (place / "m" / name).read_text()


def test_the_entry_leads_to_where_the_site_begins(place: Path) -> None:
    run(place, str(place / "m"))
    found = re.findall(r'<a href="([^"]+)"', (place / "m" / "index.html").read_text())
    assert found == ["www.example.org/index.htm", "colophon.html"]


def test_a_folder_that_was_read_is_not_named(tmp_path: Path) -> None:
    """Who is given a mirror need not know the folders of whoever made it."""
    source = tmp_path / "private"
    source.mkdir()
    (tmp_path / "config.toml").write_text(CONFIG + f'source = "{source}"\nstands_for = "{BASE}/"\n')
    lived(tmp_path / "snapshots", {"/index.htm": page("a")})
    assert run(tmp_path, str(tmp_path / "m")) == 0
    for name in ("index.html", "colophon.html", "mirror.json"):
        assert "private" not in (tmp_path / "m" / name).read_text()


def test_the_summary_counts_what_the_colophon_counts(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(place, str(place / "m"))
    missing = re.search(
        r'#missing">Missing</a> <span class="number">(\d+)', (place / "m/colophon.html").read_text()
    )
    assert missing is not None
    assert f"{missing[1]} known pages missing" in capsys.readouterr().out


def test_a_time_before_the_first_capture_is_a_fault_of_the_question(place: Path) -> None:
    assert run(place, str(place / "m"), "--at", "2001-01-01") == 2
    assert not (place / "m").exists()


def test_the_entry_names_the_site_and_the_page(place: Path) -> None:
    run(place, str(place / "m"))
    entry = (place / "m" / "index.html").read_text()
    assert "<h1>Offline mirror: test</h1>" in entry
    assert ">A page</a>" in entry
    assert f"{BASE}/index.htm" in entry


def test_what_a_killed_build_left_goes_also_where_nothing_changed(place: Path) -> None:
    run(place, str(place / "m"))
    (place / ".m.building" / "www.example.org").mkdir(parents=True)
    (place / ".m.building" / "www.example.org" / "a.htm").write_text("half")
    assert run(place, str(place / "m")) == 0
    assert not (place / ".m.building").exists()
