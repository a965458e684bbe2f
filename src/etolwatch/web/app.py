"""The app: the views, the guard before them, and how an error is told."""

from __future__ import annotations

import logging
import sqlite3
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask, render_template
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException, InternalServerError

from etolwatch.config import Config
from etolwatch.errors import ArchiveError, NoSuchCapture, UnknownPage, UsageError
from etolwatch.publish import phrase
from etolwatch.publish.html import speak
from etolwatch.publish.order import RUBRICS
from etolwatch.review.judgement import State
from etolwatch.web import (
    addresses,
    calendar,
    cdx,
    feeds,
    findings,
    guard,
    judging,
    library,
    login,
    memento,
    named,
    overview,
    replay,
    texts,
)
from etolwatch.web.guard import Access
from etolwatch.web.library import Library

VIEWS = (login, findings, overview, judging, replay, memento, cdx, calendar, texts, feeds)

log = logging.getLogger("etolwatch")


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(config: Config, access: Access, now: Callable[[], datetime] = _utc_now) -> Flask:
    """The WSGI app that shows the store of this configuration to whom ``access`` lets in."""
    app = Flask(__name__)
    app.url_map.merge_slashes = False  # "https://" stands inside of our paths
    app.jinja_options = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    _speak(app)
    library.install(app, Library.of(config, now))
    guard.install(app, access, now)
    for view in VIEWS:
        app.register_blueprint(view.blueprint)
    app.register_error_handler(HTTPException, _told)
    app.register_error_handler(UnknownPage, _absent)
    app.register_error_handler(NoSuchCapture, _absent)
    app.register_error_handler(UsageError, _misused)
    app.register_error_handler(ArchiveError, _damaged)
    app.register_error_handler(sqlite3.DatabaseError, _malformed)
    app.register_error_handler(Exception, _slipped)
    return app


def _speak(app: Flask) -> None:
    """The words of the reports, for templates."""
    speak(app.jinja_env)
    app.jinja_env.filters.update(
        state_label=lambda name: State(name).label,
        size_of=phrase.size_of,
        month_end=_month_end,
    )
    app.jinja_env.globals.update(
        RUBRICS=RUBRICS,
        finding_path=named.finding_path,
        text_path=addresses.text_path,
        web_path=addresses.web_path,
        calendar_path=addresses.calendar_path,
        wayback_uri=addresses.wayback_uri,
    )


def _month_end(month: str) -> str:
    """The last day of a month: "2026-02" gives "2026-02-28"."""
    year, number = int(month[:4]), int(month[5:7])
    return f"{month}-{monthrange(year, number)[1]}"


def _page(status: int, heading: str, text: str) -> tuple[str, int]:
    return render_template("error.html", heading=heading, text=text), status


def _told(error: HTTPException) -> tuple[str, int] | HTTPException:
    status = error.code or 500
    if status < 400:
        return error
    said = {404: "There is nothing at this address."}.get(status, error.description or error.name)
    return _page(status, error.name, said)


def _absent(error: UsageError) -> tuple[str, int]:
    return _page(404, "Not held", str(error))


def _misused(error: UsageError) -> tuple[str, int]:
    return _page(400, "That cannot be", str(error))


def _damaged(error: ArchiveError) -> tuple[str, int]:
    log.error("%s", error)
    return _page(503, "The store cannot be read", f"{library.told(error)}.")


def _malformed(error: sqlite3.DatabaseError) -> tuple[str, int]:
    if isinstance(error, sqlite3.ProgrammingError | sqlite3.IntegrityError):
        return _slipped(error)
    log.error("the catalog cannot be read: %s", error)
    mend = "If it stays so, “etolwatch reindex” makes the catalog again from the WARC files"
    return _page(503, "The store cannot be read", f"The catalog gave an error: {error}. {mend}.")


def _slipped(error: Exception) -> tuple[str, int]:
    log.error("a view failed", exc_info=error)
    return _page(500, InternalServerError().name, "Something went wrong here; the server's log says what.")
