"""The commands as a user meets them: what they print, and with which status they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from etolwatch import __version__, config
from etolwatch.archive.store import Store
from etolwatch.commands import frame

from .conftest import Commands, Library, page, write_config

COMMANDS = "init check run status log show diff report compare collate blame".split()
SILENT = "The keepers placed some of their lamps upon the wall."


def edit(library: Library, text: str = SILENT, date: str = "11.10.2011") -> None:
    library.pages["/penhale/lamps.htm"] = page("Lamps", text, date=date)


# ── help ──


def test_help_names_every_command(run: Commands) -> None:
    done = run("--help")
    assert done.status == 0
    listed = [line.split()[0] for line in done.out.partition("Commands:")[2].splitlines() if line.strip()]
    assert listed[: len(COMMANDS)] == COMMANDS
    assert {"demo", "completion"} <= set(listed)
    assert "..." not in done.out.partition("Commands:")[2]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(run: Commands, command: str) -> None:
    done = run(command, "--help")
    assert done.status == 0
    assert "Example" in done.out
    assert f"etolwatch {command}" in done.out.partition("Example")[2]


def test_version(run: Commands) -> None:
    assert run("--version").out == f"etolwatch {__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(run: Commands, shell: str) -> None:
    done = run("completion", shell)
    assert done.status == 0
    assert "_ETOLWATCH_COMPLETE" in done.out


def test_help_imports_little() -> None:
    code = "import sys; from etolwatch import cli; cli.run(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"httpx", "bs4", "lxml", "warcio", "rich", "apscheduler", "jinja2", "sqlite3"}
    assert not heavy & set(done.stderr.split())


# ── usage ──


@pytest.mark.parametrize(
    "words", [("chek",), ("check", "--formt", "json"), ("report", "--format", "pdf"), ("log",), ("init", "x")]
)
def test_wrong_usage_is_2(watched: Commands, words: tuple[str, ...]) -> None:
    done = watched(*words)
    assert done.status == 2
    assert done.out == ""
    assert "Usage" in done.err


def test_no_configuration(run: Commands) -> None:
    done = run("check")
    assert done.status == 2
    assert "config.toml" in done.err
    assert "etolwatch init" in done.err


def test_a_wrong_key_starts_nothing(watched: Commands, library: Library) -> None:
    write_config(watched.folder, library.address, "dealy_s = 1")
    done = watched("check")
    assert done.status == 2
    assert "site[0].dealy_s" in done.err
    assert "did you mean delay_s?" in done.err
    assert library.asked == []
    assert not (watched.folder / "snapshots").exists()


@pytest.mark.parametrize("command", ["check", "run"])
def test_no_stranger_is_asked_without_a_contact(run: Commands, command: str) -> None:
    (run.folder / "config.toml").write_text(
        '[[site]]\nname = "a"\nseeds = ["https://library.example/a.htm"]\n'
    )
    done = run(command)
    assert done.status == 2
    assert "contact is not set" in done.err
    assert 'contact = "you@example.org"' in done.err
    assert not (run.folder / "snapshots").exists()


def test_the_config_option_may_stand_before_and_after(
    watched: Commands, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = Commands(tmp_path_factory.mktemp("elsewhere"), watched.capsys)
    path = str(watched.folder / "config.toml")
    assert elsewhere("--config", path, "status").status == 0
    assert elsewhere("status", "--config", path).status == 0
    assert elsewhere("status").status == 2


def test_an_unknown_site(watched: Commands) -> None:
    done = watched("check", "pensance")
    assert done.status == 2
    assert "pensance" in done.err
    assert "penhale" in done.err


# ── init ──


def test_init_makes_a_folder_that_can_be_watched(run: Commands, library: Library) -> None:
    done = run("init", "mine", "--seed", f"{library.address}penhale/index.htm", "--delay", "0")
    assert done.status == 0
    made = config.load(run.folder / "mine" / "config.toml")
    assert made.sites[0].name == "penhale"
    assert made.sites[0].scope == (f"{library.address}penhale/",)
    assert made.sites[0].delay_s == 0
    assert made.contact is None
    assert made.store.is_dir()
    assert run("check", "--config", "mine/config.toml").status == 0


def test_init_takes_all_that_it_is_told(run: Commands) -> None:
    words = (
        "--seed",
        "https://h.example/a/1.htm",
        "--seed",
        "https://h.example/b/2.htm",
        "--scope",
        "https://h.example/",
    )
    done = run("init", ".", *words, "--contact", "me@h.example")
    assert done.status == 0
    made = config.load(run.folder / "config.toml")
    assert made.sites[0].seeds == ("https://h.example/a/1.htm", "https://h.example/b/2.htm")
    assert made.sites[0].scope == ("https://h.example/",)
    assert made.sites[0].delay_s == 10
    assert made.sites[0].profile == "generic"
    assert made.contact == "me@h.example"


def test_init_writes_over_nothing(watched: Commands) -> None:
    before = (watched.folder / "config.toml").read_text()
    done = watched("init", ".", "--seed", "https://h.example/")
    assert done.status == 2
    assert (watched.folder / "config.toml").read_text() == before


@pytest.mark.parametrize(
    ("option", "words"),
    [("--seed", ("--seed", "h.example")), ("--contact", ("--seed", "https://h.example/", "--contact", "x"))],
)
def test_init_leaves_nothing_behind_a_wrong_option(
    run: Commands, option: str, words: tuple[str, ...]
) -> None:
    done = run("init", "mine", *words)
    assert done.status == 2
    assert f"nothing written: {option}: " in done.err
    assert list(run.folder.iterdir()) == []


# ── check ──


def test_a_first_pass_is_a_summary(watched: Commands) -> None:
    done = watched("check")
    assert done.status == 0
    first, absent = done.out.splitlines()
    assert first == "3 pages captured for the first time."
    assert absent.startswith("1 page below http://127.0.0.1:")
    assert absent.endswith("/penhale/ is listed and absent: lost.htm.")


def test_a_pass_without_news_prints_nothing(watched: Commands) -> None:
    watched("check")
    done = watched("check")
    assert (done.status, done.out, done.err) == (0, "", "")


def test_other_bytes_alone_are_no_news_for_cron(watched: Commands, library: Library) -> None:
    watched("check")
    library.pages["/penhale/lamps.htm"] += "<!-- saved again -->"
    assert watched("check").out == ""
    assert "1 page with other bytes and the same text." in watched("report").out


def test_a_pass_ended_by_a_signal_says_so(watched: Commands, library: Library) -> None:
    path = watched.folder / "config.toml"
    path.write_text(path.read_text().replace("delay_s = 0", "delay_s = 3600"))
    process = subprocess.Popen(
        [sys.executable, "-m", "etolwatch", "check"],
        cwd=watched.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert library.was_asked.wait(60)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 4
    assert "interrupted after" in err
    assert err.count("\n") == 1


def test_a_silent_edit_is_reported_with_its_word(watched: Commands, library: Library) -> None:
    watched("check")
    edit(library)
    done = watched("check", "--fail-on-change")
    assert done.status == 3
    assert "Silent edits (1)" in done.out
    assert "some of [-the-]{+their+} lamps upon" in done.out
    assert "“Last updated” still 11.10.2011" in done.out
    _, report = sorted((watched.folder / "reports").glob("*.html"))
    assert "<ins>their</ins>" in report.read_text()


def test_without_the_option_a_change_is_no_failure(watched: Commands, library: Library) -> None:
    watched("check")
    edit(library)
    assert watched("check").status == 0


def test_fail_on_change_means_words(watched: Commands, library: Library) -> None:
    watched("check")
    edit(library, "The keepers placed some of the lamps, upon the wall.")
    done = watched("check", "--fail-on-change")
    assert "Cosmetic changes (1)" in done.out
    assert done.status == 0


def test_check_as_json(watched: Commands, library: Library) -> None:
    watched("check")
    edit(library, date="9 November 2026")
    done = watched("check", "--format", "json")
    found = done.json
    assert {key: found[key] for key in ("state", "visited", "captured", "unchanged", "gone", "failed")} == {
        "state": "complete",
        "visited": 3,
        "captured": 1,
        "unchanged": 2,
        "gone": 0,
        "failed": 0,
    }
    assert found["pass"].isdigit()
    assert len(found["pass"]) == 14
    assert found["started_at"].endswith("Z")
    assert found["finished_at"].endswith("Z")
    (finding,) = found["findings"]
    assert finding["uri"] == f"{library.address}penhale/lamps.htm"
    assert finding["captured_at"] > finding["previous_at"]
    (word,) = [item for item in finding["variants"] if item["category"] == "substantive"]
    assert (word["lemma"], word["reading"]) == ("the", "their")


def test_a_spent_budget_makes_a_partial_pass(watched: Commands, library: Library) -> None:
    write_config(watched.folder, library.address, "budget = 3")
    assert watched("check").status == 4
    assert watched("status").out.count("partial") == 1


def test_a_held_lock_is_75_and_names_the_holder(watched: Commands) -> None:
    with Store(watched.folder / "snapshots"):
        done = watched("check")
    assert done.status == 75
    assert str(os.getpid()) in done.err
    assert done.out == ""


def test_verbose_logs_each_page(watched: Commands) -> None:
    done = watched("check", "-v")
    assert "penhale/lamps.htm" in done.err
    assert "penhale/lamps.htm" not in done.out


# ── looking ──


@pytest.fixture
def edited(watched: Commands, library: Library) -> Commands:
    """Two versions of one page, of which the second is a silent edit."""
    watched("check")
    edit(library)
    watched("check")
    return watched


def test_log_lists_the_versions(edited: Commands) -> None:
    done = edited("log", "lamps.htm")
    assert done.status == 0
    table, _, edits = done.out.partition(
        "\n\nChanged after the date that the page states, and standing (1):\n"
    )
    rows = table.splitlines()[3:]
    assert "[-the-]{+their+}" in edits
    assert [row.split()[2:5] for row in rows] == [["200", "response", "new"], ["200", "response", "changed"]]
    assert "first capture" in rows[0]
    assert "silent edit" in rows[1]
    assert all("11.10.2011" in row for row in rows)
    found = edited("log", "lamps.htm", "--format", "json").json
    assert [item["finding"]["verdict"] for item in found["captures"]] == ["first_capture", "silent_edit"]


def test_a_revisit_is_told_from_a_response(edited: Commands) -> None:
    rows = edited("log", "ferry.htm").out.splitlines()[3:]
    assert [row.split()[2:5] for row in rows] == [["200", "response", "new"], ["304", "revisit", "unchanged"]]


@pytest.mark.parametrize("command", ["log", "show", "diff"])
def test_a_page_that_is_not_known_or_not_clear(edited: Commands, command: str) -> None:
    unknown = edited(command, "nowhere.htm")
    assert unknown.status == 2
    assert "nowhere.htm" in unknown.err
    several = edited(command, ".htm")
    assert several.status == 2
    assert "lamps.htm" in several.err


def test_show_prints_the_text_of_a_time(edited: Commands) -> None:
    first, second = edited("log", "lamps.htm", "--format", "json").json["captures"]
    assert "some of their lamps" in edited("show", "lamps.htm").out
    assert "some of the lamps" in edited("show", f"lamps.htm@{first['captured_at']}").out
    assert "some of their lamps" in edited("show", f"lamps.htm@{second['captured_at']}").out
    assert "# Lamps\n" in edited("show", "lamps.htm").out
    early = edited("show", "lamps.htm@2001-01-01")
    assert early.status == 2
    assert "not yet held" in early.err


def test_show_html_gives_the_bytes_back(edited: Commands, library: Library) -> None:
    code = [sys.executable, "-m", "etolwatch", "show", "--html", "lamps.htm"]
    done = subprocess.run(code, cwd=edited.folder, capture_output=True, check=True)
    assert done.stdout == library.pages["/penhale/lamps.htm"].encode()


def test_diff_shows_the_last_change(edited: Commands) -> None:
    done = edited("diff", "lamps.htm")
    assert done.status == 1
    assert "[-the-]{+their+}" in done.out
    found = edited("diff", "lamps.htm", "--format", "json").json
    assert found["verdict"] == "silent_edit"


def test_diff_between_two_times(edited: Commands) -> None:
    first, second = edited("log", "lamps.htm", "--format", "json").json["captures"]
    assert edited("diff", "lamps.htm", first["captured_at"], second["captured_at"]).status == 1
    same = edited("diff", "lamps.htm", second["captured_at"], second["captured_at"])
    assert same.status == 0
    assert "the same capture" in same.out
    assert "between" not in same.out
    assert edited("diff", "lamps.htm", first["captured_at"]).status == 2
    assert edited("diff", "lamps.htm", "yesterday", "today").status == 2
    assert edited("diff", "ferry.htm").status == 2


def test_report_in_its_forms(edited: Commands) -> None:
    assert "[-the-]{+their+}" in edited("report").out
    assert "<ins>their</ins>" in edited("report", "--format", "html").out
    assert "<ins>their</ins>" in edited("report", "--format", "markdown").out
    verdicts = {item["verdict"] for item in edited("report", "--format", "json").json["findings"]}
    assert "silent_edit" in verdicts
    assert edited("report", "--since", "2999-01-01").out == "Nothing to report.\n"
    assert edited("report", "--since", "soon").status == 2


def test_report_to_a_file(edited: Commands) -> None:
    assert edited("report", "--output", "changes.html").out == ""
    assert (edited.folder / "changes.html").read_text().startswith("<!DOCTYPE html>")
    assert edited("report", "-o", "changes.md").status == 0
    assert (edited.folder / "changes.md").read_text().startswith("# etolwatch report")


def test_a_report_is_not_written_where_it_cannot_be(edited: Commands) -> None:
    nowhere = edited("report", "--output", "nowhere/x.html")
    assert nowhere.status == 2
    assert "nowhere" in nowhere.err
    assert not (edited.folder / "nowhere").exists()
    unknown = edited("report", "--output", "x.pdf")
    assert unknown.status == 2
    assert ".html, .htm, .md, .json, .txt" in unknown.err
    assert not (edited.folder / "x.pdf").exists()
    assert edited("report", "--format", "text", "--output", "x.pdf").status == 0


def test_status(edited: Commands) -> None:
    text = edited("status").out
    assert "4 known, 3 held, 1 absent" in text
    assert "4 versions" in text
    found = edited("status", "--format", "json").json
    (site,) = found["sites"]
    assert (site["pages"], site["held"], site["absent"], site["versions"]) == (4, 3, 1, 4)
    assert site["last_pass"]["state"] == "complete"
    assert site["next_pass_at"] > site["last_pass"]["started_at"]
    assert found["troubles"] == []


def test_the_bytes_kept_are_those_of_the_files(edited: Commands) -> None:
    found = edited("status", "--format", "json").json
    size = sum(path.stat().st_size for path in (edited.folder / "snapshots" / "warc").glob("*.warc.gz*"))
    assert 0 < found["growth_bytes_30_days"] == found["stored_bytes"] <= size


@pytest.mark.parametrize("command", [("status",), ("report",), ("log", "lamps.htm")])
def test_a_lost_catalog_is_named(edited: Commands, command: tuple[str, ...]) -> None:
    for path in (edited.folder / "snapshots").glob("catalog*"):
        path.unlink()
    done = edited(*command)
    assert done.status == 1
    assert "etolwatch reindex" in done.err


def test_a_page_that_was_not_captured_says_why(watched: Commands, library: Library) -> None:
    library.pages["/robots.txt"] = "User-agent: *\nDisallow: /penhale/ferry.htm\n"
    watched("check")
    assert "not asked, robots: " in watched("log", "ferry.htm").out
    assert "4 known, 2 held, 1 absent, 1 refused by robots.txt\n" in watched("status").out
    found = watched("log", "ferry.htm", "--format", "json").json
    assert (found["captures"], found["standing"]["kind"]) == ([], "refused")


def test_a_page_too_large_says_so_in_words(watched: Commands, library: Library) -> None:
    write_config(watched.folder, library.address, "largest_body_bytes = 1000")
    library.pages["/penhale/ferry.htm"] += " " * 1000
    watched("check")
    out = watched("log", "ferry.htm").out
    assert "no capture, too large: " in out
    assert ", since " in out


def test_a_page_that_moved_says_where_to(watched: Commands, library: Library) -> None:
    watched("check")
    library.redirects["/penhale/ferry.htm"] = "/penhale/elsewhere.htm"
    out = watched("check").out
    assert "PAGE MOVED" in out
    assert f"redirected (302) to {library.address}penhale/elsewhere.htm" in out
    assert "of those held, 1 moved\n" in watched("status").out


def test_a_page_that_redirects_to_itself_did_not_move(watched: Commands, library: Library) -> None:
    watched("check")
    library.redirects["/penhale/ferry.htm"] = "/penhale/ferry.htm"
    out = watched("check").out
    assert "SUSPECT CAPTURE" in out
    assert "PAGE MOVED" not in out


def test_a_page_that_never_held_a_text_is_not_said_to_be_held(watched: Commands, library: Library) -> None:
    library.pages["/penhale/ferry.htm"] = "<html><body><h1>Internal server error</h1></body></html>"
    watched("check")
    done = watched("show", "ferry.htm")
    assert done.status == 2
    assert "no version is held" in done.err
    assert "at that time" not in done.err


def test_a_suspect_capture_is_told_once(watched: Commands, library: Library) -> None:
    watched("check")
    library.pages["/penhale/ferry.htm"] = ""
    library.empty = {"/penhale/ferry.htm"}
    out = watched("check").out
    assert "Suspect captures (1)" in out
    assert out.count("ferry.htm") == 1


@pytest.mark.parametrize("text", ["2026-13-45", "20261301000000", "2026-02-30T04:00", "2026"])
def test_a_time_that_cannot_be_is_named(edited: Commands, text: str) -> None:
    done = edited("show", f"lamps.htm@{text}")
    assert done.status == 2
    assert f"no time: {text}" in done.err


def test_status_says_that_the_contact_is_missing(run: Commands) -> None:
    run("init", ".", "--seed", "https://library.example/a.htm")
    assert "contact is not set" in run("status").out


def test_looking_before_the_first_pass(watched: Commands) -> None:
    assert watched("status").status == 0
    assert watched("report").out == "Nothing to report.\n"
    assert watched("log", "lamps.htm").status == 2


# ── compare ──


@pytest.fixture
def saved(run: Commands) -> Commands:
    (run.folder / "before.htm").write_text(page("Lamps", "They did not agree."))
    (run.folder / "after.htm").write_text(page("Lamps", "They did agree."))
    return run


def test_compare(saved: Commands) -> None:
    done = saved("compare", "before.htm", "after.htm")
    assert done.status == 1
    assert "SILENT EDIT   1 word" in done.out
    assert "did [-not-] agree" in done.out
    assert saved("compare", "before.htm", "before.htm").status == 0


def test_compare_as_json_with_meta(saved: Commands) -> None:
    meta = {
        "before": {"url": "https://h.example/a.htm", "status": 200, "captured_at": "2026-11-02T04:17:00Z"},
        "after": {"url": "https://h.example/a.htm", "status": 200, "captured_at": "2026-11-09T04:17:00Z"},
    }
    (saved.folder / "meta.json").write_text(json.dumps(meta))
    found = saved("compare", "before.htm", "after.htm", "--meta", "meta.json", "--format", "json").json
    assert (found["verdict"], found["certainty"]) == ("silent_edit", "proven")
    without = saved("compare", "before.htm", "after.htm", "--format", "json").json
    assert (without["verdict"], without["certainty"]) == ("silent_edit", None)
    (variant,) = [item for item in found["variants"] if item["lemma"]]
    assert (variant["lemma"], variant["reading"], variant["kind"]) == ("not", "", "omission")
    assert "negation" in variant["flags"]


@pytest.mark.parametrize(
    "meta",
    [
        '{"before": {"captured_at": "2026-11-09"}, "after": {"captured_at": "2026-11-02"}}',
        "[]",
        "{",
        '{"befor": {}}',
        '{"after": {"status": "200"}}',
        '{"after": {"captured_at": "x"}}',
        '{"after": {"uri": "x"}}',
    ],
)
def test_compare_names_what_is_wrong_with_meta(saved: Commands, meta: str) -> None:
    (saved.folder / "meta.json").write_text(meta)
    done = saved("compare", "before.htm", "after.htm", "--meta", "meta.json")
    assert done.status == 2
    assert "meta.json" in done.err


def test_compare_in_trouble_is_2(saved: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    assert saved("compare", "before.htm", "nowhere.htm").status == 2
    assert saved("compare", "before.htm", ".").status == 2

    def slip(*_: object) -> None:
        raise ZeroDivisionError("a slip")

    monkeypatch.setattr("etolwatch.collate.compare.compare", slip)
    done = saved("compare", "before.htm", "after.htm")
    assert done.status == 2
    assert done.err == "etolwatch: internal error: ZeroDivisionError: a slip (-v shows where)\n"
    assert "Traceback" in saved("compare", "-v", "before.htm", "after.htm").err


# ── the frame ──


def test_an_internal_error_is_1(watched: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    def slip(*_: object) -> None:
        raise KeyError("slip")

    monkeypatch.setattr("etolwatch.publish.listing.status", slip)
    done = watched("status")
    assert done.status == 1
    assert done.err.count("\n") == 1


def test_ctrl_c_outside_a_pass(watched: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("etolwatch.publish.listing.status", interrupted)
    done = watched("status")
    assert (done.status, done.err.strip()) == (130, "interrupted")


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    command = (
        f"'{sys.executable}' -m etolwatch completion bash | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "etolwatch", "completion", "bash"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "etolwatch: cannot write the output: No space left on device\n"


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert frame.wants_color()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not frame.wants_color()
