"""Pages and style sheets with other addresses, and without what runs; every other byte as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etolwatch.harvest.scope import canonical
from etolwatch.publish.drawings import rewrite_xml
from etolwatch.publish.rewrite import head_at, is_safe, rewrite_css, rewrite_html
from etolwatch.text.references import Reference, Role

PAGE = "https://www.example.org/vale/a.htm"
SITE = "https://www.example.org/"
HEAD = b"<meta>"


def near(_: Reference, uri: str) -> str:
    """Whatever is on the site is one folder up."""
    return "../" + uri.removeprefix(SITE) if uri.startswith(SITE) else uri


def kept(_: Reference, uri: str) -> str:
    return uri


def rewritten(
    html: str | bytes, *, scripts: bool = False, charset: str = "utf-8", head: bytes = b""
) -> bytes:
    body = html if isinstance(html, bytes) else html.encode(charset)
    return rewrite_html(body, charset, PAGE, near, scripts=scripts, head=head)


def page(html: str) -> str:
    return rewritten(html).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<a href="b.htm">x</a>', '<a href="../vale/b.htm">x</a>'),
        ("<a href=b.htm>x</a>", "<a href=../vale/b.htm>x</a>"),
        ("<A HREF = 'b.htm' >x</A>", "<A HREF = '../vale/b.htm' >x</A>"),
        ('<a href="/b.htm#n1">x</a>', '<a href="../b.htm#n1">x</a>'),
        ('<a href="#n1">x</a>', '<a href="#n1">x</a>'),
        ('<a href="">x</a>', '<a href="">x</a>'),
        ('<a href="?a=1&amp;b=2">x</a>', '<a href="../vale/a.htm?a=1&amp;b=2">x</a>'),
        ('<a href="mailto:keeper@example.org">x</a>', '<a href="mailto:keeper@example.org">x</a>'),
        ('<a href="http://other.example/x y">x</a>', '<a href="http://other.example/x%20y">x</a>'),
        ("<a href='it&#39;s.htm'>x</a>", "<a href='../vale/it&#39;s.htm'>x</a>"),
        ('<img src="a.gif" srcset="a.gif 1x, b.gif 2x">',
         '<img src="../vale/a.gif" srcset="../vale/a.gif 1x, ../vale/b.gif 2x">'),
        ('<p style="background:url(&quot;a.gif&quot;)">',
         '<p style="background:url(&quot;../vale/a.gif&quot;)">'),
        ("<p style='background:url(a(1).gif)'>", "<p style='background:url(a(1).gif)'>"),
        ('<style>@import "a.css"; p{background:url(/b.gif?x&y)}</style>',
         '<style>@import "../vale/a.css"; p{background:url(../b.gif?x&y)}</style>'),
        ("<!-- <a href=b.htm> -->", "<!-- <a href=b.htm> -->"),
        ('<frameset><frame src="f.htm"></frameset>', '<frameset><frame src="../vale/f.htm"></frameset>'),
        ('<a href="caf\u00e9.htm#\u00e9">x</a>', '<a href="../vale/caf%C3%A9.htm#%C3%A9">x</a>'),
        ("<a href=http://[broken>x</a>", "<a href=http://[broken>x</a>"),
    ],
)  # fmt: skip
def test_addresses_change_and_nothing_else(before: str, after: str) -> None:
    assert page(before) == after


def test_a_base_is_joined_and_then_leads_nowhere() -> None:
    html = '<base href="/b/" target="x"><a href="c.htm">x</a><a href="#n">n</a><base href="/d/">'
    assert page(html) == '<base  target="x"><a href="../b/c.htm">x</a><a href="../b/#n">n</a><base >'


@pytest.mark.parametrize("base", ["javascript:1", "data:text/html,x", "http://[broken", ""])
def test_a_base_that_is_none_changes_nothing(base: str) -> None:
    assert page(f'<base href="{base}"><a href="c.htm">x</a>') == '<base ><a href="../vale/c.htm">x</a>'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a<script>b</script>c", "a<!----><!---->c"),
        ("a<script src=x.js></script>c", "a<!----><!---->c"),
        ("a<noscript>b</noscript>c", "a<!----><!---->c"),
        ("a<noscript><p title='</noscript>b'>c", "a<!----><!---->b'>c"),
        ('<p onclick="x()" class=a>b', "<p  class=a>b"),
        ('<body onload="x()">b', "<body >b"),
        ('<a href="javascript:x()">b</a>', "<a >b</a>"),
        ('<a href="data:text/html,x">b</a>', "<a >b</a>"),
        ('<a href="file:///C:/x.htm">b</a>', "<a >b</a>"),
        ('<img src="data:image/gif;base64,R0==">', '<img src="data:image/gif;base64,R0==">'),
        ('<img src="data:image/svg+xml,x">', "<img >"),
        ('<iframe src="data:text/html,x"></iframe>', "<iframe ></iframe>"),
        ('<form action="x.php" method=get>', "<form  method=get>"),
        ('<link rel="preconnect" href="//x.example">', '<link rel="preconnect" >'),
        ('<link rel="next" href="b.htm">', '<link rel="next" href="../vale/b.htm">'),
        ('<meta http-equiv="refresh" content="3; url=/b.htm">',
         '<meta http-equiv="refresh" content="3; url=../b.htm">'),
        ('<meta http-equiv="refresh" content="3; url=http://x.example/">',
         '<meta  content="3; url=http://x.example/">'),
        ('<meta http-equiv="refresh" content="3">', '<meta  content="3">'),
        ('<meta http-equiv="refresh" content="3;url=a.htm">', '<meta  content="3;url=../vale/a.htm">'),
        ('<meta http-equiv="content-type" content="text/html; charset=utf-8">',
         '<meta http-equiv="content-type" content="text/html; charset=utf-8">'),
        ('<p title="onclick=1: javascript:x">b', '<p title="onclick=1: javascript:x">b'),
        ("<title>a < b</title>", "<title>a &lt; b</title>"),
        ("<style>p > a { color: red } /* </p> */</style>",
         "<style>p > a { color: red } /* \\3c /p> */</style>"),
        ('<p style="width:expression(1)">b', '<p style="">b'),
    ],
)  # fmt: skip
def test_what_runs_or_asks_is_taken_out(before: str, after: str) -> None:
    assert page(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<svg><script href="a.js"/><path/></svg><p>rest', "<svg><!----><path/></svg><p>rest"),
        ("<svg><script>a &lt; b</script></svg><p>rest", "<svg><!----><!----></svg><p>rest"),
        ("<svg><script><![CDATA[a<b]]></script></svg>c", "<svg><!----><!----></svg>c"),
        ("<svg><title/></svg><p>rest", "<svg><title/></svg><p>rest"),
        ("<svg><style/></svg><p>rest", "<svg><style/></svg><p>rest"),
        ("<svg><iframe/></svg><p>rest", "<svg><iframe/></svg><p>rest"),
        ("<svg><text><![CDATA[a<b&c]]></text></svg>", "<svg><text>a&lt;b&amp;c</text></svg>"),
        ("<svg><style>p &gt; a{fill:url(b.gif)}</style></svg>",
         "<svg><style>p &gt; a{fill:url(../vale/b.gif)}</style></svg>"),
        ("<svg><style>p{fill:url(<!-- -->//x.example/)}</style></svg>",
         "<svg><style>p{fill:url(<!-- --></style></svg>"),
        ("<svg></svg><xmp><p></xmp>", "<svg></svg><xmp><p></xmp>"),
        ("<select><option>a</select><xmp><p></xmp>", "<select><option>a</select><xmp><p></xmp>"),
        ("<frameset><frame src=b.htm><noframes><p>No frames.</noframes></frameset>",
         "<frameset><frame src=../vale/b.htm><noframes><p>No frames.</noframes></frameset>"),
        ("<select><xmp><p></xmp>", "<select><xmp>&lt;p></xmp>"),
    ],
)  # fmt: skip
def test_what_follows_a_drawing_a_list_or_a_frame_stays(before: str, after: str) -> None:
    assert page(before) == after


def test_with_scripts_only_addresses_change() -> None:
    html = (
        '<body onload="x()"><script src="a.js">b</script><noscript>c</noscript><a href="javascript:x()">d</a>'
    )
    assert rewritten(html, scripts=True).decode() == html.replace("a.js", "../vale/a.js")


def test_what_no_longer_holds_goes_with_scripts_too() -> None:
    html = '<link rel=stylesheet href="a.css" integrity="sha256-x" crossorigin>'
    assert b"integrity" not in rewritten(html)
    assert rewritten(html, scripts=True) == b'<link rel=stylesheet href="../vale/a.css"  >'


def test_taking_out_brings_nothing_about() -> None:
    assert b"onerror" not in rewritten("<<script></script>img src=x onerror=x()>").partition(b"<img")[2]
    assert rewritten("<<script></script>b>") == b"<<!----><!---->b>"
    assert rewritten("<a href onclick=1 =javascript:x>") == b"<a href  >"


@pytest.mark.parametrize(
    ("before", "at"),
    [
        ("<p>x", 0),
        ("text<head>", 0),
        ("<html><head><title>", 12),
        ("<!DOCTYPE html>\n<html lang=en>\n<head profile=x>\n<title>", 47),
        ("<!-- a --><?xml?><!DOCTYPE html><html><body>", 38),
        ("<html><html><head>", 6),
        ("<head><head>", 6),
        ("<html></html><head>", 6),
        ("", 0),
    ],
)
def test_the_head_comes_before_all_content(before: str, at: int) -> None:
    assert head_at(before.encode()) == at
    assert rewritten(before, head=HEAD).decode() == before[:at] + HEAD.decode() + before[at:]


@pytest.mark.parametrize(
    ("charset", "words"),
    [
        ("windows-1252", "“café”"),
        ("shift_jis", "表ソ能"),
        ("gb18030", "革命"),
        ("koi8-r", "слово"),
        ("utf-8", "é"),
    ],
)
def test_other_letters_stay_in_their_charset(charset: str, words: str) -> None:
    before = f'<p title="{words}">{words} <a href="b.htm">{words}</a> <script>{words}</script>'
    after = f'<p title="{words}">{words} <a href="../vale/b.htm">{words}</a> <!----><!---->'
    assert rewritten(before, charset=charset) == after.encode(charset)


@pytest.mark.parametrize(("codec", "mark"), [("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")])
def test_utf_16_stays_utf_16(codec: str, mark: bytes) -> None:
    before = mark + '<p>é <a href="b.htm">x</a><script>x</script>'.encode(codec)
    after = mark + '<meta><p>é <a href="../vale/b.htm">x</a><!----><!---->'.encode(codec)
    assert rewrite_html(before, codec, PAGE, near, scripts=False, head=HEAD) == after


def test_style_sheets_keep_their_bytes() -> None:
    before = (
        "@charset 'x';\n@import '{}';\np { background : URL( \"{}\" ) } /* é url(no) */ q { fill: url(#g) }"
    )
    captured = before.replace("{}", "a.css", 1).replace("{}", "b c.gif").encode("cp1252")
    expected = before.replace("{}", "../vale/a.css", 1).replace("{}", "../vale/b%20c.gif").encode("cp1252")
    assert rewrite_css(captured, "cp1252", PAGE, near) == expected


def test_old_style_sheets_run_nothing() -> None:
    before = b"p { width: expression(x()); behavior: url(a.htc); -moz-binding: url(b.xml) }"
    after = rewrite_css(before, "utf-8", PAGE, near)
    assert b" expression(" not in after
    assert b" behavior:" not in after
    assert b" -moz-binding:" not in after


SVG = 'xmlns="http://www.w3.org/2000/svg"'


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<rect/>", "<rect/>"),
        ("<script>x()</script><rect/>", "<g/><rect/>"),
        ('<g onclick="x()"/>', "<g/>"),
        ('<a href="javascript:x()"/>', "<a/>"),
        ('<a href="http://x.example/"/>', '<a href="http://x.example/"/>'),
        ('<image href="http://x.example/a.png"/>', "<image/>"),
        ('<image href="b.png#c"/>', '<image href="../vale/b.png#c"/>'),
        ('<use href="#c"/>', '<use href="#c"/>'),
        ('<rect fill="url(http://x.example/#g)"/>', '<rect fill="url(about:invalid#g)"/>'),
        ('<rect fill="url(#g)"/>', '<rect fill="url(#g)"/>'),
        ('<set attributeName="href" to="javascript:x()"/>', "<g/>"),
        ('<foreignObject><p/></foreignObject><a onclick="x()"/>', "<g/><a/>"),
        ('<foreignObject><p xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>', "<g/>"),
        ('<image srcset="http://x.example/a.png 1x"/>', "<image/>"),
        ('<style>/*<g/>*/@import "http://x.example/a.css";</style>',
         '<style>/**/@import "about:invalid";</style>'),
        ('<set attributeName="style" to="x"/>', "<g/>"),
        ('<animate attributeName="cx" values="1;2"/>', '<animate attributeName="cx" values="1;2"/>'),
        ('<n:a xmlns:n="urn:x" href="http://x.example/"/>', '<n:a xmlns:n="urn:x" href="http://x.example/"/>'),
    ],
)  # fmt: skip
def test_drawings(inside: str, expected: str) -> None:
    before = f"<svg {SVG}>{inside}</svg>".encode()
    after = rewrite_xml(before, PAGE, near, scripts=False)
    if inside == expected:
        assert after == before
    else:
        assert after.partition(b"?>\n")[2] == f"<svg {SVG}>{expected}</svg>".encode()


def test_entities_of_a_drawing_are_undone_before_it_is_looked_at() -> None:
    before = f'<!DOCTYPE svg [<!ENTITY x "<script>x()</script>">]><svg {SVG}>&x;</svg>'.encode()
    after = rewrite_xml(before, PAGE, near, scripts=False)
    assert b"script" not in after
    assert b"ENTITY" not in after


@pytest.mark.parametrize("body", [b"", b"no mark-up", b"<svg", b"\x00\x01"])
def test_a_drawing_that_is_none_is_nothing(body: bytes) -> None:
    assert rewrite_xml(body, PAGE, near, scripts=False) in (b"", body) or b"<svg" in body


@pytest.mark.parametrize(
    ("role", "href", "safe"),
    [
        (Role.LINK, "a.htm", True),
        (Role.LINK, "a:b.htm", False),
        (Role.LINK, "./a:b.htm", True),
        (Role.LINK, "HTTPS://x.example", True),
        (Role.LINK, "VBScript:x", False),
        (Role.LINK, "blob:x", False),
        (Role.IMAGE, "data:image/png;base64,x", True),
        (Role.FRAME, "data:image/png;base64,x", False),
        (Role.FRAME, "about:blank", True),
        (Role.FRAME, "about:srcdoc", False),
    ],
)
def test_which_addresses_may_stay(role: Role, href: str, safe: bool) -> None:
    assert is_safe(role, href) is safe


PIECES = """<a href= <!-- --> <style> </style> <script> </script> <svg> javascript:x <title> </title>
 <![CDATA[ ]]> <select>
 <xmp> </xmp> <noscript> </noscript> <math> <iframe/srcdoc= <base/href= &#106; \0""".split()
SIGNS = st.lists(st.sampled_from([*"<>/=\"'!- \nax", *PIECES, "onload=x ", "<img src=x "]), max_size=30).map(
    "".join
)


@given(SIGNS)
def test_what_was_looked_through_once_stays_as_it_is(html: str) -> None:
    once = rewrite_html(html.encode(), "utf-8", PAGE, kept, scripts=False)
    assert rewrite_html(once, "utf-8", PAGE, kept, scripts=False) == once


@given(SIGNS)
def test_with_scripts_and_no_new_address_only_a_base_changes(html: str) -> None:
    body = html.encode()
    if b"<base" not in body:
        same = rewrite_html(
            body, "utf-8", PAGE, lambda reference, _: reference.href.partition("#")[0], scripts=True
        )
        assert same == body


@pytest.mark.parametrize(
    "base", [PAGE, SITE, "https://www.example.org/a/b/c.htm", "https://www.example.org/a?b/c"]
)
@pytest.mark.parametrize(
    "href",
    [
        "x.htm",
        "../x.htm",
        "../../x.htm",
        "../../../../x.htm",
        "x",
        "x/y.htm",
        "a.b/c",
        "x-y_z~.htm",
        "../x/y",
    ],
)
def test_links_are_joined_as_anywhere_else(base: str, href: str) -> None:
    found: list[str] = []
    rewrite_html(
        f'<a href="{href}">'.encode(), "utf-8", base, lambda _, uri: found.append(uri) or uri, scripts=False
    )
    assert found == [canonical(href, base)]
