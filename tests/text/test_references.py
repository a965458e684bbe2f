"""What pages and style sheets refer to, and where in their bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etolwatch.text.markup import Kind, attributes, tokens
from etolwatch.text.references import Reference, Role, css_references, html_references


def told(html: str | bytes, charset: str = "utf-8") -> list[tuple[str, str]]:
    body = html if isinstance(html, bytes) else html.encode(charset)
    return [(reference.role.value, reference.href) for reference in html_references(body, charset)]


def sheet(css: str | bytes, charset: str = "utf-8") -> list[tuple[str, str]]:
    body = css if isinstance(css, bytes) else css.encode(charset)
    return [(reference.role.value, reference.href) for reference in css_references(body, charset)]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="a.htm">', [("link", "a.htm")]),
        ("<A HREF = 'a.htm'>", [("link", "a.htm")]),
        ("<a href=a.htm>", [("link", "a.htm")]),
        ("<a href=a/b/>", [("link", "a/b/")]),
        ("<a\nhref\n=\n'a.htm'\n>", [("link", "a.htm")]),
        ('<a title="x"href="a.htm">', [("link", "a.htm")]),
        ('<a href="">', [("link", "")]),
        ("<a href=>", [("link", "")]),
        ("<a href>", []),
        ('<a href="a.htm" href="b.htm">', [("link", "a.htm")]),
        ('<a href="  a.htm \n">', [("link", "a.htm")]),
        ('<a href="a\n.htm">', [("link", "a.htm")]),
        ('<a href="?a=1&amp;b=2">', [("link", "?a=1&b=2")]),
        ('<a href="?a=1&copy=2">', [("link", "?a=1&copy=2")]),
        ('<a href="?a=1&copy">', [("link", "?a=1©")]),
        ('<a href="?a=1&section=2">', [("link", "?a=1&section=2")]),
        ('<a href="&#106;avascript&colon;x">', [("link", "javascript:x")]),
        ('<a href="java&#9;script&#x3a;x">', [("link", "javascript:x")]),
        ('<a href="caf\u00e9.htm">', [("link", "café.htm")]),
        ('<area href="a.htm"><frame src=b.htm><iframe src="c.htm"></iframe>',
         [("link", "a.htm"), ("frame", "b.htm"), ("frame", "c.htm")]),
        ('<body background="b.gif"><table background=t.gif><td background=d.gif>',
         [("image", "b.gif"), ("image", "t.gif"), ("image", "d.gif")]),
        ('<img src="a.gif" longdesc="a.txt" alt="href=no">', [("image", "a.gif"), ("link", "a.txt")]),
        ('<input type="image" src="go.gif">', [("image", "go.gif")]),
        ('<object data="a.swf"><param name="movie" value="b.swf"><param name=x value=no><embed src=c.swf>',
         [("object", "a.swf"), ("object", "b.swf"), ("object", "c.swf")]),
        ('<applet code="A.class">', [("object", "A.class")]),
        ('<video src=a.mp4 poster=a.jpg><source src=b.mp4><audio src=c.mp3>',
         [("media", "a.mp4"), ("image", "a.jpg"), ("media", "b.mp4"), ("media", "c.mp3")]),
        ("<track src=d.vtt><bgsound src=e.mid>", [("media", "d.vtt"), ("media", "e.mid")]),
        ('<svg><use xlink:href="s.svg#x"/><image href="i.png"/><a xlink:href="a.htm">',
         [("image", "s.svg#x"), ("image", "i.png"), ("link", "a.htm")]),
        ('<base href="/x/">', [("base", "/x/")]),
        ('<form action="go"><button formaction="on">', [("form", "go"), ("form", "on")]),
        ('<script src="a.js"></script>', [("script", "a.js")]),
        ('<blockquote cite="a.htm">', [("link", "a.htm")]),
    ],
)  # fmt: skip
def test_tags_refer(html: str, expected: list[tuple[str, str]]) -> None:
    assert told(html) == expected


@pytest.mark.parametrize(
    ("rel", "role"),
    [
        ("stylesheet", Role.STYLE),
        ("alternate StyleSheet", Role.STYLE),
        ("shortcut icon", Role.IMAGE),
        ("apple-touch-icon", Role.IMAGE),
        ("next", Role.LINK),
        ("alternate", Role.LINK),
        ("", Role.LINK),
        ("preconnect", Role.OTHER),
        ("modulepreload", Role.SCRIPT),
    ],
)
def test_kinds_of_link_elements(rel: str, role: Role) -> None:
    assert told(f'<link rel="{rel}" href="a">') == [(role.value, "a")]


@pytest.mark.parametrize(
    ("what", "role"), [("font", "font"), ("style", "style"), ("image", "image"), ("x", "other")]
)
def test_preloading_says_as_what(what: str, role: str) -> None:
    assert told(f"<link rel=preload as={what} href=a>") == [(role, "a")]


@pytest.mark.parametrize(
    "html",
    [
        "<!-- <a href=no> -->",
        "<!-- > <a href=no> --!>",
        "<!doctype html <a href=no>",
        "<![CDATA[ <a href=no>",
        "<?php <a href=no>",
        "</ <a href=no>",
        "<script>'<a href=no>'</script>",
        "<script><!-- <script> </script> <a href=no> --></script>",
        "<textarea><a href=no></textarea>",
        "<title><a href=no></title>",
        "<xmp><a href=no></xmp>",
        "<noframes><a href=no></noframes>",
        "<style>/* url(no) */</style>",
        "<plaintext><a href=no>",
        "<a href=no",
        "<a href='no>",
        "< a href=no>",
        "<1 href=no>",
        "<p title='<a href=no>'>",
        "<meta name=description content='3; url=no'>",
    ],
)
def test_what_refers_to_nothing(html: str) -> None:
    assert told(html) == []


@pytest.mark.parametrize(
    "html",
    ["<!--><a href=yes>", "<!---><a href=yes>", "<!-- --!><a href=yes>", "<script><!-- </script><a href=yes>",
     "<noscript><a href=yes></noscript>", "</><a href=yes>", "<<a href=yes>",
     "<script></scriptx></script ><a href=yes>",
     "<title></textarea></title><a href=yes>", "<p a='b'c=\"d\"/e/><a/href=yes>", "<a =x href=yes>"],
)  # fmt: skip
def test_comments_and_contents_end_as_in_browsers(html: str) -> None:
    assert told(html) == [("link", "yes")]


@pytest.mark.parametrize(
    ("srcset", "expected"),
    [
        ("a.png", ["a.png"]),
        ("a.png 1x, b.png 2x", ["a.png", "b.png"]),
        ("a.png, b.png", ["a.png", "b.png"]),
        ("a.png,b.png", ["a.png,b.png"]),
        (" , a.png 100w ,\n b.png 200w", ["a.png", "b.png"]),
        ("a.png 1x,b.png 2x", ["a.png", "b.png"]),
        ("a.png?x=1&amp;y=2 1x", ["a.png?x=1&y=2"]),
        ("a.png&#32;1x,&#32;b.png", ["a.png", "b.png"]),
        ("", []),
    ],
)
def test_srcset_is_a_list(srcset: str, expected: list[str]) -> None:
    assert told(f'<img srcset="{srcset}">') == [("image", address) for address in expected]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("0; url=a.htm", ["a.htm"]),
        ("3;URL='a.htm'", ["a.htm"]),
        ("0,a.htm", ["a.htm"]),
        ("0; url = &quot;a.htm&quot;", ["a.htm"]),
        ("5", []),
        ("5; ", []),
    ],
)
def test_meta_refresh(content: str, expected: list[str]) -> None:
    assert told(f'<meta http-equiv="Refresh" content="{content}">') == [("refresh", a) for a in expected]


@pytest.mark.parametrize(
    ("css", "expected"),
    [
        ("@import 'a.css';", [("style", "a.css")]),
        ('@import url( "a.css" ) print; p{}', [("style", "a.css")]),
        ("@IMPORT url(a.css)", [("style", "a.css")]),
        (r"@\69mport 'a.css'", [("style", "a.css")]),
        ("p { background: red url(a.gif) }", [("image", "a.gif")]),
        (r"p { background: u\72l( a.gif ) }", [("image", "a.gif")]),
        (r"p { background: url(a\)b.gif) }", [("image", "a)b.gif")]),
        (r"p { background: url('\61.gif') }", [("image", "a.gif")]),
        ("p { background: url(a.gif", [("image", "a.gif")]),
        ("p { background: url() }", [("image", "")]),
        ("@font-face { font-family: x; src: url(a.woff) format('woff') } p{background:url(b.gif)}",
         [("font", "a.woff"), ("image", "b.gif")]),
        ('p { background: image-set("a.png" 1x, "b.png" type("image/png")) }',
         [("image", "a.png"), ("image", "b.png")]),
        ("p { content: 'url(no)' } /* url(no) @import 'no' */", []),
        ("p { content: '@import \"no\"' }", []),
        ("@namespace url(no);", []),
        ("p { background: url(a b.gif) } q { background: url(c.gif) }", [("image", "c.gif")]),
        ("p { background: nourl(a.gif) }", []),
        ("@media print { p { background: url(a.gif) } }", [("image", "a.gif")]),
        ("p { content: 'broken\n; background: url(a.gif) }", [("image", "a.gif")]),
    ],
)  # fmt: skip
def test_style_sheets_refer(css: str, expected: list[tuple[str, str]]) -> None:
    assert sheet(css) == expected
    assert told(f"<style>{css}</style>") == expected


def test_the_style_of_a_tag() -> None:
    assert told('<p style="background:url(&quot;a.gif&quot;)">') == [("image", "a.gif")]
    assert told("<p style='background:&#117;rl(a&amp;b.gif)'>") == [("image", "a&b.gif")]


def test_styles_of_drawings() -> None:
    assert told("<rect fill='url(a.svg#g)' mask=url(#m) width=9>") == [("image", "a.svg#g"), ("image", "#m")]


def test_order_is_that_of_the_bytes_and_only_style_elements_are_told_apart() -> None:
    html = b'<style>@import "a.css"</style><p style="background:url(b.gif)"><a href=c.htm>'
    found = html_references(html, "utf-8")
    assert [html[reference.start : reference.end] for reference in found] == [b"a.css", b"b.gif", b"c.htm"]
    assert [reference.in_sheet for reference in found] == [True, False, False]


@pytest.mark.parametrize(
    "charset", ["utf-8", "windows-1252", "shift_jis", "gb18030", "big5", "koi8-r", "utf-16"]
)
def test_spans_hold_in_every_charset(charset: str) -> None:
    words = {
        "shift_jis": "表ソ能",
        "gb18030": "革命",
        "big5": "功許蓋",
        "koi8-r": "слово",
        "windows-1252": "“é”",
    }.get(charset, "表𝄞é")
    body = f'<p title="{words}">{words}<a href="{words}.htm">{words}</a><img src=\'a.gif\'>'.encode(charset)
    named = "utf-16-le" if charset == "utf-16" else charset
    assert html_references(body, named) == [
        Reference(Role.LINK, *_span(body, f"{words}.htm", named), f"{words}.htm"),
        Reference(Role.IMAGE, *_span(body, "a.gif", named), "a.gif"),
    ]


def _span(body: bytes, words: str, charset: str) -> tuple[int, int]:
    start = body.index(words.encode(charset))
    return start, start + len(words.encode(charset))


def test_an_unknown_charset_is_read_as_windows_1252() -> None:
    assert told(b"<a href=caf\xe9.htm>", "no-such") == [("link", "café.htm")]


SIGNS = st.lists(
    st.sampled_from(
        [*"<>/=\"'!-?& \n\0ax;(){}\\@", "<a href=", "<!--", "-->", "<style>", "</style>", "url(",
         "<script", "</script>", "style=", "srcset=", "@import", "&#x", "<svg>", "<![CDATA[", "]]>",
         "é", "/*"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@given(SIGNS, st.sampled_from(["utf-8", "utf-16-le", "windows-1252"]))
def test_spans_are_ordered_within_the_body_and_never_overlap(html: str, charset: str) -> None:
    body = html.encode(charset)
    end = 0
    for reference in html_references(body, charset):
        assert end <= reference.start <= reference.end <= len(body)
        end = reference.end


@given(SIGNS)
def test_tokens_are_ordered_and_attributes_lie_in_their_tag(html: str) -> None:
    page = html.encode()
    end = 0
    for token in tokens(page):
        assert end <= token.start < token.end
        end = token.end
        inner = token.attributes
        for attribute in attributes(page, token) if token.kind in (Kind.TAG, Kind.END) else ():
            assert inner <= attribute.start <= attribute.value_start <= attribute.value_end <= attribute.end
            inner = attribute.end
        assert inner <= end


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<svg><title/></svg><a href=b>", [("link", "b")]),
        ("<svg><style/><path d=x></svg><a href=b>", [("link", "b")]),
        ("<svg><script href='a.js'/></svg><a href=b>", [("script", "a.js"), ("link", "b")]),
        ("<math><mtext><style></math><a href=b></style>", []),
        ("<svg><style>p{fill:url(&quot;a.gif&quot;)}</style></svg>", [("image", "a.gif")]),
        ("<svg><style><![CDATA[p{fill:url(a.gif)}]]></style></svg><a href=b>",
         [("image", "a.gif"), ("link", "b")]),
        ("<svg><desc><style>p</desc></svg><a href=b></style>", []),
        ("<svg><![CDATA[<a href=a>]]></svg><a href=b>", [("link", "b")]),
        ("<svg><p><title><a href=a></title><a href=b>", [("link", "b")]),
        ("<svg/><title><a href=a></title><a href=b>", [("link", "b")]),
        ("<svg a=/><title><a href=a></title></svg><a href=b>", [("link", "a"), ("link", "b")]),
    ],
)  # fmt: skip
def test_in_drawings_and_formulas_elements_are_read_as_such(
    html: str, expected: list[tuple[str, str]]
) -> None:
    assert told(html) == expected


@pytest.mark.parametrize(
    ("rel", "role"),
    [
        ("compression-dictionary", "other"),
        ("import", "other"),
        ("search", "other"),
        ("next no-such-kind", "other"),
        ("Next", "link"),
        ("alternate stylesheet", "style"),
        ("shortcut icon", "image"),
        ("", "link"),
    ],
)
def test_only_listed_kinds_of_link_elements_lead(rel: str, role: str) -> None:
    assert told(f'<link rel="{rel}" href="x">') == [(role, "x")]
