"""What is taken out of pages, judged by the parser of a real browser: random mark-up, made to be misread."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from etolwatch.publish.rewrite import rewrite_html

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
PAGES = 1500
# Elements whose contents are read in different ways, things that run, and signs that end either too soon.
ELEMENTS = """style svg math mtext mi mglyph desc foreignObject title textarea xmp iframe noembed noframes
 noscript select option table tr td template p a b li caption script""".split()
PIECES = [
    *(f"<{name}>" for name in ELEMENTS),
    *(f"</{name}>" for name in ELEMENTS),
    *"""<script>alert(1)</script>|<script/>|<svg/>|<style/>|<title/>|<SCRIPT|<plaintext>|<frameset>|<head>|
    </br>|<frame src=javascript:1>|<body onload=x>|<html onclick=x>|<img src=x onerror=x>|<img title="|
    <a title='|'>|">|<a href="javascript:1">|<a href='java&#9;script:1' |--&gt;&lt;img onerror=x&gt;|
    <!--|-->|--!>|<!-->|<!--->|<![CDATA[|]]>|<!x|<?x|</ x|>|<|"|'|/|=| |onerror=x|\n onclick=x |
    <image href=x onerror=x>|<col>|<b onfocus=x>|<form action=javascript:1>|
    <input formaction=javascript:1>|<object data=javascript:1>|<embed src=javascript:1>|
    <annotation-xml encoding="text/html">|<set attributeName=href to=javascript:1>|\0|x|&lt;script&gt;|
    <\u017fcript>|<base href=javascript:1>|<a onclick\f=x>|<details ontoggle=x open>|
    <math href=javascript:1>""".replace("\n    ", "").split("|"),
]
# What runs in a document: told by a DOMParser, for which no script runs, and by frames, in which they do.
LOOK = """
  const runs = a => a.value.replace(/[\\x00-\\x20]/g, '').toLowerCase().startsWith('javascript:');
  const said = ['title', 'alt', 'to'];
  const look = (root, found) => {
    for (const e of root.querySelectorAll('*')) {
      if (e.localName == 'script') found.push('script');
      for (const a of e.attributes)
        if (/^on/i.test(a.localName) || (runs(a) && !said.includes(a.localName)))
          found.push(`${e.localName} ${a.name}=${a.value}`);
      if (e.content instanceof DocumentFragment) look(e.content, found);
    }
    return found;
  };"""
PARSED = (
    f"pages => {{ {LOOK} return pages.map(p => look(new DOMParser().parseFromString(p, 'text/html'), [])) }}"
)
FRAMED = f"""pages => {{ {LOOK} return Promise.all(pages.map(page => new Promise(done => {{
  const frame = document.createElement('iframe');
  frame.srcdoc = page;
  frame.onload = () => {{ const found = look(frame.contentDocument, []); frame.remove(); done(found) }};
  document.body.append(frame) }}))) }}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = chromium.new_page()
        page.set_content("<p>")
        yield page
        chromium.close()


def made() -> list[str]:
    dice = random.Random(5)
    return ["".join(dice.choices(PIECES, k=dice.randint(1, 14))) for _ in range(PAGES)]


def cleaned(page: str) -> str:
    body = rewrite_html(
        page.encode(), "utf-8", "https://www.example.org/a.htm", lambda _, uri: "near.htm", scripts=False
    )
    return body.decode()


def test_so_much_would_run_as_captured(browser: Any) -> None:
    assert sum(bool(found) for found in browser.evaluate(PARSED, made())) > PAGES / 4


def test_nothing_runs_where_no_script_would_be_run(browser: Any) -> None:
    pages = [cleaned(page) for page in made()]
    assert [
        (page, found) for page, found in zip(pages, browser.evaluate(PARSED, pages), strict=True) if found
    ] == []


def test_nothing_runs_where_scripts_are_run(browser: Any) -> None:
    pages = [cleaned(page) for page in made()[: PAGES // 5]]
    assert [
        (page, found) for page, found in zip(pages, browser.evaluate(FRAMED, pages), strict=True) if found
    ] == []
