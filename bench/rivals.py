"""The same pairs of pages through other diff programs: time, and which changed words each finds.

A seeded script edits words of a generated page and keeps account of them; the second set of
pairs is re-wrapped besides (line ends, tag names, entities), which changes no word. Precision
is the part of the words that a program calls removed or added that were; recall, the part of
those that were that it calls so. All programs' words are counted as multisets, so none is
held to a place.
"""

from __future__ import annotations

import difflib
import html
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pages

WORD = re.compile(r"[^\W_]+")
TAGS = re.compile(r"<[^>]*>")
Words = Counter[str]
Differ = Callable[[bytes, bytes], tuple[Words, Words]]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pages, and the words that the script took out and put in."""

    base: bytes
    other: bytes
    removed: Words
    added: Words


def pairs(count: int, edits: int, *, rewrapped: bool) -> list[Pair]:
    """Seeded pairs: each has ``edits`` words replaced by words that stand nowhere on the page."""
    return [_pair(pages.page(number), edits, random.Random(number), rewrapped) for number in range(count)]


def _pair(base: bytes, edits: int, dice: random.Random, rewrapped: bool) -> Pair:
    start, end = base.index(b'<p class="fst">'), base.index(b"<h3>Notes")
    places = [match.span(1) for match in re.finditer(rb"(?<= )([a-z]{4,})(?= )", base[start:end])]
    other, removed, added = base, Words(), Words()
    for low, high in sorted(dice.sample(places, edits), reverse=True):
        new = "".join(dice.choices("aeioubdgklmnprst", k=7))
        removed[base[start + low : start + high].decode()] += 1
        added[new] += 1
        other = other[: start + low] + new.encode() + other[start + high :]
    return Pair(base, _rewrapped(other) if rewrapped else other, removed, added)


def _rewrapped(body: bytes) -> bytes:
    """Other mark-up, the same text: what a tidying program does to a page."""
    body = re.sub(rb"<(/?)em>", rb"<\1I>", body).replace(b' class="fst"', b"").replace(b"\n", b"\r\n")
    body = re.sub(
        rb"&#8216;|&#8217;", lambda mark: b"&lsquo;" if mark.group() == b"&#8216;" else b"&rsquo;", body
    )
    return re.sub(rb"(\w{12,}) ", rb"\1\r\n", body)


# ── the programs ─────────────────────────────────────────────────────────────────────


def words_of(text: str) -> Words:
    return Words(WORD.findall(text))


def etolwatch(base: bytes, other: bytes) -> tuple[Words, Words]:
    from etolwatch.collate.compare import compare
    from etolwatch.model import Grade, Payload
    from etolwatch.text.profiles import profile

    finding = compare(
        Payload("https://a.example/", base), Payload("https://a.example/", other), profile("etol")
    )
    weighty = [variant for variant in finding.variants if variant.grade is not Grade.NONE]
    return (
        sum((words_of(variant.lemma) for variant in weighty), Words()),
        sum((words_of(variant.reading) for variant in weighty), Words()),
    )


def lxml_html_diff(base: bytes, other: bytes) -> tuple[Words, Words]:
    from lxml.html.diff import htmldiff

    return _marked(htmldiff(base.decode("latin-1"), other.decode("latin-1")))


def _marked(merged: str) -> tuple[Words, Words]:
    """The words inside ``del`` and ``ins`` of a merged page."""
    gone, come = Words(), Words()
    for tag, counts in (("del", gone), ("ins", come)):
        for inside in re.findall(rf"(?s)<{tag}[^>]*>(.*?)</{tag}>", merged):
            counts.update(words_of(html.unescape(TAGS.sub(" ", inside))))
    return gone, come


def difflib_words(base: bytes, other: bytes) -> tuple[Words, Words]:
    """Python's own, on the words of the bare text; it has no notion of a page."""
    one, two = (WORD.findall(html.unescape(TAGS.sub(" ", body.decode("latin-1")))) for body in (base, other))
    gone, come = Words(), Words()
    for what, a, b, c, d in difflib.SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if what != "equal":
            gone.update(one[a:b])
            come.update(two[c:d])
    return gone, come


def git_word_diff(base: bytes, other: bytes) -> tuple[Words, Words]:
    """On the source, as one would use it on saved pages."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("base.htm", "other.htm")]
        for path, body in zip(paths, (base, other), strict=True):
            path.write_bytes(body)
        command = [
            "git",
            "diff",
            "--no-index",
            "--word-diff=porcelain",
            "--word-diff-regex=[[:alnum:]]+|[^[:space:]]",
        ]
        done = subprocess.run([*command, *map(str, paths)], capture_output=True, check=False)
    gone, come = Words(), Words()
    for line in done.stdout.decode("latin-1").splitlines():
        if line[:1] in "-+" and not line.startswith(("---", "+++")):
            (gone if line[0] == "-" else come).update(words_of(html.unescape(TAGS.sub(" ", line[1:]))))
    return gone, come


class WebMonitoringDiff:
    """EDGI's, in an interpreter that has it: its parser and ours want different builds of one library."""

    CODE = """
import json, sys
from web_monitoring_diff import html_diff_render
for line in sys.stdin:
    one, two = json.loads(line)
    made = html_diff_render(one, two, include="combined")
    print(json.dumps(made["combined"]), flush=True)
"""

    def __init__(self, python: str) -> None:
        self.process = subprocess.Popen(
            [python, "-c", self.CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __call__(self, base: bytes, other: bytes) -> tuple[Words, Words]:
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("no pipes")
        self.process.stdin.write(json.dumps([base.decode("latin-1"), other.decode("latin-1")]) + "\n")
        self.process.stdin.flush()
        return _marked(json.loads(self.process.stdout.readline()))

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


# ── the table ────────────────────────────────────────────────────────────────────────


def scored(differ: Differ, made: list[Pair]) -> str:
    took, right, called, true = [], 0, 0, 0
    for pair in made:
        began = time.perf_counter()
        gone, come = differ(pair.base, pair.other)
        took.append(time.perf_counter() - began)
        right += (gone & pair.removed).total() + (come & pair.added).total()
        called += gone.total() + come.total()
        true += pair.removed.total() + pair.added.total()
    precision = right / called if called else 1.0
    return f"{1000 * statistics.median(took):>8.0f} ms{precision:>11.3f}{right / true:>9.3f}"


def rivals(count: int, web_monitoring_python: str | None) -> None:
    """Prints the table: each program on the same pairs."""
    differs: dict[str, Differ] = {
        "etolwatch": etolwatch,
        "lxml.html.diff": lxml_html_diff,
        "difflib (bare words)": difflib_words,
        "git --word-diff": git_word_diff,
    }
    edgi = WebMonitoringDiff(web_monitoring_python) if web_monitoring_python else None
    if edgi:
        differs["web-monitoring-diff"] = edgi
    else:
        print("\nweb-monitoring-diff: not run; give an interpreter that has it with --web-monitoring-python")
    for edits, rewrapped in ((1, False), (20, False), (200, False), (20, True)):
        what = f"{edits} words edited{', and re-wrapped' if rewrapped else ''}, {count} pages of 55 KB"
        print(f"\n{what:<52}{'median':>8}{'precision':>14}{'recall':>9}")
        made = pairs(count, edits, rewrapped=rewrapped)
        for name, differ in differs.items():
            print(f"  {name:<46}{scored(differ, made)}", flush=True)
    if edgi:
        edgi.close()


if __name__ == "__main__":
    rivals(5, sys.argv[1] if len(sys.argv) > 1 else None)
