"""Who is let in, by which name, from where; and what goes with every answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.security import generate_password_hash

from etolwatch.config import Config
from etolwatch.web import guard
from etolwatch.web.guard import ALL_FAILURES, FAILURES, WITHIN, Access, Attempts, is_foreign, network_of
from etolwatch.web.login import inside
from web.conftest import NOW, Page, Reader, app_of

PASSWORD, TOKEN = "correct horse battery", "a-token-of-thirty-two-characters"
HASH = generate_password_hash(PASSWORD, "scrypt:1024:8:1")  # cheap: what it costs is no concern here
LOCKED = Access(password_hash=HASH, token=TOKEN, secret=b"s" * 32)


@pytest.fixture
def stranger(demo: Config) -> Iterator[Reader]:
    """Somebody before a server with a password."""
    with app_of(demo, LOCKED).test_client() as client:
        yield Reader(client)


def log_in(reader: Reader, word: str = PASSWORD, target: str = "/") -> Page:
    token = reader.get("/login").field("csrf_token")
    return reader.post("/login", {"csrf_token": token, "password": word, "next": target})


# ── by which name ──


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8017", "127.0.0.1", "127.0.0.1:80", "[::1]:8017", "localhost."]
)
def test_the_machine_itself_is_a_name(host: str) -> None:
    assert Access().knows_host(host)


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "192.0.2.1", "evil@localhost",
     "localhost:80:80", "localhost/", "localhost..", "local host", "[::2]", "0x7f000001", "localhost\n"],
)  # fmt: skip
def test_no_other_name_is(host: str) -> None:
    assert not Access().knows_host(host)


def test_on_all_addresses_each_address_is_a_name_and_no_other_word() -> None:
    access = Access(any_address=True, hosts=frozenset({"etol.example.org"}))
    assert access.knows_host("192.0.2.1:8017")
    assert access.knows_host("[2001:db8::1]:8017")
    assert access.knows_host("etol.example.org")
    assert not access.knows_host("evil.example")


@pytest.mark.parametrize("path", ["/", "/static/etolwatch.css", "/feed/all.atom", "/nowhere", "/web/2/x"])
def test_another_name_is_refused_everywhere(reader: Reader, path: str) -> None:
    page = reader.get(path, Host="evil.example")
    assert page.status == 403
    assert "does not go by that name" in page.text


# ── from where ──


@pytest.mark.parametrize(
    ("method", "origin", "site", "foreign"),
    [
        ("POST", "http://localhost", "same-origin", False),
        ("POST", None, None, False),
        ("POST", "http://localhost", None, False),
        ("POST", "http://evil.example", None, True),
        ("POST", "http://[", None, True),
        ("POST", "null", None, True),  # a sandboxed frame, a file
        ("POST", "http://localhost:81", None, True),
        ("POST", "http://localhost", "cross-site", True),
        ("POST", "http://localhost", "same-site", True),
        ("POST", "http://localhost", "none", True),
        ("DELETE", "http://evil.example", None, True),
        ("GET", "http://evil.example", "cross-site", False),
        ("HEAD", "http://evil.example", "cross-site", False),
    ],
)
def test_changes_come_from_our_own_pages(
    method: str, origin: str | None, site: str | None, foreign: bool
) -> None:
    assert is_foreign(method, "localhost", origin, site) is foreign


def test_a_form_of_another_site_changes_nothing(reader: Reader, lamps: str) -> None:
    shown = reader.get(lamps)
    names = ("csrf_token", "uri", "at", "digest", "back")
    data = {name: shown.field(name) for name in names} | {"state": "trivial", "reviewer": "Ann"}
    assert reader.post("/judge", data, Origin="http://evil.example").status == 403
    assert reader.post("/judge", data, Sec_Fetch_Site="cross-site").status == 403
    assert lamps in reader.get("/").links("to")


@pytest.mark.parametrize("token", ["", "x" * 32, "ü"])
@pytest.mark.parametrize("path", ["/judge", "/undo", "/logout", "/login"])
def test_a_change_without_the_token_is_refused(reader: Reader, path: str, token: str) -> None:
    reader.get("/")
    page = reader.post(path, {"csrf_token": token})
    assert page.status == 403
    assert "too old" in page.text


def test_a_token_of_another_session_is_refused(demo: Config, lamps: str) -> None:
    app = app_of(demo)
    with app.test_client() as one, app.test_client() as two:
        token = Reader(one).get(lamps).field("csrf_token")
        assert Reader(two).post("/undo", {"csrf_token": token}).status == 403


# ── the password ──


@pytest.mark.parametrize("path", ["/", "/overview", "/findings.csv", "/history", "/nowhere", "/rules"])
def test_without_the_password_there_is_only_the_form(stranger: Reader, path: str) -> None:
    page = stranger.get(path)
    assert page.status == 303
    assert page.response.location.startswith("/login?next=")
    assert "Penhale" not in page.html


def test_the_form_itself_and_its_style_are_shown(stranger: Reader) -> None:
    assert stranger.get("/login").status == 200
    assert stranger.get("/static/etolwatch.css").status == 200


def test_the_password_opens_the_page_that_was_asked_for(stranger: Reader) -> None:
    assert log_in(stranger, target="/overview").response.location == "/overview"
    assert stranger.get("/overview").status == 200
    assert stranger.get("/login?next=/help").response.location == "/help"


def test_another_word_does_not(stranger: Reader) -> None:
    page = log_in(stranger, "wrong horse battery")
    assert page.status == 403
    assert "That is not the password." in page.text
    assert stranger.get("/").status == 303


@pytest.mark.parametrize("word", ["", "x" * 5000])
def test_no_word_and_a_book_are_not_even_tried(stranger: Reader, word: str) -> None:
    assert log_in(stranger, word).status == 403


def test_leaving_ends_the_session(stranger: Reader) -> None:
    log_in(stranger)
    token = stranger.get("/").field("csrf_token")
    assert stranger.post("/logout", {"csrf_token": token}).status == 303
    assert stranger.get("/").status == 303


def test_a_new_session_gets_a_new_token(stranger: Reader) -> None:
    before = stranger.get("/login").field("csrf_token")
    log_in(stranger)
    assert stranger.get("/").field("csrf_token") != before


def test_a_link_from_elsewhere_leads_on_with_one_click(stranger: Reader) -> None:
    page = stranger.get("/login?next=/overview", Sec_Fetch_Site="cross-site")
    assert 'href="/overview"' in page.html


def test_a_session_that_is_not_signed_by_us_is_none(demo: Config) -> None:
    with app_of(demo, replace(LOCKED, secret=b"t" * 32)).test_client() as other:
        reader = Reader(other)
        log_in(reader)
        (cookie,) = [c for c in other._cookies.values() if c.key == "etolwatch"]
    with app_of(demo, LOCKED).test_client() as client:
        client.set_cookie("etolwatch", cookie.value)
        assert Reader(client).get("/").status == 303


def test_who_has_left_is_gone_with_every_copy_of_the_cookie(demo: Config) -> None:
    app = app_of(demo, LOCKED)
    client, copy = app.test_client(), app.test_client()
    reader = Reader(client)
    log_in(reader)
    (cookie,) = [c for c in client._cookies.values() if c.key == "etolwatch"]
    copy.set_cookie("etolwatch", cookie.value)
    assert Reader(copy).get("/").status == 200
    shown = reader.get("/").field("csrf_token")
    assert reader.post("/logout", {"csrf_token": shown}).status == 303
    copy.set_cookie("etolwatch", cookie.value)
    assert Reader(copy).get("/").status == 303


def test_a_session_ends_by_itself() -> None:
    sessions = guard.Sessions()
    name = sessions.begin(NOW)
    assert sessions.knows(name, NOW + guard.SESSION_FOR - timedelta(seconds=1))
    assert not sessions.knows(name, NOW + guard.SESSION_FOR)
    assert not sessions.knows(True, NOW)


def test_two_servers_of_one_machine_keep_their_cookies_apart(demo: Config) -> None:
    """A browser keeps the cookies of both together: each must find its own again."""
    names = []
    for port in (8017, 8018):
        with app_of(demo, LOCKED).test_client() as client:
            page = client.get("/login", base_url=f"http://127.0.0.1:{port}")
            names.append(page.headers["Set-Cookie"].split("=")[0])
    assert names == ["etolwatch-8017", "etolwatch-8018"]


def test_the_cookie_is_strict_and_out_of_reach(stranger: Reader) -> None:
    set_cookie = log_in(stranger).response.headers["Set-Cookie"]
    assert "HttpOnly" in set_cookie
    assert "SameSite=Strict" in set_cookie
    assert "Secure" not in set_cookie  # it came without TLS


def test_by_tls_the_cookie_is_for_tls_alone(demo: Config) -> None:
    with app_of(demo, LOCKED).test_client() as client:
        page = client.get("/login", base_url="https://localhost")
        assert "Secure" in page.headers["Set-Cookie"]


# ── programs ──


@pytest.mark.parametrize("auth", [("reader", PASSWORD), ("", TOKEN)])
def test_a_feed_reader_shows_the_word_with_each_request(stranger: Reader, auth: tuple[str, str]) -> None:
    assert stranger.client.get("/feed/all.atom", auth=auth).status_code == 200


def test_a_program_may_show_the_token(stranger: Reader) -> None:
    assert stranger.get("/", Authorization=f"Bearer {TOKEN}").status == 200


def test_a_program_without_it_is_told_what_is_needed(stranger: Reader) -> None:
    answer = stranger.client.get("/feed/all.atom")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_what_a_program_shows_is_for_reading_alone(stranger: Reader) -> None:
    answer = stranger.client.post("/undo", auth=("", TOKEN), data={})
    assert answer.status_code == 401


def test_wrong_words_of_programs_count_too(stranger: Reader) -> None:
    for _ in range(FAILURES):
        assert stranger.client.get("/feed/all.atom", auth=("", "wrong")).status_code == 401
    assert stranger.client.get("/feed/all.atom", auth=("", TOKEN)).status_code == 401


# ── trying words out ──


def test_after_some_wrong_words_one_must_wait(stranger: Reader) -> None:
    for _ in range(FAILURES - 1):
        assert log_in(stranger, "wrong").status == 403
    assert log_in(stranger, "wrong").status == 429
    page = log_in(stranger, PASSWORD)
    assert page.status == 429
    assert "Try again in 15 minutes." in page.text
    assert 0 < int(page.response.headers["Retry-After"]) <= WITHIN.total_seconds()


def test_the_wait_ends() -> None:
    attempts = Attempts()
    for _ in range(FAILURES):
        attempts.failed("192.0.2.1", NOW)
    assert attempts.must_wait("192.0.2.1", NOW) == WITHIN.total_seconds()
    assert attempts.must_wait("192.0.2.2", NOW) == 0
    assert attempts.must_wait("192.0.2.1", NOW + WITHIN) == 0


def test_many_addresses_together_must_wait_too() -> None:
    attempts = Attempts()
    for number in range(ALL_FAILURES):
        attempts.failed(f"192.0.2.{number}", NOW)
    assert attempts.must_wait("198.51.100.1", NOW) > 0


def test_the_addresses_of_one_network_are_one() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:2")
    assert network_of("2001:db8::1") != network_of("2001:db8:0:1::1")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("nonsense") == "nonsense"


def test_neither_a_port_nor_the_way_of_writing_makes_another_address() -> None:
    assert network_of("[2001:db8::1]:50001") == network_of("[2001:db8::1]:50002") == network_of("2001:db8::1")
    assert network_of("[2001:db8::1]") == network_of("2001:db8::1")
    assert network_of("203.0.113.20:50001") == network_of("::ffff:203.0.113.20") == "203.0.113.20"
    assert network_of("::ffff:203.0.113.20") != network_of("::ffff:203.0.113.21")


# ── replayed pages, which have no session ──


def test_the_key_opens_the_replay_and_nothing_else(stranger: Reader) -> None:
    key = LOCKED.key
    assert stranger.get(f"/~{key}/web/20261103070000id_/https://demo.example/nothing").status == 404
    for path in (f"/~{key}/", f"/~{key}/findings.csv", f"/~{'0' * 32}/web/2/x", f"/~{key}/finding/2/x"):
        assert stranger.get(path).status == 303, path
    assert stranger.get(f"/~{key}/web/../overview").status == 404


def test_the_key_changes_nothing(stranger: Reader) -> None:
    assert stranger.post(f"/~{LOCKED.key}/web/2/x", {}).status == 401


def test_no_header_can_stand_for_the_key(stranger: Reader) -> None:
    answer = stranger.client.get("/web/2/x", environ_overrides={"etolwatch.keyed": True})
    assert answer.status_code == 401


def test_parts_of_a_replayed_page_carry_the_key_only_where_there_is_a_password(demo: Config) -> None:
    for access, path in ((Access(), "/web/2/x"), (LOCKED, f"/~{LOCKED.key}/web/2/x")):
        with app_of(demo, access).test_request_context("/"):
            assert guard.keyed("/web/2/x") == path


# ── what goes with every answer ──


@pytest.mark.parametrize(
    "path", ["/", "/help", "/overview", "/rules", "/history", "/nowhere", "/judge", "/static/keys.js"]
)
def test_every_answer_is_hardened(reader: Reader, path: str) -> None:
    headers = reader.get(path).response.headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] in ("same-origin", "no-referrer")


@pytest.mark.parametrize("path", ["/", "/help", "/overview", "/rules", "/history", "/login?next=/x"])
def test_no_page_has_script_or_style_in_it(demo: Config, path: str) -> None:
    with app_of(demo, LOCKED).test_client() as client:
        reader = Reader(client)
        shown = reader.get(path).html if "login" in path else ""
        log_in(reader)
        shown = shown or reader.get(path).html
    assert " style=" not in shown
    assert "<style" not in shown
    assert not [line for line in shown.splitlines() if "<script" in line and " src=" not in line]
    assert " onclick" not in shown


@pytest.mark.parametrize("path", ["/static/", "/static/../app.py", "/static/%2e%2e/app.py", "/static"])
def test_no_folder_is_listed_and_nothing_else_is_given_out(reader: Reader, path: str) -> None:
    assert reader.get(path).status == 404


def test_a_slip_of_ours_shows_no_trace(demo: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def slip(*_: object) -> str:
        raise RuntimeError("the inner life of the server")

    app = app_of(demo)
    app.view_functions["findings.index"] = slip
    with app.test_client() as client:
        page = Reader(client).get("/")
    assert page.status == 500
    assert "inner life" not in page.html
    assert "Traceback" not in page.html
    assert "RuntimeError" not in page.html


def test_the_largest_form_is_bounded(reader: Reader) -> None:
    assert reader.post("/judge", {"csrf_token": "x", "note": "x" * 3_000_000}).status == 413


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("/overview", "/overview"),
        ("/finding/2/https://a.example/?b", "/finding/2/https://a.example/?b"),
        ("", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/x\\..\\", "/"),
        ("https://evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/ok\r\nSet-Cookie: a=b", "/"),
    ],
)
def test_a_login_leads_to_our_own_pages(target: str, kept: str) -> None:
    assert inside(target) == kept


def test_times_are_compared_as_instants() -> None:
    attempts = Attempts()
    early = datetime(2026, 11, 7, 12, tzinfo=UTC)
    for _ in range(FAILURES):
        attempts.failed("192.0.2.1", early - WITHIN + timedelta(seconds=30))
    assert attempts.must_wait("192.0.2.1", early) == 30
