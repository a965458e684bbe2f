"""XHTML as HTML: entities, empty elements, charsets; for the mirror and for the replay."""

from __future__ import annotations

import pytest

from etolwatch.model import Payload
from etolwatch.publish.xhtml import as_html
from etolwatch.web.served import Dest, served

STRICT = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">'
)
PAGE = (
    '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="a.js"/></head>'
    "<body><p>caf&eacute;&nbsp;&amp;lt; <br/>lamp</p><div/></body></html>"
)
KIND = "application/xhtml+xml"


@pytest.mark.parametrize("doctype", [STRICT, "", "<!DOCTYPE html>"])
def test_entities_are_undone_and_empty_elements_are_closed(doctype: str) -> None:
    html = as_html((doctype + PAGE).encode(), KIND).decode()
    assert html.startswith("<!DOCTYPE html>")
    assert '<script src="a.js"></script>' in html
    assert "<p>caf\u00e9\u00a0&amp;lt; <br>lamp</p><div></div>" in html


def test_the_charset_that_the_server_tells_is_heeded() -> None:
    body = '<html xmlns="http://www.w3.org/1999/xhtml"><body>caf\u00e9</body></html>'.encode("latin-1")
    assert "caf\u00e9" in as_html(body, f"{KIND}; charset=iso-8859-1").decode()


def test_no_file_is_read() -> None:
    doctype = '<!DOCTYPE html SYSTEM "file:///etc/passwd" [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    html = as_html((doctype + PAGE.replace("&eacute;&nbsp;", "&x;")).encode(), KIND).decode()
    assert "<p>caf&amp;lt; <br>" in html


def test_faulty_mark_up_is_read_on() -> None:
    assert "lamp" in as_html((STRICT + PAGE.replace("</p>", "</q>")).encode(), KIND).decode()
    assert as_html(b"lamp", KIND) == b"lamp"


def test_the_replay_shows_what_follows_an_empty_element() -> None:
    payload = Payload("https://www.example.org/a.htm", (STRICT + PAGE).encode(), content_type=KIND)
    found = served(payload, "if_", payload.uri, lambda uri, flag: f"/web/1{flag}/{uri}", Dest.PAGE)
    assert "<p>caf\u00e9\u00a0&amp;lt; <br>lamp</p>" in found.body.decode()
    assert found.content_type == "text/html; charset=utf-8"
