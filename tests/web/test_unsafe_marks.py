"""Characters that turn a line round are shown by their number on every line of a page."""

from __future__ import annotations

import re
from dataclasses import replace

from review.conftest import edited  # noqa: F401 - a fixture
from shell.conftest import (  # noqa: F401 - fixtures
    Commands,
    Library,
    _log_of_its_own,
    library,
    page,
    run,
    watched,
)

from etolwatch.config import load
from etolwatch.review.journal import Journal
from etolwatch.review.judgement import new_id

from .conftest import Reader, app_of

EVIL = """<html><head><title>A \u202e {n}</title><meta name="author" content="A \u202e"></head><body>
<p class="title">Penhale \u202e</p><h2>J. Penhale\u202e</h2><h1>Boats \u202e {n}</h1><hr>
<p class="information"><span class="info">Source:</span> The \u202e {n} Gazette, \u202e 1951.</p>
<h3>Harbour \u202e {n}</h3>
<p class="fst">The \u202eboats lay {n} under the <em>red\u202e {n}</em> lantern,
<a href="x\u202e{n}.htm">they\u202e say</a><a href="#n1" name="f1"><sup>1</sup></a>\u2066 a book
of \u200fsongs.</p>
<p>Low {n} \u202e tide.<img src="a.png" alt="alt \u202e {n}"></p>
<h3>Notes \u202e</h3><p class="note"><a href="#f1" name="n1">1</a>. Of \u202e all {n} the boats.</p>
<p class="updat">Last \u202e updated on 1{n}.10.2011 \u202e</p></body></html>
"""


def test_no_line_of_a_finding_is_turned_round(edited: Commands, library: Library) -> None:  # noqa: F811
    for number in (1, 2):
        library.pages["/penhale/boats.htm"] = EVIL.format(n=number)
        edited("check")
    edited("review", "boats.htm", "--state", "trivial", "--rule", "--reviewer", "\u2066A")
    journal = Journal.of(load(edited.folder / "config.toml").store)
    (said,) = [one for one in journal.read() if one.findings]
    others = replace(said, id=new_id(), note="\u202e x\u2066", reviewer="\u202eB", follows=(said.id,))
    journal.append(others)
    with app_of(load(edited.folder / "config.toml")).test_client() as client:
        reader = Reader(client)
        shown = reader.get("/?state=all")
        findings = [path for path in shown.links("to") if path.endswith("boats.htm")]
        for path in ("/?state=all", "/rules", "/history", "/overview", *findings):
            shown = reader.get(path)
            if shown.status == 302:  # two captures of one second: to the address that tells them apart
                shown = reader.get(shown.response.location)
            assert shown.status == 200, path
            html = shown.html
            found = re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", html)
            assert not found, (path, html[max(found.start() - 300, 0) : found.end() + 50])
        assert len(findings) == 3
        assert "<U+202E>" in reader.get(findings[0]).text
