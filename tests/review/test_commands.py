"""The command `review` as a person meets it, on a store that watched real pages over HTTP."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from shell.conftest import Commands, Library, page

from etolwatch.archive.store import Store
from etolwatch.commands.review import spelled


def states(run: Commands) -> dict[str, str]:
    """The last part of each listed page's address → how it stands."""
    found = run("review", "--format", "json", *(f"--state={state}" for state in STATES)).json
    return {item["uri"].rpartition("/")[2]: item["review"]["state"] for item in found}


STATES = ("new", "confirmed", "trivial", "false_alarm", "follow_up")
ALL_NEW = {"lamps.htm": "new", "ferry.htm": "new", "nets.htm": "new", "boats.htm": "new"}


def judged(run: Commands, *words: str) -> list[dict[str, Any]]:
    done = run("review", *words, "--format", "json")
    assert done.status == 0, done.err
    found = done.json
    assert isinstance(found, list)
    return found


# ── the list ──


def test_what_is_new_is_listed_with_addresses_that_the_command_takes(edited: Commands) -> None:
    done = edited("review")
    assert done.status == 0
    found = re.findall(r"^(\w+\.htm@\d{14})   SILENT EDIT", done.out, re.M)
    assert [name.partition("@")[0] for name in found] == ["boats.htm", "ferry.htm"]
    assert "The same in 3 findings; --cluster judges all of them:" in done.out
    assert "[-lantern-]{+beacon+}" in done.out
    for name in found:
        assert edited("review", name).status == 0


def test_nothing_is_new(watched: Commands) -> None:
    assert watched("review").out == "Nothing is new.\n"
    watched("check")
    assert watched("review").out == "Nothing is new.\n"
    assert watched("review", "--format", "json").json == []


def test_the_list_can_be_narrowed(edited: Commands) -> None:
    edited("review", "boats.htm", "--state", "confirmed")
    assert [
        item["uri"][-9:] for item in edited("review", "--format", "json", "--state", "confirmed").json
    ] == ["boats.htm"]
    assert edited("review", "--site", "penhale", "--since", "2099-01-01").out == "Nothing is new.\n"
    assert len(edited("review", "--site", "penhale", "--format", "json").json) == 3
    wrong = edited("review", "--site", "nobody")
    assert wrong.status == 2
    assert "no such site" in wrong.err
    assert edited("review", "--state", "confirmed", "--state", "trivial").out.count("SILENT EDIT") == 1


# ── judging ──


def test_a_finding_is_judged_shown_and_taken_back(edited: Commands) -> None:
    done = edited(
        *("review", "boats.htm", "--state", "confirmed", "--reason", "Text or number"),
        *("--reason", "content_removed", "--note", "“no” put in"),
    )
    assert done.status == 0
    assert "Ann: confirmed, " in done.out
    assert states(edited) == {**ALL_NEW, "boats.htm": "confirmed"}
    shown = edited("review", "boats.htm")
    assert "It stands as confirmed by Ann" in shown.out
    assert "text_or_number, content_removed; “no” put in" in shown.out
    listed = edited("review", "--state", "confirmed").out
    assert "confirmed by Ann" in listed
    [undo] = judged(edited, "undo", "last")
    assert undo["undoes"]
    assert states(edited) == ALL_NEW
    shown = edited("review", "boats.htm").out
    assert "It stands as new" in shown
    assert "[taken back]" in shown
    judged(edited, "undo", undo["id"])
    assert states(edited)["boats.htm"] == "confirmed"


def test_time_names_the_finding(edited: Commands, library: Library) -> None:
    library.pages["/penhale/boats.htm"] = page("Boats", "The boats lay under every old lantern.")
    edited("check")
    found = edited("review", "--format", "json").json
    first, second = sorted(item["captured_at"] for item in found if item["uri"].endswith("boats.htm"))
    for instant in (first, second):
        [made] = judged(edited, f"boats.htm@{instant}", "--state", "trivial")
        assert made["findings"][0]["captured_at"] == instant
    [made] = judged(edited, f"boats.htm@{re.sub(r'[^0-9]', '', second)[:14]}", "--state", "trivial")
    assert made["findings"][0]["captured_at"] == second
    [made] = judged(edited, "boats.htm", "--state", "trivial")
    assert made["findings"][0]["captured_at"] == second
    early = edited("review", "boats.htm@2001-01-01", "--state", "trivial")
    assert early.status == 2
    assert "no finding at or before that time" in early.err


def test_a_cluster_and_a_rule(edited: Commands, library: Library) -> None:
    made = judged(edited, "lamps.htm", "--state", "trivial", "--cluster", "--rule")
    assert [len(one["findings"]) for one in made] == [3, 0]
    assert states(edited) == {
        "lamps.htm": "trivial",
        "ferry.htm": "trivial",
        "nets.htm": "trivial",
        "boats.htm": "new",
    }
    library.pages["/penhale/boats.htm"] = page("Boats", "The boats lay under no old beacon.")
    edited("check")  # the same edit on a page to come
    found = edited("review", "--state", "trivial", "--format", "json").json
    boats = next(item for item in found if item["uri"].endswith("boats.htm"))
    assert boats["review"]["by_rule"] is True
    rules = edited("review", "rules")
    assert "[-lantern-]{+beacon+}" in rules.out
    [rule] = edited("review", "rules", "--format", "json").json
    assert edited("review", "rules", "--take-back", rule["id"][9:17]).status == 0
    assert edited("review", "rules").out == "There are no rules.\n"
    after = edited("review", "--format", "json").json
    assert [item["uri"][-9:] for item in after] == ["boats.htm", "boats.htm"]


def test_undo_last_takes_back_all_of_one_act(edited: Commands) -> None:
    judged(edited, "boats.htm", "--state", "follow_up", "--reviewer", "Bob")
    judged(edited, "lamps.htm", "--state", "trivial", "--cluster", "--rule")
    judged(edited, "undo", "last")
    assert states(edited) == {**ALL_NEW, "boats.htm": "follow_up"}
    nothing = edited("review", "undo", "last")
    assert nothing.status == 2
    assert "nothing to take back" in nothing.err


def test_what_was_judged_by_name_is_left_out_of_a_cluster(edited: Commands) -> None:
    judged(edited, "nets.htm", "--state", "follow_up")
    [made] = judged(edited, "lamps.htm", "--state", "trivial", "--cluster")
    assert len(made["findings"]) == 2
    assert states(edited)["nets.htm"] == "follow_up"


def test_the_log(edited: Commands) -> None:
    assert edited("review", "log").out == "Nothing was judged.\n"
    judged(edited, "boats.htm", "--state", "confirmed")
    judged(edited, "lamps.htm", "--state", "trivial", "--cluster")
    lines = edited("review", "log").out.splitlines()
    assert len(lines) == 2
    assert "3 findings that tell the same" in lines[0]
    assert edited("review", "log", "ferry.htm").out.splitlines() == lines[:1]
    assert len(edited("review", "log", "--limit", "1").out.splitlines()) == 1
    assert [item["state"] for item in edited("review", "log", "--format", "json").json] == [
        "trivial",
        "confirmed",
    ]


# ── usage ──


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("boats.htm", "--state", "perhaps"), "perhaps"),
        (("boats.htm", "--state", "new", "--state", "trivial"), "one --state"),
        (("boats.htm", "--reason", "image"), "--reason belongs to a judgement"),
        (("boats.htm", "--cluster"), "--cluster belongs to a judgement"),
        (("--rule", "--state", "trivial"), "--rule belongs to a judgement"),
        (("--note", "x"), "--note belongs to a judgement"),
        (("boats.htm", "--state", "trivial", "--reason", "mood"), "no such reason"),
        (("boats.htm", "--site", "penhale"), "choose what is listed"),
        (("nowhere.htm", "--state", "trivial"), "no known page"),
        (("boats.htm", "--state", "trivial", "--reviewer", "\x07"), "no usable name"),
        (("boats.htm", "--state", "new", "--rule"), "a rule needs a state"),
        (("undo", "zzzz"), "no judgement has an id"),
        (("undo",), "Missing argument"),
        (("rules", "--take-back", "zzzz"), "no judgement has an id"),
        (("merge", "nowhere"), "does not exist"),
        (("merge", "."), "no journal of judgements"),
        (("export", "findings.ods"), "no such kind of sheet"),
        (("export", "nowhere/findings.csv"), "no such folder"),
        (("import", "nowhere.csv"), "cannot read the sheet"),
    ],
)
def test_wrong_usage_is_2_and_judges_nothing(edited: Commands, words: tuple[str, ...], why: str) -> None:
    done = edited("review", *words)
    assert done.status == 2
    assert why in done.err
    assert not (edited.folder / "snapshots" / "review.jsonl").exists()


def test_a_page_that_vanished_can_be_judged_but_not_by_rule(edited: Commands, library: Library) -> None:
    del library.pages["/penhale/boats.htm"]
    edited("check")
    refused = edited("review", "boats.htm", "--state", "confirmed", "--rule")
    assert refused.status == 2
    assert "no rule can be made" in refused.err
    assert edited("review", "log").out == "Nothing was judged.\n"
    assert edited("review", "boats.htm", "--state", "confirmed", "--reason", "page_removal").status == 0


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], ["findings"]),
        (["--state", "new"], ["findings", "--state", "new"]),
        (["a.htm"], ["findings", "a.htm"]),
        (["undo", "last"], ["undo", "last"]),
        (["--config", "x", "undo", "last"], ["undo", "--config", "x", "last"]),
        (["--config=x", "-v", "a.htm"], ["findings", "--config=x", "-v", "a.htm"]),
        (["-h"], ["-h"]),
        (["-v", "--help"], ["--help"]),
        (["a.htm", "--help"], ["findings", "a.htm", "--help"]),
        (["--config"], ["findings", "--config"]),
    ],
)
def test_the_name_of_the_command_may_be_left_out(args: list[str], expected: list[str]) -> None:
    assert spelled(args, {"undo": 0, "findings": 0}) == expected


def test_help_names_states_reasons_and_commands(run: Commands) -> None:
    done = run("review", "--help")
    assert done.status == 0
    for word in (*STATES, "text_or_number", "undo", "merge", "--cluster", "etolwatch review undo last"):
        assert word in done.out
    for name in ("undo", "rules", "log", "merge", "export", "import"):
        assert f"etolwatch review {name}" in run("review", name, "--help").out.partition("Example")[2]


def test_who_judges(edited: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    [one] = judged(edited, "boats.htm", "--state", "trivial", "--reviewer", " Anna  Weiß ")
    assert one["reviewer"] == "Anna Weiß"
    assert judged(edited, "boats.htm", "--state", "trivial")[0]["reviewer"] == "Ann"
    monkeypatch.delenv("ETOLWATCH_REVIEWER")
    monkeypatch.setenv("LOGNAME", "zara")
    assert judged(edited, "boats.htm", "--state", "trivial")[0]["reviewer"] == "zara"


def test_captured_text_and_notes_cannot_steer_the_terminal(edited: Commands, library: Library) -> None:
    library.pages["/penhale/boats.htm"] = page("Boats", "The boats lay under \u202eno\x9b31m red lantern.")
    edited("check")
    judged(
        edited, "boats.htm", "--state", "trivial", "--rule", "--note", "\u202e evil", "--reviewer", "\u2066A"
    )
    for words in (("review",), ("review", "boats.htm"), ("review", "log"), ("review", "rules")):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", edited(*words).out)


# ── sheets ──


@pytest.mark.parametrize("name", ["f.csv", "f.xlsx"])
def test_a_sheet_goes_out_and_comes_back(edited: Commands, name: str) -> None:
    assert "Wrote 4 findings" in edited("review", "export", name).out
    assert edited("review", "import", name).out == "0 judgements made, 4 rows unchanged.\n"
    path = edited.folder / name
    fill(path, {"boats.htm": ("false alarm", "misread", "=look"), "nets.htm": ("trivial", "", "")})
    done = edited("review", "import", name, "--reviewer", "Bob")
    assert done.status == 0
    assert done.out == "2 judgements made, 2 rows unchanged.\n"
    assert states(edited) == {**ALL_NEW, "boats.htm": "false_alarm", "nets.htm": "trivial"}
    assert "misread; =look" in edited("review", "boats.htm").out
    assert edited("review", "import", name).out == "0 judgements made, 4 rows unchanged.\n"
    judged(edited, "undo", "last", "--reviewer", "Bob")
    assert states(edited) == ALL_NEW


def fill(path: Path, said: dict[str, tuple[str, str, str]]) -> None:
    if path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path)
        for row in book["findings"].iter_rows(min_row=2):
            for name, cells in said.items():
                if str(row[3].value).endswith(name):
                    for cell, text in zip(row, cells, strict=False):
                        cell.value, cell.data_type = text or None, "s" if text else "n"
        book.save(path)
        return
    table = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
    for row in table:
        for name, cells in said.items():
            if row[3].endswith(name):
                row[:3] = cells
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";").writerows(table)


def test_what_is_stale_or_foreign_is_refused_by_name_and_the_rest_is_taken(edited: Commands) -> None:
    edited("review", "export", "f.csv", "--state", "new")
    path = edited.folder / "f.csv"
    fill(path, dict.fromkeys(("boats.htm", "lamps.htm", "nets.htm"), ("confirmed", "", "")))
    judged(edited, "lamps.htm", "--state", "trivial")
    data = path.read_text("utf-8")
    key = next(row for row in data.splitlines() if "nets.htm" in row).rpartition(";")[2]
    path.write_text(data.replace(key, "f_" + "0" * 16 + key[18:]), "utf-8")
    done = edited("review", "import", "f.csv")
    assert done.status == 4
    assert re.search(
        r"^row \d, http\S+/lamps\.htm: it was judged otherwise .*: trivial by Ann$", done.out, re.M
    )
    assert re.search(r"^row \d, http\S+/nets\.htm: this store has no such finding$", done.out, re.M)
    assert done.out.endswith("1 judgements made, 1 rows unchanged, 2 refused.\n")
    assert states(edited) == {**ALL_NEW, "boats.htm": "confirmed", "lamps.htm": "trivial"}
    told = edited("review", "import", "f.csv", "--format", "json")
    assert told.status == 4
    assert {one["row"] for one in told.json["refused"]} == {
        int(n) for n in re.findall(r"^row (\d)", done.out, re.M)
    }


# ── two copies ──


def test_two_reviewers_copies_merged_both_ways_agree(edited: Commands) -> None:
    shutil.copytree(edited.folder / "snapshots", edited.folder / "other")
    config = (edited.folder / "config.toml").read_text("utf-8")
    (edited.folder / "other.toml").write_text(f'store = "other"\n{config}', "utf-8")
    judged(edited, "boats.htm", "--state", "confirmed")
    judged(edited, "lamps.htm", "--state", "trivial", "--cluster", "--rule")
    bob = ("--config", "other.toml", "--reviewer", "Bob")
    judged(edited, "boats.htm", "--state", "follow_up", *bob)
    judged(edited, "nets.htm", "--state", "false_alarm", *bob)
    assert edited("review", "merge", "other").out == "2 judgements taken over; 0 were there already.\n"
    assert (
        edited("review", "merge", "snapshots/review.jsonl", "--config", "other.toml").out
        == "3 judgements taken over; 2 were there already.\n"
    )
    assert edited("review", "merge", "other").out == "0 judgements taken over; 5 were there already.\n"
    listed = [
        edited("review", *extra, "--format", "json", *(f"--state={state}" for state in STATES)).json
        for extra in ((), ("--config", "other.toml"))
    ]
    assert listed[0] == listed[1]
    assert states(edited) == {
        "lamps.htm": "trivial",
        "ferry.htm": "trivial",
        "nets.htm": "false_alarm",
        "boats.htm": "follow_up",
    }


def test_foreign_findings_and_damage_are_told(edited: Commands) -> None:
    judged(edited, "boats.htm", "--state", "confirmed")
    other = edited.folder / "other.jsonl"
    shutil.move(edited.folder / "snapshots" / "review.jsonl", other)
    (edited.folder / "empty.toml").write_text(
        'store = "empty"\n' + (edited.folder / "config.toml").read_text("utf-8"), "utf-8"
    )
    (edited.folder / "empty").mkdir()
    with other.open("ab") as file:
        file.write(b"{broken\n")
    done = edited("review", "merge", "other.jsonl", "--config", "empty.toml")
    assert done.status == 4
    assert "boats.htm@" in done.out
    assert "this store has no such finding; what was said of it is kept" in done.out
    assert "a line was left out: it is no JSON" in done.err
    told = edited("review", "merge", "other.jsonl", "--config", "empty.toml", "--format", "json").json
    assert (told["taken"], told["known"], len(told["damaged"])) == (0, 1, 1)


# ── what else is done with a store ──


def test_reindex_and_repair_leave_it_alone(edited: Commands) -> None:
    judged(edited, "boats.htm", "--state", "confirmed")
    journal = edited.folder / "snapshots" / "review.jsonl"
    before = journal.read_bytes()
    assert edited("reindex").status == 0
    assert edited("backup", "copy").status == 0
    assert edited("verify", "--repair-from", "copy").status == 0
    assert journal.read_bytes() == before
    assert states(edited)["boats.htm"] == "confirmed"


def test_backup_adds_to_what_was_judged_in_the_copy(edited: Commands) -> None:
    judged(edited, "boats.htm", "--state", "confirmed")
    assert edited("backup", "copy").status == 0
    here, there = (edited.folder / name / "review.jsonl" for name in ("snapshots", "copy"))
    assert there.read_bytes() == here.read_bytes()
    assert not (edited.folder / "copy" / "review.sqlite3").exists()
    config = (edited.folder / "config.toml").read_text("utf-8")
    (edited.folder / "copy.toml").write_text(f'store = "copy"\n{config}', "utf-8")
    judged(edited, "nets.htm", "--state", "trivial", "--config", "copy.toml")
    judged(edited, "ferry.htm", "--state", "trivial")
    assert edited("backup", "copy").status == 0
    lines = there.read_bytes().splitlines()
    assert set(here.read_bytes().splitlines()) < set(lines)
    assert len(lines) == 3


def test_verify_names_what_is_damaged_and_a_copy_mends_it(edited: Commands) -> None:
    judged(edited, "boats.htm", "--state", "confirmed")
    judged(edited, "nets.htm", "--state", "trivial")
    edited("backup", "copy")
    journal = edited.folder / "snapshots" / "review.jsonl"
    assert edited("verify").status == 0
    data = bytearray(journal.read_bytes())
    data[120] ^= 1
    journal.write_bytes(bytes(data))
    done = edited("verify")
    assert done.status == 1
    assert "review.jsonl at byte 0: a line is damaged: its digest is another [judgement]" in done.out
    assert states(edited)["boats.htm"] == "new"
    assert edited("backup", "copy").status == 0  # damage is not carried into the copy
    assert edited("review", "merge", "copy").status == 0
    assert states(edited) == {**ALL_NEW, "boats.htm": "confirmed", "nets.htm": "trivial"}


def test_rules_that_judge_otherwise_make_it_new_again(edited: Commands) -> None:
    judged(edited, "boats.htm", "--state", "confirmed", "--note", "seen")
    otherwise(edited)
    found = edited("review", "--format", "json").json
    boats = next(item for item in found if item["uri"].endswith("boats.htm"))
    assert boats["review"]["state"] == "new"
    assert boats["review"]["earlier"]["note"] == "seen"
    assert "before it came out otherwise: confirmed by Ann" in edited("review").out


def otherwise(run: Commands) -> None:
    """As though other rules had read the page: its finding has a flag more."""
    from dataclasses import replace

    with Store(run.folder / "snapshots") as store:
        uri = store.catalog.resolve("boats.htm")
        capture = store.catalog.captures(uri)[-1]
        finding = store.catalog.finding(capture)
        assert finding is not None
        store.catalog.add_finding(
            capture, store.catalog.previous_version(capture), replace(finding, flags=("stamped_date",))
        )


def test_the_report_can_leave_out_what_was_judged(edited: Commands) -> None:
    whole = edited("report").out
    judged(edited, "boats.htm", "--state", "confirmed")
    assert edited("report").out == whole
    new = edited("report", "--state", "new").out
    assert "Boats" not in new
    assert "boats.htm" not in new
    assert "lamps.htm" in new
    assert "boats.htm" in edited("report", "--state", "confirmed").out
    assert edited("report", "--state", "trivial").out == "Nothing to report.\n"


def test_judging_while_a_pass_holds_the_store(edited: Commands) -> None:
    with Store(edited.folder / "snapshots"):
        judged(edited, "boats.htm", "--state", "confirmed")
        assert states(edited)["boats.htm"] == "confirmed"


def test_the_real_program(edited: Commands) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "etolwatch",
            "review",
            "boats.htm",
            "--state",
            "follow_up",
            "--format",
            "json",
        ],
        cwd=edited.folder,
        env={**os.environ, "ETOLWATCH_REVIEWER": "Real"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)[0]["reviewer"] == "Real"


# ── what is wrong is said ──


def test_damage_in_the_journal_is_told_and_mended(edited: Commands) -> None:
    judged(edited, "boats.htm", "--state", "confirmed")
    judged(edited, "nets.htm", "--state", "confirmed")
    store = edited.folder / "snapshots"
    assert edited("backup", "copy").status == 0
    journal = store / "review.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"confirmed", b"trivial", 1))
    (store / "review.sqlite3").unlink()
    for words in (("review",), ("review", "log"), ("review", "nets.htm"), ("review", "export", "f.csv")):
        done = edited(*words)
        assert done.status == 1
        assert "review.jsonl: damaged lines: 1" in done.err
    edited("review", "merge", "copy")
    assert edited("verify").status == 1
    done = edited("verify", "--repair-from", "copy")
    assert done.status == 0, done.out
    assert "review.jsonl: made whole again" in done.err
    done = edited("review", "log")
    assert (done.status, done.err, done.out.count("confirmed")) == (0, "", 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("boats.htm", "--state", "trivial", "--reviewer", ""), "the reviewer has no usable name"),
        (("undo", ""), "no judgement is named: ''"),
        (("undo", "zz"), "no judgement has an id that begins so: zz"),
        (("merge", "config.toml"), "this is no journal of judgements"),
        (("--stat", "x"), "Usage: etolwatch review [OPTIONS] [URI@TIME]"),
    ],
)
def test_what_is_refused_is_said_in_plain_words(edited: Commands, words: tuple[str, ...], said: str) -> None:
    judged(edited, "boats.htm", "--state", "confirmed")
    judged(edited, "nets.htm", "--state", "confirmed")
    done = edited("review", *words)
    assert done.status == 2
    assert said in done.err
    assert "review findings" not in done.err
